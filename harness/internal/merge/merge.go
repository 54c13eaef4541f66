// Package merge merges runs of another store, together with their checkpoints, which lie beside the
// store.
package merge

import (
	"context"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/store"
)

// Store is [store.Store.Merge] with checkpoints. Those of a run are linked or copied before the run
// is committed, and appear either all or not at all. If the source continues a run, its checkpoints
// replace those that are here, unless it has none.
func Store(ctx context.Context, st *store.Store, src string, o store.MergeOptions) (store.MergeResult, error) {
	src = files.FollowLink(src)
	o.CopyFiles = func(ctx context.Context, runID string) (store.StagedFiles, error) {
		return stage(ctx, checkpoint.RunDir(src, runID), checkpoint.RunDir(st.Path(), runID))
	}
	return st.Merge(ctx, src, o)
}
