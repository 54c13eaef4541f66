package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"flowharness/harness/internal/store"
)

// Launcher starts the processes of tasks.
type Launcher interface {
	// Start has tasks made, up to the update stopAfter (0: to the end). It does
	// not wait for them.
	Start(ctx context.Context, tasks []Task, stopAfter int) error
	// Wait returns the tasks whose processes have ended since it was called
	// last. If none does it returns after a moment. The end of ctx does not
	// stop tasks.
	Wait(ctx context.Context) ([]Ended, error)
	// Stop tells the tasks that were started to stop and waits until they have.
	Stop(ctx context.Context) error
}

// Ended is a task whose process has ended.
type Ended struct {
	Task Task
	Err  error // why it ended, if it was not by itself
}

// Conductor has the tasks of a plan made.
type Conductor struct {
	Plan        *Plan
	Store       *store.Store
	Folder      Folder
	Launcher    Launcher
	Recognition Recognition
	Retries     int
	// Collect brings what a task has recorded into the store, if its process
	// records elsewhere; it may be nil.
	Collect func(ctx context.Context, t Task) error
	// Observe is told how far the sweep is, several times a second; it may be nil.
	Observe func(Standing)
	// Warn receives what the user should know and the sweep goes on without.
	Warn func(message string)

	failures  map[string]int // by task
	progress  map[string]int // how far the task was when it was interrupted last
	restarted int
}

// Standing is how far a sweep is.
type Standing struct {
	Tasks   int          // of the plan, or of the stage of a search
	Ended   int          // done or given up
	Failed  int          // given up
	Running []TaskReport // tasks that are being made, in the order of the plan
	Retried int          // times that a task was started again
	Stage   string       // of a search: which rung is being made
}

// Outcome is how a sweep ended.
type Outcome struct {
	Failed  []Failure
	Retried int      // times that a task was started again
	Stopped []Pruned // trials of a search that were stopped early
}

// Failure is a task that was given up.
type Failure struct {
	Task Task
	Err  error
}

// ErrStopped reports a sweep that was told to stop. The same command continues
// it.
var ErrStopped = errors.New("the sweep was stopped")

// Conduct has all runs of the plan made that the store does not hold. A task
// that fails is tried again, and given up after some retries; the rest goes on.
// Where ctx ends the tasks are told to stop, and the error is [ErrStopped].
func (c *Conductor) Conduct(ctx context.Context) (Outcome, error) {
	c.failures, c.progress = map[string]int{}, map[string]int{}
	if err := c.Store.PutSweep(ctx, c.Plan.File.Name, string(c.Plan.File.Source)); err != nil {
		return Outcome{}, err
	}
	if c.Plan.File.StopsTrials() {
		return c.conductSearch(ctx)
	}
	failed, err := c.make(ctx, c.Plan.Tasks, 0, "")
	return Outcome{Failed: failed, Retried: c.restarted}, err
}

// make has tasks made up to an update, and returns those given up.
func (c *Conductor) make(ctx context.Context, tasks []Task, stopAfter int, stage string) ([]Failure, error) {
	left, err := c.left(ctx, tasks, stopAfter)
	if err != nil {
		return nil, err
	}
	var failed []Failure
	open := slices.Clone(left)
	observe := func() {
		if c.Observe != nil {
			c.Observe(Standing{Tasks: len(tasks), Ended: len(tasks) - len(open), Failed: len(failed), Running: c.reports(open),
				Retried: c.restarted, Stage: stage})
		}
	}
	if len(open) > 0 {
		if err := c.Launcher.Start(ctx, open, stopAfter); err != nil {
			return nil, c.stop(ctx, err)
		}
	}
	for len(open) > 0 {
		observe()
		ended, err := c.Launcher.Wait(ctx)
		if ctx.Err() != nil {
			return failed, c.stop(ctx, ErrStopped)
		}
		if err != nil {
			return failed, c.stop(ctx, err)
		}
		for _, e := range ended {
			again, err := c.settle(ctx, e, stopAfter)
			switch {
			case again && ctx.Err() == nil:
				c.restarted++
				if err := c.Launcher.Start(ctx, []Task{e.Task}, stopAfter); err != nil {
					return failed, c.stop(ctx, err)
				}
				continue
			case err != nil:
				failed = append(failed, Failure{e.Task, err})
			}
			open = slices.DeleteFunc(open, func(t Task) bool { return t.Key() == e.Task.Key() })
		}
	}
	observe()
	return failed, nil
}

