package store

import (
	"context"
	"database/sql"
	"errors"

	"flowharness/harness/internal/store/points"
)

const (
	queryDeleteRun   = `DELETE FROM runs WHERE id = ?`
	queryDeleteImage = `DELETE FROM images WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM samples WHERE image_sha256 = ?1)`
)

// DeleteRun deletes a run with everything that is recorded about it, and the pictures that no other
// run uses. The file does not shrink, but the space is reused. A live run is refused with
// [ErrRunning].
//
// First it calls free, unless that is nil, to delete what lies beside the store. On a full disk
// this makes the room that deleting rows needs. If free returns an error, the run is kept.
func (s *Store) DeleteRun(ctx context.Context, runID string, free func() error) error {
	const op = "deleting a run"
	freed := free == nil
	release := func(tx *sql.Tx) error {
		err := mustNotLive(ctx, tx, runID)
		if err == nil && !freed {
			err, freed = free(), true
		}
		return err
	}
	if errors.Is(s.file.Unwritable(), ErrFull) {
		if err := s.inReadTx(ctx, op, release); err != nil {
			return err
		}
	}
	return s.inTx(ctx, op, func(tx *sql.Tx) error {
		if err := release(tx); err != nil {
			return err
		}
		const beforeTheFirst = -1
		if err := deleteSamples(ctx, tx, runID, beforeTheFirst); err != nil {
			return err
		}
		if err := points.Delete(ctx, tx, runID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, queryDeleteRun, runID)
		return err
	})
}
