package merge

import (
	"context"
	"errors"
	"fmt"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/store"
)

// Recover is [store.Recover] with checkpoints. If the new store lies in another folder, the
// checkpoints of the salvaged runs are linked or copied there.
func Recover(ctx context.Context, from, to string, o store.RecoverOptions) (*store.Recovery, error) {
	from = files.FollowLink(from)
	found, err := store.Recover(ctx, from, to, o)
	if err != nil {
		return nil, err
	}
	for _, r := range found.Runs {
		if err := bring(ctx, checkpoint.RunDir(from, r.ID), checkpoint.RunDir(to, r.ID)); err != nil {
			return nil, fmt.Errorf("%s is made, but not all checkpoints are brought there: run %s: %w", to, r.Slug, err)
		}
	}
	return found, nil
}

// bring links or copies the files of one folder to another.
func bring(ctx context.Context, from, to string) error {
	staged, err := stage(ctx, from, to)
	if err != nil {
		return err
	}
	if err := staged.Place(); err != nil {
		return errors.Join(err, staged.Undo())
	}
	staged.Keep()
	return nil
}
