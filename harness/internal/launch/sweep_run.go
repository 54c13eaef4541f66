package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/shirou/gopsutil/v4/mem"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

// Run has the runs made that are not made yet, and waits for them.
func (s *Session) Run(ctx context.Context) (sweep.Outcome, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return sweep.Outcome{}, err
	}
	defer unlock()
	conductor := &sweep.Conductor{Plan: s.Plan, Folder: s.Folder, Recognition: s.Recognition, Retries: s.Plan.File.Retries,
		Observe: s.Observe, Warn: s.Warn}
	conductor.Recognition.StopsTrials = false // it decides anew
	if s.Plan.File.Launcher == sweep.LauncherSlurm {
		conductor.Collect = s.collectTask
		conductor.Launcher, err = s.slurm()
	} else {
		err = s.notSubmitted(ctx)
	}
	if err != nil {
		return sweep.Outcome{}, err
	}
	if err := s.begin(ctx); err != nil {
		return sweep.Outcome{}, err
	}
	if conductor.Launcher == nil {
		if conductor.Launcher, err = s.local(ctx); err != nil {
			return sweep.Outcome{}, err
		}
	}
	conductor.Store = s.Store
	outcome, err := conductor.Conduct(ctx)
	return outcome, errors.Join(err, s.note(context.WithoutCancel(ctx)))
}

// begin writes down what is about to be run.
func (s *Session) begin(ctx context.Context) error {
	if err := s.openStore(ctx); err != nil {
		return err
	}
	if err := s.Folder.Claim(s.Store.ID()); err != nil {
		return err
	}
	if err := s.Store.PutSweep(ctx, s.Plan.File.Name, string(s.Plan.File.Source)); err != nil {
		return err
	}
	if err := s.findParents(ctx); err != nil {
		return err
	}
	if err := s.Folder.WritePlan(s.Plan, s.Recognition); err != nil {
		return err
	}
	if err := s.adoptStopped(ctx); err != nil {
		return err
	}
	if err := s.Folder.Remember(s.Memory); err != nil {
		return fmt.Errorf("writing the state of the sweep: %w", err)
	}
	if err := s.Collect(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		s.warn("%v", err) // its task records into another store, or is made again
	}
	return nil
}

// adoptStopped records in the store which trials an earlier version has stopped.
func (s *Session) adoptStopped(ctx context.Context) error {
	for _, t := range s.Plan.Tasks {
		found := s.Inventory.Of(t.Runs[0])
		if !s.Memory.StoppedEarlier(found.State, s.Plan.Variants[t.Runs[0].Variant].Label) {
			continue
		}
		if err := s.Store.StopRun(ctx, found.Run.ID, fmt.Sprintf("sweep %s stopped it", s.Plan.File.Name)); err != nil {
			return err
		}
	}
	s.Memory.Stopped = nil
	return nil
}

// openStore makes the store if there is none yet.
func (s *Session) openStore(ctx context.Context) (err error) {
	if s.Store == nil {
		s.Store, err = store.Open(ctx, s.Path)
	}
	return err
}

// note records which runs belong to the sweep by now.
func (s *Session) note(ctx context.Context) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	return s.Plan.Record(ctx, s.Store, s.Inventory)
}

// local prepares workers on this machine: as many as fit into its memory.
func (s *Session) local(ctx context.Context) (*Local, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	l := &Local{Jobs: max(1, s.Plan.File.Jobs), CPUs: CPUs()}
	l.Worker = func(t sweep.Task, stopAfter int) Worker {
		argv := []string{program, "--store", s.Path, "sweep", "task", string(s.Folder), t.Key()}
		if stopAfter > 0 {
			argv = append(argv, "--stop-after", strconv.Itoa(stopAfter))
		}
		return Worker{argv, s.Folder.LogPath(t.Key())}
	}
	costs, err := s.Costs(ctx)
	if err != nil {
		return nil, err
	}
	memory, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return l, nil // then there is nothing to divide
	}
	l.Memory = int64(memory.Available)
	if one := costs.Memory(s.Left()); one > 0 && one*int64(l.Jobs) > l.Memory {
		fit := max(1, int(l.Memory/one))
		if fit < l.Jobs {
			s.warn("a run like these took %d MiB, and %d MiB are free: %d at once instead of %d", one>>20, l.Memory>>20, fit, l.Jobs)
		}
		l.Jobs = fit
	}
	return l, nil
}
