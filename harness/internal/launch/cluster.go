package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"flowharness/harness/internal/slurm"
	"flowharness/harness/internal/sweep"
)

// ErrNeedsWaiting reports a sweep that cannot be submitted at once.
var ErrNeedsWaiting = errors.New("a search that stops trials decides at every rung what goes on: add --wait, or leave out search.stopping")

// Submission is what became of the tasks that are left.
type Submission struct {
	Submitted int
	Queued    int   // that were in the queue already
	Refused   int   // that the cluster does not take now
	Why       error // in Slurm's words
}

// Submit submits the tasks that are left to the cluster and returns.
func (s *Session) Submit(ctx context.Context) (done Submission, err error) {
	if s.Plan.File.StopsTrials() {
		return done, ErrNeedsWaiting
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return done, err
	}
	defer unlock()
	cluster, err := s.slurm()
	if err != nil {
		return done, err
	}
	if err := s.begin(ctx); err != nil {
		return done, err
	}
	states, err := cluster.Settle(ctx)
	if err != nil {
		return done, err
	}
	left := s.Left()
	for _, t := range left {
		if _, ok := states[t.Key()]; ok {
			done.Queued++
		}
	}
	if err := cluster.Start(ctx, left, 0); err != nil {
		return done, err
	}
	done.Refused, done.Why = cluster.Refused()
	done.Submitted = len(left) - done.Queued - done.Refused
	return done, nil
}

// slurm prepares the launcher of a cluster.
func (s *Session) slurm() (*Slurm, error) {
	client, err := slurm.Find()
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	folder, err := filepath.Abs(string(s.Folder))
	if err != nil {
		return nil, err
	}
	l := &Slurm{Client: client, Folder: sweep.Folder(folder), Sweep: s.Plan.File.Name, Options: s.Plan.File.Slurm,
		MaxParallel: s.Plan.File.Jobs, Seed: s.seed, Warn: s.Warn}
	l.Worker = func(array string, stopAfter int) []string {
		argv := []string{program, "sweep", "task", folder, "--array", array}
		if stopAfter > 0 {
			argv = append(argv, "--stop-after", strconv.Itoa(stopAfter))
		}
		return argv
	}
	return l, nil
}

// submitted tells whether anything was ever submitted to a cluster.
func (s *Session) submitted() bool {
	_, err := os.Stat((&Slurm{Folder: s.Folder}).path())
	return err == nil
}

// notSubmitted is an error while tasks of the sweep are in the queue of a
// cluster: made here, too, they would be made twice.
func (s *Session) notSubmitted(ctx context.Context) error {
	if !s.submitted() {
		return nil
	}
	cluster, err := s.slurm()
	if err != nil {
		s.warn("whether tasks of this sweep are still in the queue of a cluster could not be found out: %v", err)
		return nil
	}
	states, err := cluster.States(ctx)
	if err != nil {
		return err
	}
	if len(states) > 0 {
		return fmt.Errorf("%d tasks of sweep %s are in Slurm's queue: wait for them with --launcher slurm --wait, or harness sweep cancel "+
			"%s", len(states), s.Plan.File.Name, s.Plan.File.Name)
	}
	return nil
}
