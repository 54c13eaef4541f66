package points

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/store/storefile/storefiletest"
)

// recordMany records n steps of some series, NaN and infinities among them, in
// flushes of different sizes, and leaves the run open.
func (f *file) recordMany(n int) (runID string, w *writer) {
	f.t.Helper()
	runID = f.newRun()
	w = f.openWriter(runID)
	w.recordBetween(1, n)
	return runID, w
}

func (w *writer) recordBetween(from, to int) {
	w.f.t.Helper()
	flushAt := from
	for step := from; step <= to; step++ {
		value := math.Sin(float64(step))
		switch {
		case step%97 == 0:
			value = math.NaN()
		case step%701 == 0:
			value = math.Inf(step%2*2 - 1)
		case step/blockSize == 5: // nothing but NaN
			value = math.NaN()
		}
		w.point("train/loss", step, value)
		w.point("train/lr", step, 0.001)
		w.point("time/step", step, float64(step*7919%1000)/1e6)
		if step%10 == 0 {
			w.point("val/loss", step, value)
		}
		if step == flushAt {
			w.flush()
			flushAt += 1 + step%150
		}
	}
}

// check makes the blocks and the summary of every series anew from the points and compares. It returns how many blocks there
// are, and points.
func (f *file) check() (blocks, points int) {
	f.t.Helper()
	tx := get(f.Reading().Begin())(f.t)
	defer tx.Rollback()
	ctx := f.t.Context()
	for _, id := range get(seriesIDs(ctx, tx, `SELECT id FROM series ORDER BY id`))(f.t) {
		list := get(readPoints(ctx, tx, 0, queryPoints, id, int64(math.MinInt64), int64(math.MaxInt64)))(f.t)
		want := blocksOf(list)
		got := storefiletest.Rows(f.t, tx, `SELECT first, last, numbers, low, low_step, high, high_step, sum, nan_step FROM blocks
			WHERE series_id = ? ORDER BY first`, id)
		if diff := cmp.Diff(want, got); diff != "" {
			f.t.Errorf("the blocks of series %d are not those of its points (-want +got) %s", id, diff)
		}
		summary := get(summarize(ctx, tx, id))(f.t)
		kept := storefiletest.Rows(f.t, tx, `SELECT count, last_step FROM series WHERE id = ?`, id)
		if diff := cmp.Diff([][]any{{int64(summary.Count), int64(summary.LastStep)}}, kept); diff != "" {
			f.t.Errorf("the summary of series %d is not that of its points (-want +got) %s", id, diff)
		}
		blocks, points = blocks+len(got), points+len(list)
	}
	return blocks, points
}

// blocksOf are the rows of the blocks of some points.
func blocksOf(list []Point) (rows [][]any) {
	var open block
	for _, p := range list {
		open.add(p)
		if open.count < blockSize {
			continue
		}
		row := open.columns()
		if sum, ok := row[7].(float64); ok && math.IsNaN(sum) {
			row[7] = nil
		}
		rows, open = append(rows, row), block{}
	}
	return rows
}