// settle decides what becomes of a task whose process has ended: it is done,
// tried again, or given up with an error.
func (c *Conductor) settle(ctx context.Context, e Ended, stopAfter int) (again bool, err error) {
	key := e.Task.Key()
	if c.Collect != nil {
		if err := c.Collect(ctx, e.Task); err != nil {
			e.Err = errors.Join(e.Err, err)
		}
	}
	inventory, err := c.inspect(ctx, []Task{e.Task})
	if err != nil {
		return false, err
	}
	if err := c.Plan.recordTasks(ctx, c.Store, inventory, []Task{e.Task}); err != nil {
		return false, err
	}
	if len(leftOf([]Task{e.Task}, inventory, stopAfter)) == 0 {
		return false, nil
	}
	report, err := c.Folder.ReadReport(key)
	if err != nil {
		e.Err = errors.Join(e.Err, err)
	}
	why := errors.New("its process ended before the runs did")
	switch {
	case report.State == TaskFailed:
		why = errors.New(report.Error)
	case e.Err != nil:
		why = e.Err
	}
	// A task that was interrupted from outside, at a time limit or when its node
	// was wanted for others, is no failure if it came further.
	if far := max(inventory.progress(e.Task), report.Step); report.State == TaskInterrupted && far > c.progress[key] {
		c.progress[key] = far
		return true, nil
	}
	c.failures[key]++
	if c.failures[key] <= c.Retries {
		c.warn("task %s (%s) failed and is tried again (%d of %d): %v", key, c.Plan.Variants[e.Task.Runs[0].Variant].Label,
			c.failures[key], c.Retries, why)
		return true, nil
	}
	return false, why
}

// left are the tasks that have runs to be made, up to an update.
func (c *Conductor) left(ctx context.Context, tasks []Task, stopAfter int) ([]Task, error) {
	inventory, err := c.inspect(ctx, tasks)
	if err != nil {
		return nil, err
	}
	return leftOf(tasks, inventory, stopAfter), nil
}

func (c *Conductor) inspect(ctx context.Context, tasks []Task) (Inventory, error) {
	var hashes []string
	for _, t := range tasks {
		for _, r := range t.Runs {
			hashes = append(hashes, r.Config.Hash)
		}
	}
	return Inspect(ctx, c.Store, hashes, c.Recognition)
}

func leftOf(tasks []Task, inventory Inventory, stopAfter int) []Task {
	var left []Task
	for _, t := range tasks {
		first := inventory.Of(t.Runs[0])
		paused := stopAfter > 0 && first.State == StateInterrupted && first.Run.LastStep >= stopAfter
		if !paused && !inventory.Task(t).Ended() {
			left = append(left, t)
		}
	}
	return left
}

// reports are those of the tasks that are running.
func (c *Conductor) reports(tasks []Task) []TaskReport {
	begun := c.Folder.begun()
	var list []TaskReport
	for _, t := range tasks {
		if !begun[t.Key()] {
			continue
		}
		if s, err := c.Folder.ReadReport(t.Key()); err == nil && s.State == TaskRunning {
			list = append(list, s)
		}
	}
	return list
}

// stop ends what runs, for a reason.
func (c *Conductor) stop(ctx context.Context, reason error) error {
	return errors.Join(reason, c.Launcher.Stop(context.WithoutCancel(ctx)))
}

func (c *Conductor) warn(format string, args ...any) {
	if c.Warn != nil {
		c.Warn(fmt.Sprintf(format, args...))
	}
}
