package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/store"
)

func newRmCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "rm RUN…",
		Short:             "Delete runs, with their checkpoints",
		Long:              "Delete runs with everything recorded about them, and their checkpoints. There is no undo. A running run is refused.",
		Example:           "  harness rm @1\n  harness rm brave-otter-42 calm-heron-7 --yes",
		Args:              atLeast(1, "at least one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && !a.inTerminal {
				return usagef("pass --yes to delete without being asked")
			}
			return a.withRuns(cmd.Context(), args, func(st *store.Store, runs []*store.Run) error {
				runs = distinct(runs)
				for _, r := range runs {
					fmt.Fprintf(a.err, "%s  %s  %s, %d steps\n", r.Slug, clean(r.Name), r.Status, r.LastStep)
				}
				if !yes {
					what := "this run"
					if len(runs) > 1 {
						what = fmt.Sprintf("these %d runs", len(runs))
					}
					fmt.Fprintf(a.err, "delete %s for good? [y/N] ", what)
					answer, _ := bufio.NewReader(a.in).ReadString('\n')
					if !strings.EqualFold(strings.TrimSpace(answer), "y") {
						return errors.New("nothing was deleted")
					}
				}
				for _, r := range runs {
					if err := st.DeleteRun(cmd.Context(), r.ID); err != nil {
						return fmt.Errorf("deleting %s: %w", r.Slug, err)
					}
					if err := os.RemoveAll(experiment.CheckpointDir(st.Path(), r.ID)); err != nil {
						return fmt.Errorf("%s is deleted, but not its checkpoints: %w", r.Slug, err)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// distinct leaves out runs that were named before, by another name.
func distinct(runs []*store.Run) []*store.Run {
	var list []*store.Run
	for _, r := range runs {
		if !slices.ContainsFunc(list, func(other *store.Run) bool { return other.ID == r.ID }) {
			list = append(list, r)
		}
	}
	return list
}
