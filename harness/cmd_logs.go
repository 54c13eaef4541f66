package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/store"
)

func newLogsCommand(a *app) *cobra.Command {
	var tail int
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "logs RUN",
		Short:             "Print the log of a run",
		Example:           "  harness logs @1\n  harness logs @1 -n 20",
		Args:              exactly(1, "one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if tail < 0 {
				return usagef("--tail must not be negative, got %d", tail)
			}
			return a.withRuns(cmd.Context(), args, func(st *store.Store, runs []*store.Run) error {
				lines, err := st.Logs(cmd.Context(), runs[0].ID, store.LogOptions{Tail: tail})
				if err != nil {
					return err
				}
				if asJSON {
					rows := make([]map[string]any, 0, len(lines))
					for _, l := range lines {
						rows = append(rows, map[string]any{"line": l.Line, "at": l.At.UTC(), "level": l.Level, "message": l.Message})
					}
					return a.printJSON(rows)
				}
				for _, l := range lines {
					fmt.Fprintf(a.out, "%s %-5s %s\n", l.At.Local().Format(time.DateTime), l.Level, clean(l.Message))
				}
				return nil
			})
		},
	}
	cmd.Flags().IntVarP(&tail, "tail", "n", 0, "only the last so many lines (0: all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects")
	return cmd
}
