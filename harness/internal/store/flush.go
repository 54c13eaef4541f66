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
)

const (
	queryAddSeries = `INSERT INTO series (run_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING`
	queryGetSeries = `SELECT id, count, last_step, last, min, max, sum FROM series WHERE run_id = ? AND name = ?`

	// A step of -1 leaves the progress as it is.
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

// seriesState is what is known of a series as of the last commit.
type seriesState struct {
	id   int64
	sums bool // values of the same step add up
	summary
	open  block   // of the points after the last whole block
	batch []Point // to be written by this flush
}

// flush writes the buffer, a heartbeat, and the end of the run if it has one,
// in one transaction. What it could not write it leaves in the buffer. The
// caller holds w.flushing.
func (w *Writer) flush(ctx context.Context, end *ending) error {
	b, names := w.take()
	series, clock := slices.Clone(w.series), w.clock // replaced only by a commit
	err := w.store.inTx(ctx, "recording the run", func(tx *sql.Tx) (err error) {
		if series, err = w.writeSeries(ctx, tx, series, names, b.points); err != nil {
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
		if err := rankPhases(ctx, tx, w.runID); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, queryEndRun, end.status, end.reason, toMilliseconds(time.Now()), w.runID)
		return err
	})
	if err != nil {
		w.putBack(b)
		return err
	}
	w.series, w.clock = series, clock
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

// putBack undoes take; what has been recorded meanwhile comes after it.
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

func (w *Writer) writeSeries(ctx context.Context, tx *sql.Tx, series []seriesState, names []string,
	points []pendingPoint) ([]seriesState, error) {
	for _, name := range names[len(series):] {
		st, err := w.openSeries(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		series = append(series, st)
	}
	for i := range series {
		series[i].batch = series[i].batch[:0]
	}
	for _, p := range points {
		series[p.series].collect(p)
	}
	for i := range series {
		if len(series[i].batch) == 0 {
			continue
		}
		if err := w.writeBatch(ctx, tx, &series[i]); err != nil {
			return nil, fmt.Errorf("series %s: %w", names[i], err)
		}
	}
	return series, nil
}

// openSeries finds a series of the run, or makes it.
func (w *Writer) openSeries(ctx context.Context, tx *sql.Tx, name string) (seriesState, error) {
	_, isPhase := record.Phase(name)
	st := seriesState{sums: isPhase}
	if _, err := tx.ExecContext(ctx, queryAddSeries, w.runID, name); err != nil {
		return st, fmt.Errorf("series %s: %w", name, err)
	}
	var last, lowest, highest, sum number
	err := tx.QueryRowContext(ctx, queryGetSeries, w.runID, name).Scan(&st.id, &st.count, &st.lastStep, &last, &lowest, &highest, &sum)
	if err != nil {
		return st, err
	}
	st.last, st.min, st.max, st.sum = float64(last), float64(lowest), float64(highest), float64(sum)
	if st.count > 0 {
		_, st.open, err = sumUpTail(ctx, tx, st.id)
	}
	return st, err
}

// collect adds a point to what is to be written, merging it with one just
// before it of the same step.
func (st *seriesState) collect(p pendingPoint) {
	if n := len(st.batch); n > 0 && st.batch[n-1].Step == int(p.step) {
		if st.sums {
			p.value += st.batch[n-1].Value
		}
		st.batch[n-1].Value = p.value
		return
	}
	st.batch = append(st.batch, Point{int(p.step), p.value})
}

func (w *Writer) writeBatch(ctx context.Context, tx *sql.Tx, st *seriesState) (err error) {
	if st.rising() {
		if err := w.points.insert(ctx, tx, st.id, st.batch); err != nil {
			return err
		}
		w.full = w.full[:0]
		for _, p := range st.batch {
			st.add(int64(p.Step), p.Value)
			st.open.add(int64(p.Step), p.Value)
			if st.open.count == blockSize {
				w.full, st.open = append(w.full, st.open), block{}
			}
		}
		if err := w.blocks.insert(ctx, tx, st.id, w.full); err != nil {
			return err
		}
	} else {
		if err := replacePoints(ctx, tx, st); err != nil {
			return err
		}
		if st.summary, err = summarize(ctx, tx, st.id); err != nil {
			return err
		}
		if st.open, err = rebuildBlocks(ctx, tx, st.id, st.earliest()); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, querySetSummary, st.count, st.lastStep, st.last, st.min, st.max, st.sum, st.id)
	return err
}

// rising tells whether all points of the batch come after those written.
func (st *seriesState) rising() bool {
	if st.count > 0 && int64(st.batch[0].Step) <= st.lastStep {
		return false
	}
	return slices.IsSortedFunc(st.batch, func(a, b Point) int {
		if a.Step < b.Step {
			return -1
		}
		return 1 // equal steps, too, are not rising
	})
}

// earliest is the first step that the batch has a point of.
func (st *seriesState) earliest() int64 {
	earliest := st.batch[0].Step
	for _, p := range st.batch {
		earliest = min(earliest, p.Step)
	}
	return int64(earliest)
}

// beat records the sign of life and the progress. It fails if the run is no
// longer this process's.
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
