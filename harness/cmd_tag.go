package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/label"
	"flowharness/harness/internal/store"
)

func newTagCommand(a *app) *cobra.Command {
	var remove []string
	var notes string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tag RUN [TAG…]",
		Short: "Tag a run, untag it, set its notes",
		Long: `Add tags to a run, remove tags, set its notes. Without any of these, print its tags.
A tag is a text of any language without commas.`,
		Example:           "  harness tag @1 paper baseline\n  harness tag @1 --remove draft --notes 'figure 3'",
		Args:              atLeast(1, "a RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, tag := range append(args[1:len(args):len(args)], remove...) {
				if _, err := label.Tag(tag); err != nil {
					return usagef("%w", err)
				}
			}
			return a.withRuns(cmd.Context(), args[:1], func(st *store.Store, runs []*store.Run) error {
				ctx, id := cmd.Context(), runs[0].ID
				if len(args) > 1 || len(remove) > 0 {
					if err := st.UpdateTags(ctx, id, args[1:], remove); err != nil {
						return err
					}
				}
				if cmd.Flags().Changed("notes") {
					if err := st.SetNotes(ctx, id, notes); err != nil {
						return err
					}
				}
				r, err := st.Run(ctx, id)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(toJSON(r.RunInfo))
				}
				for _, tag := range r.Tags {
					fmt.Fprintln(a.out, clean(tag))
				}
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVarP(&remove, "remove", "d", nil, "remove these tags")
	cmd.Flags().StringVar(&notes, "notes", "", "set the notes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the run as JSON")
	return cmd
}