func TestBlocksAndSummariesAreThoseOfThePoints(t *testing.T) {
	const n = 3000
	const blocks = 3*46 + 4 // of n steps
	for _, c := range []struct {
		name           string
		blocks, points int // -1: whatever
		do             func(f *file)
	}{
		{"as they were recorded", blocks, 3*n + n/10, func(f *file) {
			_, w := f.recordMany(n)
			w.flush()
		}},
		{"by two appenders", blocks, 3*n + n/10, func(f *file) {
			run, w := f.recordMany(1000)
			w.flush()
			w = f.openWriter(run)
			w.recordBetween(1001, n)
			w.flush()
		}},
		{"after a transaction that failed", blocks, 3*n + n/10, func(f *file) {
			_, w := f.recordMany(2000)
			w.flush()
			w.recordOnly(2001, 2200)
			full := errors.New("the disk is full")
			err := f.InTx(f.t.Context(), "testing", func(tx *sql.Tx) error {
				_, err := w.appender.Append(f.t.Context(), tx, w.names, w.pending)
				must(f.t, err)
				return full
			})
			if !errors.Is(err, full) {
				f.t.Fatal(err)
			}
			w.flush() // what is pending, again
			w.recordBetween(2201, n)
			w.flush()
		}},
		{"truncated within a block", 3*19 + 1, 3*1234 + 123, func(f *file) {
			run, w := f.recordMany(2000)
			w.flush()
			f.in(func(ctx context.Context, tx *sql.Tx) error { return Truncate(ctx, tx, run, 1234) })
		}},
		{"truncated and recorded again", blocks, 3*n + n/10, func(f *file) {
			run, w := f.recordMany(2000)
			w.flush()
			f.in(func(ctx context.Context, tx *sql.Tx) error { return Truncate(ctx, tx, run, 1234) })
			w = f.openWriter(run)
			w.recordBetween(1235, n)
			w.flush()
		}},
		{"truncated to nothing", 0, 0, func(f *file) {
			run, w := f.recordMany(2000)
			w.flush()
			f.in(func(ctx context.Context, tx *sql.Tx) error { return Truncate(ctx, tx, run, 0) })
		}},
		{"with some replaced", blocks, 3*n + n/10, func(f *file) {
			_, w := f.recordMany(n)
			w.flush()
			w.point("train/loss", 100, 7)
			w.point("train/lr", 2999, math.NaN())
			w.point("time/step", 1500, 1) // adds up
			w.flush()
		}},
		{"with some between those written", -1, -1, func(f *file) {
			_, w := f.recordMany(n)
			for step := 1; step < n; step += 10 {
				w.point("val/loss", step, float64(step))
			}
			w.flush()
			w.point("val/loss", -5, 1)
			w.flush()
		}},
		{"with steps out of order at once", 1, 100, func(f *file) {
			w := f.openWriter(f.newRun())
			for step := 100; step > 0; step-- {
				w.point("train/loss", step, float64(step))
			}
			w.flush()
		}},
		{"of a run that was deleted", 0, 0, func(f *file) {
			run, w := f.recordMany(n)
			w.flush()
			f.in(func(ctx context.Context, tx *sql.Tx) error {
				if err := Delete(ctx, tx, run); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE id = ?`, run)
				return err
			})
		}},
		{"of a training that was copied", 2 * blocks, 2 * (3*n + n/10), func(f *file) {
			from, w := f.recordMany(n)
			w.flush()
			to := f.newRun()
			f.in(func(ctx context.Context, tx *sql.Tx) error { return CopyTraining(ctx, tx, to, from) })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := openTemp(t)
			c.do(f)
			blocks, points := f.check()
			if c.blocks >= 0 && blocks != c.blocks {
				t.Errorf("there are %d blocks, want %d", blocks, c.blocks)
			}
			if c.points >= 0 && points != c.points {
				t.Errorf("there are %d points, want %d", points, c.points)
			}
		})
	}
}

// recordOnly collects steps without writing them.
func (w *writer) recordOnly(from, to int) {
	pending := &writer{names: w.names}
	for step := from; step <= to; step++ {
		pending.point("train/loss", step, 1)
		pending.point("train/lr", step, 1)
		pending.point("time/step", step, 1)
		if step%10 == 0 {
			pending.point("val/loss", step, 1)
		}
	}
	w.names, w.pending = pending.names, append(w.pending, pending.pending...)
}

func TestRepairingMakesEverythingFitThePoints(t *testing.T) {
	f := openTemp(t)
	run, w := f.recordMany(1000)
	f.finish(w, run)
	want := f.phases(run)
	f.in(func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM blocks`,
			`INSERT INTO blocks (series_id, first, last, numbers) SELECT id, 1, 2, 0 FROM series`,
			`DELETE FROM points WHERE series_id = (SELECT id FROM series WHERE name = 'train/loss') AND step IN (3, 500)`,
			`UPDATE series SET count = 0 WHERE name = 'train/lr'`,
			`UPDATE series SET p50 = NULL, p95 = NULL`,
			`DELETE FROM points WHERE series_id = (SELECT id FROM series WHERE name = 'val/loss')`,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	var differ []Recount
	f.in(func(ctx context.Context, tx *sql.Tx) (err error) {
		differ, err = Repair(ctx, tx)
		return err
	})
	if diff := cmp.Diff([]Recount{{run, "train/loss", 1000, 998}, {run, "train/lr", 0, 1000}, {run, "val/loss", 100, 0}}, differ); diff != "" {
		t.Errorf("what differed (-want +got) %s", diff)
	}
	if blocks, points := f.check(); blocks != 3*15 || points != 2998 {
		t.Errorf("%d blocks of %d points are left", blocks, points)
	}
	if diff := cmp.Diff(want, f.phases(run)); diff != "" {
		t.Errorf("the times of phases (-want +got) %s", diff)
	}
	if names := get(Names(t.Context(), f.Reading()))(t); len(names) != 3 {
		t.Errorf("there are the series %q", names)
	}
}
