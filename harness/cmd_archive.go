package main

import (
	"github.com/spf13/cobra"

	"flowharness/harness/internal/store"
)

func newArchiveCommand(a *app) *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "archive RUN…",
		Short: "Put runs out of sight, or back",
		Long: `Put runs out of sight: harness list shows them with --archived only. Nothing else
changes: they are found by their names, compared, and count as made for a sweep.
Resuming a run takes it out of the archive.`,
		Example:           "  harness archive @2 brave-otter-42\n  harness archive --undo brave-otter-42\n  harness list --archived",
		Args:              atLeast(1, "at least one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRuns(cmd.Context(), args, func(st *store.Store, runs []*store.Run) error {
				if undo {
					return st.Unarchive(cmd.Context(), runIDs(runs)...)
				}
				return st.Archive(cmd.Context(), runIDs(runs)...)
			})
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "take them out of the archive")
	return cmd
}

func runIDs(runs []*store.Run) []string {
	ids := make([]string, len(runs))
	for i, r := range runs {
		ids[i] = r.ID
	}
	return ids
}
