package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/terminal"
	"flowharness/harness/internal/train"
)

// Times between looks at the store, and between lines where nothing but a step
// count has changed. Looking at a run of a million steps takes a third of a second;
// a pause is at least watchPause times as long as the look before it.
const (
	watchEvery     = 500 * time.Millisecond
	watchLineEvery = 10 * time.Second
	watchPause     = 4
)

type watchOptions struct {
	*app
	once, json bool
}

func newWatchCommand(a *app) *cobra.Command {
	o := &watchOptions{app: a}
	cmd := &cobra.Command{
		Use:   "watch RUN|SWEEP",
		Short: "Watch a run or a sweep until it ends",
		Long: `Show how far a run or a sweep is until it has ended: on a terminal drawn anew in
its place, elsewhere a line for each change. A sweep is meant where one has
exactly this name; a run of the same name is then given by its id. Ctrl-C ends
the watching, not what is watched.

Exit codes: 0 finished, 1 failed or its process is gone, 3 diverged, 130
interrupted. Of a sweep: 0 all runs are made, 1 some have failed, 130 it was
stopped before all were made. With --once or --json 0, whatever was seen.`,
		Example:           "  harness watch @1\n  harness watch fm_vs_ddpm\n  harness watch @1 --json | jq .progress.eta_seconds",
		Args:              exactly(1, "one RUN or SWEEP"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVar(&o.once, "once", false, "show how far it is now, and end")
	cmd.Flags().BoolVar(&o.json, "json", false, "the same as JSON")
	return cmd
}

func (o *watchOptions) run(ctx context.Context, ref string) error {
	st, err := o.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	look, err := o.look(ctx, st, ref)
	if err != nil {
		return err
	}
	w, err := look()
	switch {
	case err != nil:
		return err
	case o.json:
		return o.printJSON(watchJSON(w))
	case o.once:
		for _, line := range frame(w) {
			fmt.Fprintln(o.out, line)
		}
		return nil
	}
	return o.follow(ctx, w, look)
}

// look finds what a reference means, and returns how to look at it.
func (o *watchOptions) look(ctx context.Context, st *store.Store, ref string) (func() (watched, error), error) {
	sweeps, err := progress.OpenSweep(st, ref)
	if err == nil {
		return func() (watched, error) {
			s, err := sweeps.Read(ctx, time.Now())
			return watched{sweep: &s}, err
		}, nil
	}
	run, runErr := st.Resolve(ctx, ref)
	if missing := (*store.NotFoundError)(nil); errors.As(runErr, &missing) && !errors.Is(err, sweep.ErrNotRun) {
		return nil, fmt.Errorf("sweep %s: %w", ref, err)
	}
	if runErr != nil {
		return nil, fmt.Errorf("%w; nor was a sweep of this name run with this store", runErr)
	}
	return func() (watched, error) {
		r, err := progress.ReadRun(ctx, st, run.ID, time.Now(), progress.Options{Bins: 4 * watchCurve, Log: watchLog})
		return watched{run: &r}, err
	}, nil
}

// follow shows what it sees until that has ended.
func (o *watchOptions) follow(ctx context.Context, w watched, look func() (watched, error)) error {
	screen := terminal.NewScreen(o.out)
	lines := &watchLines{every: watchLineEvery}
	pause := time.NewTimer(watchEvery)
	defer pause.Stop()
	for {
		if o.out.Terminal() {
			screen.Draw(frame(w))
		} else if line, ok := lines.next(w, time.Now()); ok {
			fmt.Fprintln(o.out, line)
		}
		if ended, err := ending(w); ended {
			return err
		}
		select {
		case <-ctx.Done():
			return &quietError{ctx.Err()}
		case <-pause.C:
		}
		var err error
		began := time.Now()
		w, err = look()
		pause.Reset(max(watchEvery, watchPause*time.Since(began)))
		if ctx.Err() != nil {
			return &quietError{ctx.Err()}
		} else if err != nil {
			return err
		}
	}
}

// ending tells whether what is watched has ended, and how: with the error that
// making it ended with, as far as the exit code goes.
func ending(w watched) (ended bool, err error) {
	if s := w.sweep; s != nil {
		switch {
		case !s.Ended:
			return false, nil
		case s.Left() == 0:
			return true, nil
		case s.Count[sweep.StateFailed] > 0:
			return true, &quietError{errors.New("runs of the sweep have failed")}
		}
		return true, &quietError{train.ErrInterrupted}
	}
	switch info := w.run.Info; info.Status {
	case record.StatusRunning:
		return false, nil
	case record.StatusFinished, record.StatusStopped:
		return true, nil
	case record.StatusInterrupted:
		return true, &quietError{train.ErrInterrupted}
	case record.StatusDiverged:
		return true, &quietError{&train.DivergedError{Step: info.LastStep}}
	default:
		return true, &quietError{fmt.Errorf("the run has %s", info.Status)}
	}
}

// watchLines picks what is worth a line where nothing can be drawn anew.
type watchLines struct {
	every      time.Duration
	last, mark string
	printed    time.Time
}

// next is the line to print now, if there is one: something other than the steps
// has changed, or they have and the last line is old enough.
func (l *watchLines) next(w watched, now time.Time) (string, bool) {
	line, mark := headline(w), watchMark(w)
	if line == l.last || mark == l.mark && now.Sub(l.printed) < l.every {
		return "", false
	}
	l.last, l.mark, l.printed = line, mark, now
	return line, true
}

// watchMark changes with what is worth a line at once: the states of the runs of a
// sweep, and of a run its status, what was measured and what was drawn.
func watchMark(w watched) string {
	if s := w.sweep; s != nil {
		return sweepCounts(*s)
	}
	r := w.run
	mark := fmt.Sprint(r.Info.Status, r.Info.TotalSteps)
	for _, s := range r.Series {
		if strings.HasPrefix(s.Name, "val/") {
			mark += fmt.Sprint(" ", s.LastStep)
		}
	}
	for _, e := range r.Evaluations {
		mark += fmt.Sprint(" ", e.ID)
	}
	if r.Sample != nil {
		mark += fmt.Sprint(" ", r.Sample.ID)
	}
	return mark
}
