package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"flowharness/harness/internal/merge"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

// Collect brings what tasks have recorded in stores of their own into the store.
// A store that cannot be read is reported and does not keep the others from
// being merged.
func (s *Session) Collect(ctx context.Context) error {
	if err := s.openStore(ctx); err != nil {
		return err
	}
	var failures []error
	for _, t := range s.Plan.Tasks {
		if err := s.collectTask(ctx, t); err != nil {
			failures = append(failures, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(append(failures, s.note(ctx))...)
}

// collectTask merges the store of one task, if it has one.
func (s *Session) collectTask(ctx context.Context, t sweep.Task) error {
	shard := s.Folder.ShardPath(t.Key())
	if _, err := os.Stat(shard); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := s.checkShard(ctx, shard, t); err != nil {
		return fmt.Errorf("collecting task %s: %w", t.Key(), err)
	}
	if _, err := merge.Store(ctx, s.Store, shard, store.MergeOptions{}); err != nil {
		return fmt.Errorf("collecting task %s: %w", t.Key(), err)
	}
	return nil
}

// checkShard refuses a store that holds runs of another sweep.
func (s *Session) checkShard(ctx context.Context, path string, t sweep.Task) error {
	shard, err := store.OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer shard.Close()
	runs, err := shard.ListRuns(ctx, store.Filter{Shelf: store.ShelfAll})
	if err != nil {
		return err
	}
	for _, run := range runs {
		if !slices.ContainsFunc(t.Runs, func(r sweep.PlannedRun) bool { return r.Config.Hash == run.ConfigHash }) {
			return fmt.Errorf("%s holds run %s (%s), which is none of this sweep: to take it over nevertheless, type harness merge %s",
				path, run.Slug, run.Name, path)
		}
	}
	return nil
}

// seed gives a task's own store what the store holds of its runs, so that the
// task goes on from there.
func (s *Session) seed(ctx context.Context, t sweep.Task) error {
	shard := s.Folder.ShardPath(t.Key())
	if _, err := os.Stat(shard); err == nil {
		return s.trashIn(ctx, shard, t) // it was begun there
	}
	var ids []string
	for _, r := range t.Runs {
		if found := s.Inventory.Of(r); found.State != sweep.StateNew {
			ids = append(ids, found.Run.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	st, err := store.Open(ctx, shard)
	if err != nil {
		return err
	}
	defer st.Close()
	if _, err := merge.Store(ctx, st, s.Path, store.MergeOptions{Runs: ids}); err != nil {
		return fmt.Errorf("preparing task %s: %w", t.Key(), err)
	}
	return nil
}

// trashIn puts the runs of a task into the trash of the task's own store that are
// in the trash of the store: there they would count as made.
func (s *Session) trashIn(ctx context.Context, shard string, t sweep.Task) error {
	trashed, err := s.Store.ListRuns(ctx, store.Filter{Shelf: store.ShelfTrash})
	if err != nil || len(trashed) == 0 {
		return err
	}
	st, err := store.Open(ctx, shard)
	if err != nil {
		return err
	}
	defer st.Close()
	held, err := st.ListRuns(ctx, store.Filter{Shelf: store.ShelfAll})
	if err != nil {
		return err
	}
	var ids []string
	for _, run := range held {
		if slices.ContainsFunc(trashed, func(r store.RunInfo) bool { return r.ID == run.ID }) {
			ids = append(ids, run.ID)
		}
	}
	if err := st.Trash(ctx, ids...); err != nil {
		return fmt.Errorf("preparing task %s: %w", t.Key(), err)
	}
	return nil
}

// Cancel stops what runs of the sweep, and says what that was.
func (s *Session) Cancel(ctx context.Context) ([]string, error) {
	var stopped []string
	if pid, host := s.Folder.Owner(); pid != 0 {
		here, err := os.Hostname()
		if err != nil || here != host {
			return nil, fmt.Errorf("the sweep is run by process %d on %s: stop it there", pid, host)
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			return nil, fmt.Errorf("stopping process %d: %w", pid, err)
		}
		stopped = append(stopped, fmt.Sprintf("process %d on %s", pid, host))
	}
	if !s.submitted() {
		return stopped, nil
	}
	cluster, err := s.slurm()
	if err != nil {
		return stopped, err
	}
	jobs, err := cluster.Cancel(ctx)
	return append(stopped, jobs...), err
}
