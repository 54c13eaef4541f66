// Package trash deletes runs for good, together with their checkpoints, which lie beside the store.
// The store itself puts runs into the trash and restores them: see [store.Store.Trash].
package trash

import (
	"context"
	"fmt"
	"os"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/store"
)

// Delete deletes runs, wherever they lie, with everything that is recorded about them and their
// checkpoints. It stops at the first run that cannot be deleted, which the error names, and returns
// how many were deleted. Checkpoints are deleted first: if that fails, the run is still there and
// can be deleted again, and on a full disk this makes room. For a live run the error is
// [store.ErrRunning], for an unknown one a [*store.NotFoundError].
func Delete(ctx context.Context, st *store.Store, runs ...store.RunInfo) (deleted int, err error) {
	for _, r := range runs {
		dir, freed := checkpoint.RunDir(st.Path(), r.ID), false
		err := st.DeleteRun(ctx, r.ID, func() error {
			freed = true
			return os.RemoveAll(dir)
		})
		switch {
		case err != nil && freed:
			return deleted, fmt.Errorf("deleting %s: its checkpoints are deleted as far as possible, and the run is still there: %w", r.Slug, err)
		case err != nil:
			return deleted, fmt.Errorf("deleting %s: %w", r.Slug, err)
		}
		deleted++
	}
	return deleted, nil
}

// Runs lists the runs in the trash, newest first.
func Runs(ctx context.Context, st *store.Store) ([]store.RunInfo, error) {
	return st.ListRuns(ctx, store.Filter{Shelf: store.ShelfTrash})
}

// Empty deletes all runs in the trash; see [Delete].
func Empty(ctx context.Context, st *store.Store) (deleted int, err error) {
	runs, err := Runs(ctx, st)
	if err != nil {
		return 0, err
	}
	return Delete(ctx, st, runs...)
}
