package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/sweep"
)

type sweepStatusOptions struct {
	*app
	json bool
}

func newSweepStatusCommand(a *app) *cobra.Command {
	o := &sweepStatusOptions{app: a}
	cmd := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Print how far a sweep is, or list the sweeps",
		Long: `Print how far each task of a sweep is, wherever it runs; without NAME, list the
sweeps that were run with this store. What is recorded in the tasks' own stores
counts once it is collected.`,
		Example:           "  harness sweep status\n  harness sweep status fm_vs_ddpm",
		ValidArgsFunction: a.completeSweeps,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return o.list()
			case 1:
				return o.run(cmd.Context(), args[0])
			}
			return usagef("expected at most one NAME, got %s", quoted(args))
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (o *sweepStatusOptions) list() error {
	names := o.sweepNames()
	if o.json {
		return o.printJSON(names)
	}
	for _, name := range names {
		fmt.Fprintln(o.out, clean(name))
	}
	return nil
}

func (o *sweepStatusOptions) run(ctx context.Context, name string) error {
	session, err := launch.Reopen(ctx, name, launch.Options{StorePath: o.storePath})
	if err != nil {
		return err
	}
	defer session.Close()
	tasks, err := session.Tasks(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(tasks)
	}
	t := o.newTable()
	t.AppendHeader(row("task", "variant", "seed", "runs", "state", "progress", "run"))
	counts := map[string]int{}
	for _, s := range tasks {
		counts[s.State]++
		t.AppendRow(row(s.Task, clean(s.Variant), fmt.Sprint(s.Seed), fmt.Sprintf("%d/%d", s.Done, s.Runs), s.State, taskProgress(s.Status), s.Status.Run))
	}
	t.Render()
	fmt.Fprintf(o.out, "\n%d tasks:", len(tasks))
	for _, state := range launch.TaskStates() {
		if n := counts[state]; n > 0 {
			fmt.Fprintf(o.out, " %d %s", n, state)
		}
	}
	fmt.Fprintln(o.out)
	if pid, host := session.Folder.Owner(); pid != 0 {
		fmt.Fprintf(o.out, "run by process %d on %s\n", pid, clean(host))
	}
	return nil
}

// sweepNames lists the sweeps that have a folder.
func (a *app) sweepNames() []string {
	names := []string{}
	entries, err := os.ReadDir(filepath.Dir(string(sweep.FolderOf(a.storePath(""), "x"))))
	if err != nil {
		return names // there is no folder: no sweep was run
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// completeSweeps completes the name of a sweep.
func (a *app) completeSweeps(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return a.sweepNames(), cobra.ShellCompDirectiveNoFileComp
}
