package launch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/slurm"
	"flowharness/harness/internal/sweep"
)

// Slurm makes tasks as job arrays of a cluster. What was submitted it remembers
// in the sweep's folder, so that a later command finds it again instead of
// submitting it twice.
type Slurm struct {
	Client      *slurm.Client
	Folder      sweep.Folder
	Sweep       string // name of the sweep
	Options     sweep.Slurm
	MaxParallel int // tasks of an array that run at once; 0: no limit
	// Worker makes the command line of an array's tasks, which find their task in
	// the file of the array by SLURM_ARRAY_TASK_ID.
	Worker func(array string, stopAfter int) []string
	// Seed prepares the store of a task before it is submitted.
	Seed func(ctx context.Context, t sweep.Task) error
	Warn func(message string)

	jobs        []*jobArray
	tasks       map[string]sweep.Task // those that this process waits for, by key
	unreachable time.Time             // since when Slurm does not answer
	arraySize   int                   // most tasks of an array
	later       backlog
}

// jobArray is what was submitted, as it is kept on disk.
type jobArray struct {
	Name      string   `json:"name"` // unique: a job whose number was lost is found by it
	Job       string   `json:"job"`  // its number; empty if it is not known to have been submitted
	StopAfter int      `json:"stop_after"`
	Tasks     []string `json:"tasks"`   // keys, by the index in the array
	Settled   []bool   `json:"settled"` // tasks whose end was noticed
}

const (
	// usualArraySize is the most tasks of one array, if the sweep's file does not
	// say: Slurm's default limit is 1001.
	usualArraySize = 1000
	// pollInterval is the time between questions to Slurm.
	pollInterval = 2 * time.Second
	// grace is how long before its time limit a task is told to stop: time to
	// finish a step and write a checkpoint.
	grace = time.Minute
	// slurmPatience is how long Slurm may be away.
	slurmPatience = 15 * time.Minute
)

// Start implements [sweep.Launcher]. A task that is in the queue already, from
// an earlier command, is not submitted again. What the cluster does not take now
// is submitted by Wait, when it does; see Refused.
func (l *Slurm) Start(ctx context.Context, tasks []sweep.Task, stopAfter int) error {
	if l.tasks == nil {
		l.tasks = map[string]sweep.Task{}
		if err := l.recall(ctx); err != nil {
			return err
		}
		if err := l.readLimits(ctx); err != nil {
			return err
		}
	}
	var fresh []sweep.Task
	known := true
	for _, t := range tasks {
		_, before := l.tasks[t.Key()]
		known = known && before
		l.tasks[t.Key()] = t
		if !l.queued(t.Key(), stopAfter) {
			fresh = append(fresh, t)
		}
	}
	// A task that is tried again takes the place that it had.
	return l.submitAll(ctx, fresh, stopAfter, l.arraySize, known && len(fresh) == 1)
}

