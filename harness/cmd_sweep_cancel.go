package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/launch"
)

func newSweepCancelCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel NAME",
		Short: "Stop the tasks of a sweep, wherever they run",
		Long: `Stop a sweep: the process that runs it on this machine, and its jobs on a cluster.
Tasks write a checkpoint, and the same sweep command goes on later.`,
		Example:           "  harness sweep cancel fm_vs_ddpm",
		Args:              exactly(1, "one NAME"),
		ValidArgsFunction: a.completeSweeps,
		RunE: func(cmd *cobra.Command, args []string) error {
			session, err := launch.Reopen(cmd.Context(), args[0], launch.Options{StorePath: a.storePath})
			if err != nil {
				return err
			}
			defer session.Close()
			cancelled, err := session.Cancel(cmd.Context())
			for _, what := range cancelled {
				fmt.Fprintf(a.out, "stopped: %s\n", clean(what))
			}
			if err == nil && len(cancelled) == 0 {
				fmt.Fprintf(a.out, "nothing of sweep %s is running\n", clean(args[0]))
			}
			return err
		},
	}
}
