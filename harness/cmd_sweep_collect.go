package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/sweep"
)

type sweepCollectOptions struct {
	*app
	json bool
}

func newSweepCollectCommand(a *app) *cobra.Command {
	o := &sweepCollectOptions{app: a}
	cmd := &cobra.Command{
		Use:   "collect NAME",
		Short: "Bring the runs that a sweep's tasks recorded into the store, and compare them",
		Long: `Merge the stores that the tasks of a sweep have written on a cluster into the
store, as far as they are, and compare the variants. It can be repeated at any
time, and while tasks are running.

Exit codes: 0 all runs are done, 1 some are not, 4 a gate of the file failed.`,
		Example:           "  harness sweep collect fm_vs_ddpm",
		Args:              exactly(1, "one NAME"),
		ValidArgsFunction: a.completeSweeps,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print the outcome and the comparison as JSON")
	return cmd
}

func (o *sweepCollectOptions) run(ctx context.Context, name string) error {
	session, err := launch.Reopen(ctx, name, launch.Options{StorePath: o.storePath,
		Warn: func(message string) { fmt.Fprintf(o.err, "warning: %s\n", clean(message)) }})
	if err != nil {
		return err
	}
	defer session.Close()
	if err := session.Collect(ctx); err != nil {
		return err
	}
	if err := o.finish(ctx, session, sweep.Outcome{}, o.json); err != nil {
		return err
	}
	if left := session.Left(); len(left) > 0 {
		return fmt.Errorf("%d of %d tasks have not ended: harness sweep status %s shows them, harness sweep %s goes on", len(left),
			len(session.Plan.Tasks), name, session.Memory.File)
	}
	return nil
}
