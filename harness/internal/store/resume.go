package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"flowharness/harness/internal/store/points"
)

const (
	queryResumeRun = `UPDATE runs SET status = 'running', stopped = 0, status_reason = '', ended_at = NULL, archived_at = NULL,
		last_step = ?, started_at = ?, heartbeat_at = ?,
		pid = ?, pid_started_at = ?, host = ?, boot = ? WHERE id = ?`
	queryLaterImages   = `SELECT DISTINCT image_sha256 FROM samples WHERE run_id = ? AND step > ?`
	queryDeleteSamples = `DELETE FROM samples WHERE run_id = ? AND step > ?`
)

// StartResume makes this process the one that continues a run from a step. Points and samples of
// later steps are deleted, since they will be recorded again. The log is kept, and a line is added
// to it. An archived run becomes active again. A live run is refused with [ErrRunning], one in the
// trash with [ErrTrashed].
func (s *Store) StartResume(ctx context.Context, runID string, step int) error {
	return s.inTx(ctx, "resuming a run", func(tx *sql.Tx) error {
		if err := mustNotLive(ctx, tx, runID); err != nil {
			return err
		}
		if err := mustNotTrashed(ctx, tx, runID); err != nil {
			return err
		}
		if err := points.Truncate(ctx, tx, runID, step); err != nil {
			return err
		}
		if err := deleteSamples(ctx, tx, runID, step); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, queryLaterTimes, runID, step); err != nil {
			return err
		}
		now, p := toMilliseconds(time.Now()), thisProcess()
		if _, err := tx.ExecContext(ctx, queryResumeRun, step, now, now, p.pid, p.startedAt, p.host, p.boot, runID); err != nil {
			return err
		}
		message := fmt.Sprintf("resumed from step %d by process %d on %s", step, p.pid, p.host)
		_, err := tx.ExecContext(ctx, queryInsertLog, runID, now, "info", message)
		return err
	})
}

// deleteSamples deletes the samples and evaluations of a run after a step, and the pictures that
// are then no longer used.
func deleteSamples(ctx context.Context, tx *sql.Tx, runID string, step int) error {
	images, err := column[string](ctx, tx, queryLaterImages, runID, step)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, queryDeleteSamples, runID, step); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, queryDeleteEvaluations, runID, step); err != nil {
		return err
	}
	for _, image := range images {
		if _, err := tx.ExecContext(ctx, queryDeleteImage, image); err != nil {
			return err
		}
	}
	return nil
}

// column returns the single column of a query.
func column[T any](ctx context.Context, tx *sql.Tx, query string, args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
