// Package merge brings the runs of another store into a store together with what
// lies beside it: their checkpoints.
package merge

import (
	"context"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/store"
)

// Store is [store.Store.Merge] with checkpoints: those of a run are linked or
// copied before the run is committed, and appear whole or not at all. A run that
// is continued gets the source's checkpoints in place of its own, unless the
// source has none.
func Store(ctx context.Context, st *store.Store, src string, o store.MergeOptions) (store.MergeResult, error) {
	src = files.FollowLink(src)
	o.CopyFiles = func(ctx context.Context, runID string) (store.StagedFiles, error) {
		return stage(ctx, checkpoint.RunDir(src, runID), checkpoint.RunDir(st.Path(), runID))
	}
	return st.Merge(ctx, src, o)
}
