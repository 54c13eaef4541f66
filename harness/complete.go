package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/record"
	"flowharness/metrics"
	"flowharness/schedulers"
)

// words completes from a list that needs no store.
type words func() []string

// flagWords are what the values of flags begin with, in whichever command they are.
var flagWords = map[string]words{
	"backend": backend.Names,
	"dataset": dataset.Names,
	"format":  func() []string { return seriesFormats },
	"process": schedulers.ProcessNames,
	"sampler": func() []string { return schedulers.SamplerNames("") },
	"set":     settings,
	"status": func() (list []string) {
		for _, s := range record.Statuses() {
			list = append(list, string(s))
		}
		return list
	},
}

// settings are the keys of --set, as far as to the value.
func settings() (list []string) {
	for _, key := range config.Keys() {
		list = append(list, key+"=")
	}
	return list
}

// flagColumns are what the values of flags are that the store's runs tell.
var flagColumns = map[string]func(context.Context, *catalog.Snapshot) ([]string, error){
	"sort":    func(ctx context.Context, all *catalog.Snapshot) ([]string, error) { return all.Names(ctx) },
	"columns": func(ctx context.Context, all *catalog.Snapshot) ([]string, error) { return all.Names(ctx) },
	"where":   func(ctx context.Context, all *catalog.Snapshot) ([]string, error) { return all.Names(ctx) },
	"series":  func(ctx context.Context, all *catalog.Snapshot) ([]string, error) { return all.Series(ctx) },
	"tag":     func(ctx context.Context, all *catalog.Snapshot) ([]string, error) { return all.Tags(ctx) },
	"remove":  func(ctx context.Context, all *catalog.Snapshot) ([]string, error) { return all.Tags(ctx) },
	"metric": func(_ context.Context, all *catalog.Snapshot) (names []string, _ error) {
		for _, m := range metrics.All() {
			names = append(names, strings.ReplaceAll(m.Name, "{dataset}", "*")) // a pattern
		}
		for _, name := range all.Metrics {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return names, nil
	},
}

// completeFlags teaches a command and those below it to complete the values of their flags.
func (a *app) completeFlags(cmd *cobra.Command) {
	for name, list := range flagWords {
		a.completeFlag(cmd, name, func(context.Context) []string { return list() })
	}
	for name, read := range flagColumns {
		a.completeFlag(cmd, name, func(ctx context.Context) []string { return a.columnWords(ctx, read) })
	}
	for _, sub := range cmd.Commands() {
		a.completeFlags(sub)
	}
}

func (a *app) completeFlag(cmd *cobra.Command, name string, list func(context.Context) []string) {
	if cmd.Flags().Lookup(name) == nil {
		return
	}
	complete := func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		directive := cobra.ShellCompDirectiveNoFileComp
		if name == "set" || name == "where" {
			directive |= cobra.ShellCompDirectiveNoSpace // a value follows
		}
		// Of a list with commas the last word is being typed.
		before := typed[:strings.LastIndex(typed, ",")+1]
		var found []string
		for _, word := range list(cmd.Context()) {
			if strings.HasPrefix(word, typed[len(before):]) {
				found = append(found, before+word)
			}
		}
		return found, directive
	}
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // two functions for one flag
	}
}

// columnWords are words that runs tell; none where there is no store to ask.
func (a *app) columnWords(ctx context.Context, read func(context.Context, *catalog.Snapshot) ([]string, error)) []string {
	st, err := a.openStore(ctx)
	if err != nil {
		return nil
	}
	defer st.Close()
	all, err := catalog.Open(ctx, st)
	if err != nil {
		return nil
	}
	list, err := read(ctx, all)
	if err != nil {
		return nil
	}
	return list
}

// configEndings are those of the files that run and sweep take.
var configEndings = []string{"yaml", "yml"}

// completeConfigs completes the name of a file. The shell lists the files, unless a command below this one begins like it: the
// shell would take its name for another ending.
func completeConfigs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	begins := func(sub *cobra.Command) bool { return sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), typed) }
	if len(args) > 0 || !slices.ContainsFunc(cmd.Commands(), begins) {
		return configEndings, cobra.ShellCompDirectiveFilterFileExt
	}
	return configsHere(typed), cobra.ShellCompDirectiveNoFileComp
}

// configsHere lists the folders and the configs of this folder that begin so.
func configsHere(typed string) (names []string) {
	entries, err := os.ReadDir(".")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case !strings.HasPrefix(name, typed) || strings.HasPrefix(name, "."):
		case e.IsDir():
			names = append(names, name+"/")
		case slices.Contains(configEndings, strings.TrimPrefix(filepath.Ext(name), ".")):
			names = append(names, name)
		}
	}
	return names
}
