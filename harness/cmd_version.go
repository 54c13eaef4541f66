package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/machine"
)

func newVersionCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the versions of what is built in",
		Example: "  harness version --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			facts, git := machine.Collect(cmd.Context()), machine.BuildGit()
			if asJSON {
				return a.printJSON(map[string]any{"commit": git.Commit, "dirty": git.Dirty, "go": facts.GoVersion, "arch": facts.Arch,
					"modules": facts.Versions})
			}
			fmt.Fprintf(a.out, "%-36s %s\n", "harness", commitOf(git))
			fmt.Fprintf(a.out, "%-36s %s %s\n", "go", facts.GoVersion, facts.Arch)
			for _, module := range slices.Sorted(maps.Keys(facts.Versions)) {
				fmt.Fprintf(a.out, "%-36s %s\n", module, facts.Versions[module])
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func commitOf(g machine.Git) string {
	switch {
	case g.Commit == "":
		return "built outside of a checkout"
	case g.Dirty:
		return fmt.Sprintf("%.12s with changes", g.Commit)
	default:
		return fmt.Sprintf("%.12s", g.Commit)
	}
}
