package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Task is what Slurm knows of one task of an array.
type Task struct {
	Index    int
	State    State
	Reason   string // why it waits or ended so, in Slurm's words, such as "Priority"; "" if there is none or it is not known
	ExitCode int    // of the program
	Signal   int    // that ended the program, 0 if none
	Node     string // that it runs on or ran on last; "" if none
	Restarts int    // how often it was requeued; 0, too, if only the accounting knows it
}

// State is Slurm's name of a task's state, such as "PENDING", "RUNNING", "COMPLETING" or "COMPLETED".
type State string

// Over tells whether a task in this state ended for good. A task that is COMPLETING ended, but Slurm may requeue it.
func (s State) Over() bool {
	return slices.Contains([]State{"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL",
		"OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"}, s)
}

// Waiting tells whether a task in this state is to be started, be it again: it takes up no node.
func (s State) Waiting() bool {
	return slices.Contains([]State{"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}, s)
}

// Tasks returns what Slurm knows of these tasks of a job: the controller first, then the accounting, if there is one,
// of those that the controller no longer knows. A task that neither knows is not in the map: it vanished, as happens
// MinJobAge after its end, when the controller loses its state, and when a task is cancelled alone before it started.
// Where there is accounting it may lag by some seconds, and its being down is ErrUnavailable.
func (c *Client) Tasks(ctx context.Context, id string, indices []int) (map[int]Task, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	known, err := c.queued(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("asking for job %s: %w", id, err)
	}
	tasks := make(map[int]Task, len(indices))
	complete := true
	for _, index := range indices {
		task, ok := known[index]
		if ok {
			tasks[index] = task
		}
		complete = complete && ok
	}
	if complete {
		return tasks, nil
	}
	ended, err := c.accounted(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("asking for job %s: %w", id, err)
	}
	for _, index := range indices {
		if _, ok := tasks[index]; ok {
			continue
		}
		// The accounting goes on calling a task running that the controller lost.
		if task, ok := ended[index]; ok && task.State.Over() {
			tasks[index] = task
		}
	}
	return tasks, nil
}

// Named returns the numbers of this user's jobs of a name that the controller knows, be they waiting, running or over,
// in order. It is how a job is found whose submission's answer was lost.
func (c *Client) Named(ctx context.Context, name string) ([]string, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("%q cannot be the name of a job", name)
	}
	out, err := c.run(ctx, "", c.squeue, "--noheader", "--states=all", "--name="+name,
		"--user="+strconv.Itoa(os.Getuid()), format(jobColumns))
	if err != nil {
		return nil, fmt.Errorf("looking for jobs named %q: %w", name, err)
	}
	ids, err := parseJobs(out)
	if err != nil {
		return nil, fmt.Errorf("looking for jobs named %q: %s answered what cannot be understood: %w", name, c.squeue, err)
	}
	return ids, nil
}

// Cancel cancels tasks of a job, all if none are named. Those that run get SIGTERM, and SIGKILL after KillWait (half a
// minute by default). A task that ended or is unknown is no error.
func (c *Client) Cancel(ctx context.Context, id string, indices ...int) error {
	if err := checkID(id); err != nil {
		return err
	}
	which := id
	if len(indices) > 0 {
		array, err := ranges(indices)
		if err != nil {
			return err
		}
		which = id + "_[" + array + "]"
	}
	if _, err := c.run(ctx, "", c.scancel, which); err != nil {
		if said(err, "Invalid job id specified", "Job/step already completing or completed") {
			return nil
		}
		return fmt.Errorf("cancelling job %s: %w", which, err)
	}
	return nil
}

// queued asks the controller for all tasks of a job.
func (c *Client) queued(ctx context.Context, id string) (map[int]Task, error) {
	out, err := c.run(ctx, "", c.squeue, "--noheader", "--array", "--states=all", "--jobs="+id, format(taskColumns))
	if said(err, "Invalid job id specified") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tasks, err := parseQueue(id, out)
	if err != nil {
		return nil, fmt.Errorf("%s answered what cannot be understood: %w", c.squeue, err)
	}
	return tasks, nil
}

// accounted asks the accounting for all tasks of a job. Many clusters have none.
func (c *Client) accounted(ctx context.Context, id string) (map[int]Task, error) {
	if c.sacct == "" {
		return nil, nil
	}
	out, err := c.run(ctx, "", c.sacct, "--noheader", "--allocations", "--parsable2", "--jobs="+id, "--format="+accountFormat)
	if said(err, "accounting storage is disabled") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tasks, err := parseAccounts(id, out)
	if err != nil {
		return nil, fmt.Errorf("%s answered what cannot be understood: %w", c.sacct, err)
	}
	return tasks, nil
}

// said tells whether a command failed with one of these phrases.
func said(err error, phrases ...string) bool {
	var f *failure
	return errors.As(err, &f) && slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(f.words, phrase) })
}
