package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/terminal"
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
				return o.list(cmd.Context())
			case 1:
				return o.run(cmd.Context(), args[0])
			}
			return usagef("expected at most one NAME, got %s", quoted(args))
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (o *sweepStatusOptions) list(ctx context.Context) error {
	names, err := o.sweepNames(ctx)
	if err != nil {
		return err
	}
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
	t := terminal.NewTable("task", "variant", "seed", "runs", "state", "progress", "run")
	counts := map[string]int{}
	for _, s := range tasks {
		counts[s.State]++
		t.Add(s.Task, clean(s.Variant), fmt.Sprint(s.Seed), fmt.Sprintf("%d/%d", s.Done, s.Runs), s.State,
			taskProgress(s.Report), s.Report.Run)
	}
	t.Print(o.out)
	fmt.Fprintf(o.out, "\n%s:", printable.Count(len(tasks), "task"))
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

// sweepNames lists the store's sweeps that have a folder; none if there is no store.
func (a *app) sweepNames(ctx context.Context) ([]string, error) {
	if _, err := os.Stat(a.storePath("")); errors.Is(err, fs.ErrNotExist) {
		return []string{}, nil
	}
	st, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	sweeps, err := st.Sweeps(ctx)
	if err != nil {
		return nil, err
	}
	var recorded []string
	for _, s := range sweeps {
		recorded = append(recorded, s.Name)
	}
	return append([]string{}, sweep.Names(st.Path(), st.ID(), recorded)...), nil
}

// completeSweeps completes the name of a sweep.
func (a *app) completeSweeps(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	names, err := a.sweepNames(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
