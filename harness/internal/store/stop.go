package store

import (
	"context"
	"database/sql"
)

const (
	queryStopRun = `UPDATE runs SET status = 'interrupted', stopped = 1, status_reason = ?, ended_at = coalesce(ended_at, heartbeat_at)
		WHERE id = ? AND status IN ('running', 'interrupted', 'failed')`
	queryUnstopRun = `UPDATE runs SET stopped = 0, status_reason = '' WHERE id = ? AND stopped = 1`
)

// StopRun records that a search has ended a trial early, and why. A run that has already ended by
// itself stays as it is; a live run is refused with [ErrRunning]. Resuming the run makes it an
// ordinary run again.
func (s *Store) StopRun(ctx context.Context, runID, reason string) error {
	return s.inTx(ctx, "recording that a run was stopped", func(tx *sql.Tx) error {
		if err := mustNotLive(ctx, tx, runID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, queryStopRun, reason, runID)
		return err
	})
}

// UnstopRun undoes [Store.StopRun]: the run counts as interrupted. Other runs stay as they are.
func (s *Store) UnstopRun(ctx context.Context, runID string) error {
	return s.inTx(ctx, "recording that a run is to go on", func(tx *sql.Tx) error {
		if err := mustExist(ctx, tx, runID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, queryUnstopRun, runID)
		return err
	})
}
