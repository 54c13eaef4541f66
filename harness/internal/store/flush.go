package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/points"
)

const (
	// If the step is -1, the progress stays as it is.
	queryHeartbeat = `UPDATE runs SET heartbeat_at = ?1,
		last_step = iif(?2 < 0, last_step, ?2), total_steps = iif(?2 < 0, total_steps, ?3),
		peak_memory_bytes = max(peak_memory_bytes, ?4) WHERE id = ?5 AND status = 'running' AND pid = ?6`
	queryEndRun = `UPDATE runs SET status = ?, status_reason = ?, ended_at = ? WHERE id = ?`
)

// ending is how a run ends.
type ending struct {
	status record.Status
	reason string
}

// flush writes the buffer, a heartbeat and, if the run ends, how it ended, in one transaction. If
// that fails, everything stays in the buffer. The caller holds w.flushing.
func (w *Writer) flush(ctx context.Context, end *ending) error {
	b, names := w.take()
	clock, committed := w.clock, func() {} // replaced only by a commit
	err := w.store.inTx(ctx, "recording the run", func(tx *sql.Tx) (err error) {
		if committed, err = w.points.Append(ctx, tx, names, b.points); err != nil {
			return err
		}
		for _, l := range b.logs {
			if _, err := tx.ExecContext(ctx, queryInsertLog, w.runID, l.at, l.level, l.message); err != nil {
				return err
			}
		}
		if err := w.beat(ctx, tx, b); err != nil {
			return err
		}
		if clock, err = w.keepTime(ctx, tx, b.step, time.Now(), end != nil); err != nil || end == nil {
			return err
		}
		if err := points.RankPhases(ctx, tx, w.runID); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, queryEndRun, end.status, end.reason, toMilliseconds(time.Now()), w.runID)
		return err
	})
	if err != nil {
		w.putBack(b)
		return err
	}
	committed()
	w.clock = clock
	w.spare = b.points[:0]
	return nil
}

// take empties the buffer.
func (w *Writer) take() (buffer, []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.buffer
	w.buffer = buffer{points: w.spare, step: -1}
	w.spare = nil
	return b, slices.Clip(w.names)
}

// putBack undoes take. What has been recorded in the meantime comes after it.
func (w *Writer) putBack(b buffer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buffer.points = append(b.points, w.buffer.points...)
	w.buffer.logs = append(b.logs, w.buffer.logs...)
	w.buffer.peakMemory = max(b.peakMemory, w.buffer.peakMemory)
	if w.buffer.step < 0 {
		w.buffer.step, w.buffer.total = b.step, b.total
	}
}

// beat records a heartbeat and the progress. It fails if the run no longer belongs to this process.
func (w *Writer) beat(ctx context.Context, tx *sql.Tx, b buffer) error {
	res, err := tx.ExecContext(ctx, queryHeartbeat, toMilliseconds(time.Now()), b.step, b.total, b.peakMemory, w.runID, os.Getpid())
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return fmt.Errorf("%w: run %s was deleted, ended or resumed by another process", errLost, w.runID)
	}
	return err
}

var errLost = errors.New("the run is no longer this process's to record")
