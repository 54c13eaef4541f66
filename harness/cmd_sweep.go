package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/sweep"
)

// sweepFlags are the flags of the commands that read a sweep file.
type sweepFlags struct {
	launch.Options
	retries int
}

func (f *sweepFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Launcher, "launcher", "", "local or slurm (default: what the file says, or local)")
	flags.IntVar(&f.Jobs, "jobs", 0, "runs at once; their processors and memory are divided among them (default: what the file says, or 1)")
	flags.IntVar(&f.retries, "retries", 0, "how often a run that fails is tried again (default: what the file says, or 0)")
	flags.BoolVar(&f.Fresh, "fresh", false, "make all runs again, also those that are done")
	flags.BoolVar(&f.AnyCode, "any-version", false, "count runs made by other versions of this program, too")
	flags.BoolVar(&f.Yes, "yes", false, fmt.Sprintf("allow more than %d runs", sweep.MaxRuns))
}

// options checks the flags.
func (f *sweepFlags) options(cmd *cobra.Command, a *app) (launch.Options, error) {
	o := f.Options
	switch {
	case f.Jobs < 0 || cmd.Flags().Changed("jobs") && f.Jobs == 0:
		return o, usagef("--jobs must be at least 1, got %d", f.Jobs)
	case f.retries < 0:
		return o, usagef("--retries must not be negative, got %d", f.retries)
	case f.Launcher != "" && f.Launcher != sweep.LauncherLocal && f.Launcher != sweep.LauncherSlurm:
		return o, usagef("there is no launcher %q; use %s or %s", f.Launcher, sweep.LauncherLocal, sweep.LauncherSlurm)
	}
	if cmd.Flags().Changed("retries") {
		o.Retries = &f.retries
	}
	o.StorePath, o.Bind = a.storePath, experiment.Bind
	o.Warn = func(message string) { fmt.Fprintf(a.err, "warning: %s\n", clean(oneLine(message))) }
	return o, nil
}

type sweepOptions struct {
	*app
	sweepFlags
	wait, json bool
}

func newSweepCommand(a *app) *cobra.Command {
	o := &sweepOptions{app: a}
	cmd := &cobra.Command{
		Use:   "sweep FILE",
		Short: "Make the runs of a sweep file and compare them",
		Long: `Make all runs that a sweep file stands for, and compare its variants.

A run is recognised by its config and the version of this program: what is done
is not done again, what was interrupted goes on from its checkpoint, what failed
is tried again, --retries times. Variants that differ in their sampling only share
one training. So the same command always continues, after Ctrl-C or a crash, with
another launcher, or when the file has more values.

docs/sweeps.md describes the file, searches, and clusters.

Exit codes: 0 done, 1 a run failed, 2 wrong usage or file, 4 a gate of the file
failed, 130 interrupted.`,
		Example: `  harness sweep plan configs/sweeps/fm_vs_ddpm.yaml
  harness sweep configs/sweeps/fm_vs_ddpm.yaml --jobs 2
  harness sweep configs/sweeps/fm_vs_ddpm.yaml --launcher slurm --wait`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("expected one sweep FILE, or a command: plan, status, collect, check, cancel")
			}
			options, err := o.options(cmd, a)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0], options)
		},
		ValidArgsFunction: completeConfigs,
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&o.wait, "wait", false, "on a cluster: wait for the end instead of returning once all is submitted")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the outcome and the comparison as JSON")
	cmd.AddCommand(newSweepPlanCommand(a), newSweepStatusCommand(a), newSweepCollectCommand(a), newSweepCheckCommand(a),
		newSweepCancelCommand(a), newSweepTaskCommand(a), newSweepSchemaCommand(a))
	return cmd
}

func (o *sweepOptions) run(ctx context.Context, path string, options launch.Options) error {
	progress := newSweepProgress(o.err)
	options.Observe = progress.observe
	warn := options.Warn
	options.Warn = func(message string) { progress.interject(func() { warn(message) }) }
	session, err := launch.Open(ctx, path, options)
	if err != nil {
		return sweepError(err)
	}
	defer session.Close()
	progress.begin(session)
	cluster := session.Plan.File.Launcher == sweep.LauncherSlurm
	if cluster && !o.wait && len(session.Left()) > 0 {
		return o.submit(ctx, session)
	}
	outcome, err := session.Run(ctx)
	progress.close()
	switch {
	case errors.Is(err, sweep.ErrStopped) && cluster:
		fmt.Fprintf(o.err, "no longer waiting; the jobs go on. To stop them, type: harness sweep cancel %s\n", session.Plan.File.Name)
		return &quietError{context.Canceled}
	case errors.Is(err, sweep.ErrStopped):
		fmt.Fprintf(o.err, "stopped; to go on, type: harness sweep %s\n", path)
		return &quietError{context.Canceled}
	}
	if err != nil {
		return err
	}
	return o.finish(ctx, session, outcome, o.json)
}

// submit leaves the tasks to the cluster.
func (o *sweepOptions) submit(ctx context.Context, session *launch.Session) error {
	done, err := session.Submit(ctx)
	if errors.Is(err, launch.ErrNeedsWaiting) {
		return &usageError{err}
	}
	if err != nil {
		return err
	}
	name := session.Plan.File.Name
	fmt.Fprintf(o.err, "%s submitted, %d in the queue already\n", printable.Count(done.Submitted, "task"), done.Queued)
	if done.Refused > 0 {
		return fmt.Errorf("%d tasks are not submitted: %w; "+
			"when some have ended the same command submits more, and with --wait it does so by itself", done.Refused, done.Why)
	}
	fmt.Fprintf(o.err, "to see how far they are: harness sweep status %s\nto bring their runs into the store and compare them: harness "+
		"sweep collect %s\n", name, name)
	return nil
}

// sweepError says how to have a very large sweep made nevertheless.
func sweepError(err error) error {
	if errors.Is(err, sweep.ErrTooMany) {
		return usagef("%w, and more than %d are only made with --yes", err, sweep.MaxRuns)
	}
	return err
}

// finish ends a sweep: what failed, what the variants have come to, and where
// the reports are.
func (a *app) finish(ctx context.Context, session *launch.Session, outcome sweep.Outcome, asJSON bool) error {
	plan := session.Plan
	comparison, err := plan.Compare(ctx, session.Store, session.Inventory)
	if err != nil {
		return err
	}
	summary := session.Summary(outcome)
	if comparison != nil {
		if err := plan.WriteReports(ctx, session.Store, comparison, session.Folder, summary, clean); err != nil {
			return err
		}
	}
	if err := a.printSweep(session, outcome, comparison, summary, asJSON); err != nil {
		return err
	}
	if n := len(outcome.Failed); n > 0 {
		return fmt.Errorf("%d of %s failed; when the cause is removed the same command goes on", n,
			printable.Count(len(plan.Tasks), "task"))
	}
	if comparison != nil {
		if failed := condition.Failed(comparison.Checks); len(failed) > 0 {
			return &gateError{len(failed), len(comparison.Checks)}
		}
	}
	return nil
}
