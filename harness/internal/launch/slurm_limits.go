package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flowharness/harness/internal/slurm"
	"flowharness/harness/internal/sweep"
)

// backlog are the tasks that the cluster did not take yet.
type backlog struct {
	tasks     []sweep.Task
	stopAfter int
	why       error     // in Slurm's words
	tried     time.Time // last
	ended     int       // tasks that have ended since
	warned    string    // what the user was told
}

// laterInterval is how often the rest is offered to the cluster though none of
// this sweep's tasks has ended: other jobs may fill a limit.
const laterInterval = 30 * time.Second

// Refused are the tasks that the cluster did not take, and why.
func (l *Slurm) Refused() (tasks int, why error) { return len(l.later.tasks), l.later.why }

// readLimits finds out how large an array may be. Where Slurm does not say, what
// it refuses does.
func (l *Slurm) readLimits(ctx context.Context) error {
	l.arraySize = usualArraySize
	if l.Options.ArraySize > 0 {
		l.arraySize = l.Options.ArraySize
	}
	most, err := l.Client.MaxArray(ctx)
	if errors.Is(err, slurm.ErrNoArrays) {
		return fmt.Errorf("%w; a sweep consists of them: use --launcher local on a node of the cluster", err)
	}
	if err == nil && most > 0 && most < l.arraySize {
		if l.Options.ArraySize > 0 {
			l.warn("slurm.array_size is %d, and this cluster takes arrays of at most %d: they have as many", l.Options.ArraySize, most)
		}
		l.arraySize = most
	}
	return ctx.Err()
}

// submitAll submits tasks as arrays that are as large as the cluster takes. What it
// takes later is kept for then. With a limit on what runs at once an array waits
// for the one before it, unless all that is in the queue may run at once.
//
// size is how many it may take at once, as far as is known.
func (l *Slurm) submitAll(ctx context.Context, tasks []sweep.Task, stopAfter, size int, unchained bool) error {
	for len(tasks) > 0 {
		n := min(size, l.arraySize, len(tasks))
		after := ""
		if !unchained {
			after = l.predecessor(n)
		}
		err := l.submit(ctx, tasks[:n], stopAfter, after)
		switch {
		case err == nil:
			tasks = tasks[n:]
		case errors.Is(err, slurm.ErrArraySize) && n > 1:
			l.arraySize = n / 2
		case (errors.Is(err, slurm.ErrSubmitLimit) || errors.Is(err, slurm.ErrPolicy)) && n > 1:
			size = n / 2
		case l.passes(err):
			l.postpone(tasks, stopAfter, err)
			return nil
		default:
			return err
		}
	}
	return nil
}

// predecessor is the job after which an array of so many tasks may run, "" if it
// may at once.
func (l *Slurm) predecessor(n int) string {
	open, last := 0, ""
	for _, job := range l.jobs {
		if left := len(job.open()); left > 0 && job.Job != "" {
			open, last = open+left, job.Job
		}
	}
	if l.MaxParallel == 0 || open+n <= l.MaxParallel {
		return ""
	}
	return last
}

// passes tells whether a cluster that refused one task may take it later. Of a
// limit that it does not name it may if it has taken others.
func (l *Slurm) passes(err error) bool {
	return errors.Is(err, slurm.ErrSubmitLimit) || errors.Is(err, slurm.ErrUnavailable) || errors.Is(err, slurm.ErrPolicy) && l.inQueue() > 0
}

// declined tells whether Slurm has said that it did not take a job.
func declined(err error) bool {
	return errors.Is(err, slurm.ErrArraySize) || errors.Is(err, slurm.ErrSubmitLimit) || errors.Is(err, slurm.ErrPolicy)
}

// inQueue is how many tasks wait or run, as far as was noticed.
func (l *Slurm) inQueue() int {
	n := 0
	for _, job := range l.jobs {
		n += len(job.open())
	}
	return n
}

// postpone keeps tasks for later. Those that are in the queue after all, of a
// submission whose answer was lost, are not among them.
func (l *Slurm) postpone(tasks []sweep.Task, stopAfter int, why error) {
	tasks = slices.DeleteFunc(slices.Clone(tasks), func(t sweep.Task) bool { return l.queued(t.Key(), stopAfter) })
	l.later.tasks = append(l.later.tasks, tasks...)
	l.later.stopAfter, l.later.why, l.later.tried, l.later.ended = stopAfter, why, time.Now(), 0
}

// submitLater submits what the cluster may take by now.
func (l *Slurm) submitLater(ctx context.Context) error {
	waiting := len(l.later.tasks)
	if waiting == 0 {
		return nil
	}
	if text := fmt.Sprintf("%d tasks are submitted later, as others end: %v", waiting, l.later.why); l.later.warned == "" {
		l.later.warned = text
		l.warn("%s", text)
	}
	// Where little may run at once, what is left of the queue runs already: of many
	// small arrays, each after the other, few tasks would run at once.
	due := l.later.ended > 0 && (l.MaxParallel == 0 || l.inQueue() <= l.MaxParallel)
	if !due && time.Since(l.later.tried) < laterInterval {
		return nil
	}
	tasks, room := l.later.tasks, max(1, l.later.ended)
	l.later.tasks = nil
	if err := l.submitAll(ctx, tasks, l.later.stopAfter, room, false); err != nil {
		l.postpone(tasks, l.later.stopAfter, err)
		return err
	}
	switch {
	case len(l.later.tasks) == 0:
		l.later.warned = ""
	case errors.Is(l.later.why, slurm.ErrUnavailable) && l.inQueue() == 0:
		return l.bear(l.later.why)
	}
	return nil
}

// resolve finds the numbers of arrays whose submission was cut short. The tasks of
// one that was not submitted are, later.
func (l *Slurm) resolve(ctx context.Context) error {
	for _, job := range slices.Clone(l.jobs) {
		if job.Job != "" {
			continue
		}
		if err := l.find(ctx, job); err != nil {
			return err
		}
		if job.Job != "" {
			if err := l.remember(); err != nil {
				return err
			}
			continue
		}
		if err := l.drop(job); err != nil {
			return err
		}
		var tasks []sweep.Task
		for _, key := range job.Tasks {
			if t, mine := l.tasks[key]; mine {
				tasks = append(tasks, t)
			}
		}
		l.postpone(tasks, job.StopAfter, slurm.ErrUnavailable)
	}
	return nil
}
