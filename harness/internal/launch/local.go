// Package launch starts the processes that make the tasks of a sweep: on this
// machine, or on a cluster through Slurm.
package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/sweep"
)

// Local makes tasks in worker processes on this machine, some at once.
//
// A worker ends by itself, with a checkpoint, when the process that started it
// is gone: it reads its standard input, and stops where that ends.
type Local struct {
	Worker func(task sweep.Task, stopAfter int) Worker
	Jobs   int   // workers at once, at least 1
	CPUs   []int // logical processors to divide among them, see [CPUs]
	Memory int64 // bytes to divide among their heaps; 0: do not limit

	mu      sync.Mutex
	queue   []job
	running []*process
	ended   []sweep.Ended
	changed chan struct{} // has room for one signal
}

// Worker is how a worker is started.
type Worker struct {
	Argv []string
	Log  string // file for what it prints
}

// job is a task that waits for a worker.
type job struct {
	task      sweep.Task
	stopAfter int
}

// process is a worker at work.
type process struct {
	*exec.Cmd
	job
	cpus  []int
	stdin io.Closer // held open: the worker stops where it ends
}

// waitInterval is how often the sweep looks how far its tasks are.
const waitInterval = 300 * time.Millisecond

// Start implements [sweep.Launcher].
func (l *Local) Start(_ context.Context, tasks []sweep.Task, stopAfter int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{}, 1)
	}
	for _, t := range tasks {
		l.queue = append(l.queue, job{t, stopAfter})
	}
	l.fill()
	return nil
}

// Wait implements [sweep.Launcher].
func (l *Local) Wait(ctx context.Context) ([]sweep.Ended, error) {
	select {
	case <-l.changed:
	case <-ctx.Done():
	case <-time.After(waitInterval):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ended := l.ended
	l.ended = nil
	if ctx.Err() != nil {
		return ended, nil
	}
	l.fill()
	return ended, nil
}

// Stop implements [sweep.Launcher]. A worker finishes its step and writes a
// checkpoint; one that does neither for long is killed.
func (l *Local) Stop(ctx context.Context) error {
	const patience = 2 * time.Minute
	l.mu.Lock()
	l.queue = nil
	for _, p := range l.running {
		_ = p.Process.Signal(syscall.SIGTERM)
	}
	l.mu.Unlock()
	giveUp := time.After(patience)
	for {
		l.mu.Lock()
		n := len(l.running)
		l.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-l.changed:
		case <-time.After(waitInterval):
		case <-ctx.Done():
			return l.kill()
		case <-giveUp:
			return l.kill()
		}
	}
}

// kill ends the workers that did not stop; their runs go on from the last
// checkpoint.
func (l *Local) kill() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.running {
		_ = p.Process.Kill()
	}
	return fmt.Errorf("%s did not stop in time and had to be killed", printable.Count(len(l.running), "worker"))
}

// fill starts workers while there are tasks and room. The caller holds l.mu.
func (l *Local) fill() {
	for len(l.queue) > 0 && len(l.running) < l.Jobs {
		next := l.queue[0]
		l.queue = l.queue[1:]
		if err := l.start(next); err != nil {
			l.ended = append(l.ended, sweep.Ended{Task: next.task, Err: err})
			l.signal()
		}
	}
}

// start starts a worker. It runs in a process group of its own, so that Ctrl-C
// in a terminal reaches the sweep alone, which then stops it.
func (l *Local) start(j job) error {
	worker := l.Worker(j.task, j.stopAfter)
	p := &process{Cmd: exec.Command(worker.Argv[0], worker.Argv[1:]...), job: j, cpus: l.share()}
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(max(1, len(p.cpus))))
	if l.Memory > 0 {
		p.Env = append(p.Env, fmt.Sprintf("GOMEMLIMIT=%d", l.Memory/int64(l.Jobs)))
	}
	log, err := openLog(worker.Log)
	if err != nil {
		return err
	}
	defer log.Close()
	p.Stdout, p.Stderr = log, log
	if p.stdin, err = p.StdinPipe(); err != nil {
		return fmt.Errorf("starting a worker: %w", err)
	}
	if err := onCPUs(p.cpus, p.Cmd.Start); err != nil {
		return fmt.Errorf("starting a worker: %w", err)
	}
	l.running = append(l.running, p)
	go l.await(p)
	return nil
}

// await notes the end of a worker.
func (l *Local) await(p *process) {
	err := p.Cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		err = fmt.Errorf("its process was ended by a signal (%s)", exit.ProcessState)
	}
	l.mu.Lock()
	l.running = slices.DeleteFunc(l.running, func(other *process) bool { return other == p })
	l.ended = append(l.ended, sweep.Ended{Task: p.task, Err: err})
	l.mu.Unlock()
	l.signal()
}

func (l *Local) signal() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// share picks the processors of the next worker: those that the fewest use.
func (l *Local) share() []int {
	users := map[int]int{}
	for _, p := range l.running {
		for _, cpu := range p.cpus {
			users[cpu]++
		}
	}
	order := slices.Clone(l.CPUs)
	slices.SortStableFunc(order, func(a, b int) int { return users[a] - users[b] })
	return order[:max(1, min(len(order), len(order)/l.Jobs))]
}

// openLog opens the file for what a worker prints.
func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("opening a worker's log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a worker's log: %w", err)
	}
	return f, nil
}
