// Package task makes the runs of one task of a sweep: it is what a worker
// process does, on this machine or on a node of a cluster.
package task

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/oklog/ulid/v2"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/train"
)

// Options are what a task needs besides its specification.
type Options struct {
	Folder    sweep.Folder
	StorePath string   // where the runs are recorded
	StopAfter int      // pause training after this update; 0: go on to the end
	Argv      []string // recorded with the runs
	Log       func(message string)
}

// Run makes the runs of a task that are not made yet: it continues those that
// were interrupted, trains the first and has the others share its training. How
// far it is it writes to the folder.
//
// Where ctx ends it leaves checkpoints and returns [train.ErrInterrupted]. A run
// that diverges has come to its end and is no error; one that fails does not
// keep the others from being made.
func Run(ctx context.Context, spec sweep.TaskSpec, o Options) error {
	m := &maker{Options: o, spec: spec, reporter: newReporter(o.Folder, spec.Key)}
	err := m.run(ctx)
	switch {
	case err == nil:
		m.reporter.end(sweep.TaskDone, "")
	case errors.Is(err, train.ErrInterrupted) || ctx.Err() != nil:
		m.reporter.end(sweep.TaskInterrupted, "")
		return train.ErrInterrupted
	default:
		m.reporter.end(sweep.TaskFailed, err.Error())
	}
	return errors.Join(err, m.reporter.err)
}

// maker makes the runs of one task.
type maker struct {
	Options
	spec     sweep.TaskSpec
	reporter *reporter
	bench    *experiment.Workbench // what the runs share; nil before the first
}

func (m *maker) run(ctx context.Context) error {
	defer func() {
		if m.bench != nil {
			m.bench.Close()
		}
	}()
	var trained store.RunInfo
	var failures []error
	for i, r := range m.spec.Runs {
		cfg, err := r.Resolve()
		if err != nil {
			return err
		}
		m.reporter.begin(r.Variant)
		found, err := m.find(ctx, cfg)
		if err != nil {
			return err
		}
		if !found.State.Ended() {
			if found, err = m.make(ctx, cfg, found, trained.ID); err != nil {
				if i == 0 || errors.Is(err, train.ErrInterrupted) || ctx.Err() != nil {
					return err
				}
				failures = append(failures, fmt.Errorf("%s: %w", r.Variant, err))
				continue
			}
		}
		if i == 0 {
			trained = found.Run
			if found.State != sweep.StateDone {
				return nil // it diverged or paused: there is no training to share
			}
		}
	}
	return errors.Join(failures...)
}

// find looks for a run of a config, and waits while another process makes it.
func (m *maker) find(ctx context.Context, cfg *config.Resolved) (sweep.Found, error) {
	const pause = 2 * time.Second
	for told := false; ; told = true {
		found, err := m.inspect(ctx, cfg)
		if err != nil || found.State != sweep.StateRunning {
			return found, err
		}
		if !told {
			m.Log(fmt.Sprintf("run %s is being made by process %d on %s; waiting for it", found.Run.Slug, found.Run.PID, found.Run.Host))
		}
		m.reporter.doing("waiting for " + found.Run.Slug)
		select {
		case <-ctx.Done():
			return found, train.ErrInterrupted
		case <-time.After(pause):
		}
	}
}

func (m *maker) inspect(ctx context.Context, cfg *config.Resolved) (sweep.Found, error) {
	st, err := store.Open(ctx, m.StorePath)
	if err != nil {
		return sweep.Found{}, err
	}
	defer st.Close()
	inventory, err := sweep.Inspect(ctx, st, []string{cfg.Hash}, sweep.Recognition{Code: m.spec.Code, Since: m.spec.Since})
	if err != nil {
		return sweep.Found{}, err
	}
	return inventory.Of(sweep.PlannedRun{Config: cfg}), nil
}

// make makes or continues a run, and returns what became of it.
func (m *maker) make(ctx context.Context, cfg *config.Resolved, found sweep.Found, trainedBy string) (sweep.Found, error) {
	if m.paused(found) {
		return found, nil
	}
	o := experiment.Options{StorePath: m.StorePath, Argv: m.Argv, StopAfter: m.StopAfter, Calibrate: m.spec.Calibrate, Warn: m.Log,
		Started: func(s experiment.Started) { m.reporter.started(s.Run.Slug, s.Resumed) },
		Observe: m.reporter.event,
	}
	for _, p := range m.spec.Parents {
		o.Parents = append(o.Parents, experiment.Parent(p))
	}
	var out experiment.Outcome
	var err error
	if m.bench == nil {
		if m.bench, err = experiment.OpenWorkbench(ctx, cfg, o); err != nil {
			return found, err
		}
	}
	o.Workbench = m.bench
	switch {
	case found.State != sweep.StateNew:
		out, err = experiment.Resume(ctx, found.Run.ID, o)
	case trainedBy != "":
		out, err = experiment.Derive(ctx, cfg, trainedBy, o)
	default:
		out, err = experiment.Start(ctx, cfg, o)
	}
	var diverged *train.DivergedError
	switch {
	case errors.As(err, &diverged):
		m.Log(err.Error())
	case errors.Is(err, train.ErrInterrupted) && ctx.Err() == nil && m.StopAfter > 0:
		// It paused where it was to.
	case err != nil:
		return found, err
	}
	if out.Run == nil {
		return found, errors.New("the run ended without a record")
	}
	return m.inspect(context.WithoutCancel(ctx), cfg)
}

// paused tells whether a run is as far as it is to go for now.
func (m *maker) paused(found sweep.Found) bool {
	return m.StopAfter > 0 && found.State == sweep.StateInterrupted && found.Run.LastStep >= m.StopAfter
}

// reporter writes how far a task is.
type reporter struct {
	folder  sweep.Folder
	report  sweep.TaskReport
	written time.Time
	err     error // the first failure to write; progress is not worth failing for
}

// reportEvery is the time between writes.
const reportEvery = 300 * time.Millisecond

func newReporter(folder sweep.Folder, key string) *reporter {
	host, _ := os.Hostname()
	r := &reporter{folder: folder, report: sweep.TaskReport{Task: key, Attempt: ulid.Make().String(), State: sweep.TaskRunning,
		Host: host, PID: os.Getpid()}}
	r.write()
	return r
}

func (r *reporter) begin(variant string) {
	r.report.Variant, r.report.Run, r.report.Doing, r.report.Step, r.report.Steps = variant, "", "starting", 0, 0
	r.write()
}

func (r *reporter) started(slug string, step int) {
	r.report.Run, r.report.Step, r.report.Doing = slug, step, "compiling"
	r.write()
}

func (r *reporter) doing(what string) {
	r.report.Doing = what
	r.write()
}

// event is called from the training loop.
func (r *reporter) event(e train.Event) {
	r.report.Step, r.report.Steps, r.report.Doing = e.Step, e.Steps, e.Message
	if e.Loss != 0 && !math.IsNaN(e.Loss) && !math.IsInf(e.Loss, 0) {
		r.report.Loss = e.Loss
	}
	if time.Since(r.written) >= reportEvery {
		r.write()
	}
}

func (r *reporter) end(state sweep.TaskState, why string) {
	r.report.State, r.report.Error, r.report.Doing = state, why, ""
	r.write()
}

func (r *reporter) write() {
	r.written = time.Now()
	r.report.Updated = r.written
	if err := r.folder.WriteReport(r.report); err != nil && r.err == nil {
		r.err = fmt.Errorf("writing how far the task is: %w", err)
	}
}
