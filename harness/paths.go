package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flowharness/harness/internal/classifier"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/plugin"
)

// pathValue is a flag that holds a path, with ~/ for the home folder: a shell does not expand --flag=~/file.
type pathValue struct{ path *string }

func (v pathValue) String() string {
	if v.path == nil {
		return ""
	}
	return *v.path
}

func (v pathValue) Type() string { return "string" }

func (v pathValue) Set(path string) (err error) {
	*v.path, err = files.Expand(path)
	return err
}

func pathVar(f *pflag.FlagSet, path *string, name, usage string) { f.Var(pathValue{path}, name, usage) }

func pathVarP(f *pflag.FlagSet, path *string, name, letter, usage string) {
	f.VarP(pathValue{path}, name, letter, usage)
}

// pathVariables are the variables that hold a path.
var pathVariables = []string{storeEnv, dataset.DataDirEnv, dataset.PreparedDirEnv, classifier.DirEnv, plugin.CacheDirEnv}

const storeEnv = "HARNESS_STORE"

// expandHome replaces ~/ at the beginning of arguments and of variables that hold paths. Nothing but a path begins so.
func expandHome(_ *cobra.Command, args []string) error {
	for i, arg := range args {
		expanded, err := files.Expand(arg)
		if err != nil {
			return &usageError{err}
		}
		args[i] = expanded
	}
	for _, name := range pathVariables {
		value := os.Getenv(name)
		if !strings.HasPrefix(value, "~") {
			continue
		}
		expanded, err := files.Expand(value)
		if err == nil {
			err = os.Setenv(name, expanded)
		}
		if err != nil {
			return usagef("$%s: %w", name, err)
		}
	}
	if list := os.Getenv(plugin.SearchPathEnv); strings.Contains(list, "~") {
		return os.Setenv(plugin.SearchPathEnv, expandList(list))
	}
	return nil
}

// expandList replaces ~/ in a list of folders. It is of other programs, too: what cannot be replaced stays, and is not found.
func expandList(list string) string {
	folders := filepath.SplitList(list)
	for i, folder := range folders {
		if expanded, err := files.Expand(folder); err == nil {
			folders[i] = expanded
		}
	}
	return strings.Join(folders, string(filepath.ListSeparator))
}