// Settle notices which tasks of earlier commands have ended, without telling how:
// [Slurm.Start] submits them again. It returns what States does.
func (l *Slurm) Settle(ctx context.Context) (map[string]slurm.Task, error) {
	states := map[string]slurm.Task{}
	err := l.eachJob(ctx, func(job *jobArray, alive map[int]slurm.Task) error {
		for _, index := range job.open() {
			if task, ok := alive[index]; ok {
				states[job.Tasks[index]] = task
			} else {
				job.Settled[index] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return states, l.remember()
}

// Wait implements [sweep.Launcher].
func (l *Slurm) Wait(ctx context.Context) ([]sweep.Ended, error) {
	select {
	case <-ctx.Done():
		return nil, nil
	case <-time.After(pollInterval):
	}
	if err := l.resolve(ctx); errors.Is(err, slurm.ErrUnavailable) {
		return nil, l.bear(err)
	} else if err != nil {
		return nil, err
	}
	var ended []sweep.Ended
	for _, job := range l.jobs {
		found, err := l.poll(ctx, job)
		if errors.Is(err, slurm.ErrUnavailable) {
			return ended, l.bear(err)
		}
		if err != nil {
			return ended, err
		}
		ended = append(ended, found...)
	}
	if l.inQueue() > 0 || len(ended) > 0 { // or nothing was asked
		l.unreachable = time.Time{}
	}
	if len(ended) > 0 {
		if err := l.remember(); err != nil {
			return ended, err
		}
	}
	l.later.ended += len(ended)
	return ended, l.submitLater(ctx)
}

// Stop implements [sweep.Launcher]: the jobs go on without this process.
func (l *Slurm) Stop(context.Context) error {
	if n := len(l.later.tasks); n > 0 {
		l.warn("%d tasks are not submitted yet: the same command does so", n)
	}
	return nil
}

// Cancel cancels what is in the queue, and says what that was. Tasks that run
// write a checkpoint.
func (l *Slurm) Cancel(ctx context.Context) ([]string, error) {
	var stopped []string
	err := l.eachJob(ctx, func(job *jobArray, alive map[int]slurm.Task) error {
		if len(alive) == 0 {
			return nil
		}
		if err := l.Client.Cancel(ctx, job.Job); err != nil {
			return err
		}
		stopped = append(stopped, fmt.Sprintf("job %s with %s", job.Job, printable.Count(len(alive), "task")))
		return nil
	})
	return stopped, err
}

// States says of tasks that are in the queue in which state they are there.
func (l *Slurm) States(ctx context.Context) (map[string]slurm.Task, error) {
	states := map[string]slurm.Task{}
	err := l.eachJob(ctx, func(job *jobArray, alive map[int]slurm.Task) error {
		for index, task := range alive {
			states[job.Tasks[index]] = task
		}
		return nil
	})
	return states, err
}

// eachJob calls f for each array that earlier commands have submitted, with those
// of its tasks that wait or run.
func (l *Slurm) eachJob(ctx context.Context, f func(job *jobArray, alive map[int]slurm.Task) error) error {
	if err := l.recall(ctx); err != nil {
		return err
	}
	for _, job := range l.jobs {
		alive, err := l.Client.Tasks(ctx, job.Job, job.open())
		if err != nil {
			return err
		}
		maps.DeleteFunc(alive, func(_ int, t slurm.Task) bool { return t.State.Over() })
		if err := f(job, alive); err != nil {
			return err
		}
	}
	return nil
}

// submit submits an array, whose tasks start when the job after has ended (empty:
// at once). It is written down first, so that no job is lost whatever happens in
// between.
func (l *Slurm) submit(ctx context.Context, tasks []sweep.Task, stopAfter int, after string) error {
	job := &jobArray{Name: jobName(l.Sweep) + "-" + strings.ToLower(ulid.Make().String()), StopAfter: stopAfter,
		Settled: make([]bool, len(tasks))}
	indices := make([]int, len(tasks))
	for i, t := range tasks {
		indices[i] = i
		job.Tasks = append(job.Tasks, t.Key())
		if err := l.Seed(ctx, t); err != nil {
			return err
		}
	}
	array, err := l.writeArray(job)
	if err != nil {
		return err
	}
	logs, err := filepath.Abs(filepath.Dir(l.Folder.LogPath("x")))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return fmt.Errorf("making the folder of the logs: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	l.jobs = append(l.jobs, job)
	if err := l.remember(); err != nil {
		return err
	}
	job.Job, err = l.Client.Submit(ctx, slurm.Job{
		Name: job.Name, Argv: l.Worker(array, stopAfter), Dir: dir, Output: slurm.LiteralPath(logs) + "/slurm-%A_%a.log",
		Tasks: indices, MaxParallel: l.MaxParallel, After: after, Partition: l.Options.Partition, Account: l.Options.Account,
		Time: l.Options.Time,
		CPUs: l.Options.CPUs, GPUs: l.Options.GPUs, Memory: l.Options.Memory, Requeue: true, Grace: l.grace(), Extra: l.Options.Extra,
	})
	if err != nil {
		return errors.Join(err, l.forget(ctx, job, err))
	}
	return l.remember()
}

// jobName is what of a sweep's name can be in that of a job.
func jobName(sweep string) string {
	if name := strings.Trim(notInJobNames.ReplaceAllString(sweep, "-"), "-"); name != "" {
		return name
	}
	return "sweep"
}

var notInJobNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func (l *Slurm) grace() time.Duration {
	if l.Options.Time == "" {
		return 0
	}
	return grace
}

// forget drops an array that could not be submitted, unless it was after all.
func (l *Slurm) forget(ctx context.Context, job *jobArray, why error) error {
	if !declined(why) {
		if err := l.find(context.WithoutCancel(ctx), job); err != nil || job.Job != "" {
			return errors.Join(err, l.remember())
		}
	}
	return l.drop(job)
}

// drop takes an array that was not submitted out of the list.
func (l *Slurm) drop(job *jobArray) error {
	l.jobs = slices.DeleteFunc(l.jobs, func(other *jobArray) bool { return other == job })
	return errors.Join(l.remember(), os.Remove(l.arrayPath(job)))
}

// find looks an array's number up by its name.
func (l *Slurm) find(ctx context.Context, job *jobArray) error {
	ids, err := l.Client.Named(ctx, job.Name)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		job.Job = ids[0]
	}
	return nil
}

// poll finds the tasks of an array that have ended since the last time. One that
// Slurm knows no more has ended, too: what it has recorded tells how.
func (l *Slurm) poll(ctx context.Context, job *jobArray) ([]sweep.Ended, error) {
	var open []int
	for _, index := range job.open() {
		if _, mine := l.tasks[job.Tasks[index]]; mine {
			open = append(open, index)
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	known, err := l.Client.Tasks(ctx, job.Job, open)
	if err != nil {
		return nil, err
	}
	var ended []sweep.Ended
	for _, index := range open {
		task, ok := known[index]
		if ok && !task.State.Over() {
			continue
		}
		job.Settled[index] = true
		ended = append(ended, sweep.Ended{Task: l.tasks[job.Tasks[index]], Err: l.reason(job, index, task, ok)})
	}
	return ended, nil
}

// reason is why a task ended, in Slurm's words, if it was not by itself.
func (l *Slurm) reason(job *jobArray, index int, t slurm.Task, known bool) error {
	id := fmt.Sprintf("%s_%d", job.Job, index)
	switch {
	case !known:
		return fmt.Errorf("job %s is no longer known to Slurm", id)
	case t.State == "COMPLETED":
		return nil
	case t.State == "FAILED" && t.Signal > 0:
		return fmt.Errorf("job %s was ended by signal %d on %s", id, t.Signal, t.Node)
	case t.State == "FAILED":
		return fmt.Errorf("job %s failed with exit code %d on %s", id, t.ExitCode, t.Node)
	}
	text := fmt.Sprintf("job %s ended as %s", id, t.State)
	if t.Node != "" {
		text += " on " + t.Node
	}
	if t.Reason != "" && t.Reason != "None" {
		text += " (" + t.Reason + ")"
	}
	return errors.New(text)
}

// bear is nil while Slurm has not been away for too long.
func (l *Slurm) bear(err error) error {
	now := time.Now()
	if l.unreachable.IsZero() {
		l.unreachable = now
		l.warn("%v; asking again until it does", err)
	}
	if now.Sub(l.unreachable) > slurmPatience {
		return err
	}
	return nil
}

// queued tells whether a task waits or runs as part of an array.
func (l *Slurm) queued(key string, stopAfter int) bool {
	for _, job := range l.jobs {
		for _, index := range job.open() {
			if job.Tasks[index] == key && job.StopAfter == stopAfter {
				return true
			}
		}
	}
	return false
}

func (l *Slurm) warn(format string, args ...any) {
	if l.Warn != nil {
		l.Warn(fmt.Sprintf(format, args...))
	}
}
