package store

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/storefile/storefiletest"
)

// blockSize is how many points in a row a block sums up.
const blockSize = 64

// Blocks and percentiles as SQLite makes them from the points.
const (
	blocksOfPoints = `SELECT series_id, first, last, numbers,
			low, (SELECT min(step) FROM points AS p WHERE p.series_id = b.series_id AND step BETWEEN first AND last AND value = low),
			high, (SELECT min(step) FROM points AS p WHERE p.series_id = b.series_id AND step BETWEEN first AND last AND value = high),
			sum, nan_step
		FROM (SELECT series_id, min(step) AS first, max(step) AS last, count(value) AS numbers, min(value) AS low, max(value) AS high,
				sum(value) AS sum, min(iif(value IS NULL, step, NULL)) AS nan_step
			FROM (SELECT *, (row_number() OVER (PARTITION BY series_id ORDER BY step) - 1) / 64 AS block FROM points)
			GROUP BY series_id, block HAVING count(*) = 64) AS b
		ORDER BY series_id, first`
	blocksKept = `SELECT series_id, first, last, numbers, low, low_step, high, high_step, sum, nan_step FROM blocks ORDER BY series_id, first`

	percentilesOfPoints = `SELECT id, name, max(iif(rank = (50 * n + 99) / 100, value, NULL)), max(iif(rank = (95 * n + 99) / 100,
		value, NULL))
		FROM (SELECT s.id, s.name, p.value, row_number() OVER (PARTITION BY s.id ORDER BY p.value) AS rank, count(*) OVER (PARTITION BY s.id) AS n
			FROM series AS s JOIN points AS p ON p.series_id = s.id WHERE s.p50 IS NOT NULL)
		GROUP BY id ORDER BY id`
	percentilesKept = `SELECT id, name, p50, p95 FROM series WHERE p50 IS NOT NULL ORDER BY id`
)

// checkBlocks compares the blocks of every series of a store, and the percentiles
// of ended phases, with those that the points make. It returns how many blocks
// there are.
func checkBlocks(t testing.TB, s *Store) (blocks int) {
	t.Helper()
	db := writing(t, s)
	want, got := storefiletest.Rows(t, db, blocksOfPoints), storefiletest.Rows(t, db, blocksKept)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the blocks are not those of the points (-want +got) %s", diff)
	}
	if diff := cmp.Diff(storefiletest.Rows(t, db, percentilesOfPoints), storefiletest.Rows(t, db, percentilesKept)); diff != "" {
		t.Errorf("the percentiles are not those of the points (-want +got) %s", diff)
	}
	return len(got)
}

// checkOrphans fails if rows are left of series that are not there.
func checkOrphans(t testing.TB, s *Store) {
	t.Helper()
	for _, query := range []string{
		`SELECT count(*) FROM blocks WHERE series_id NOT IN (SELECT id FROM series)`,
		`SELECT count(*) FROM points WHERE series_id NOT IN (SELECT id FROM series)`,
		`SELECT count(*) FROM step_times WHERE run_id NOT IN (SELECT id FROM runs)`,
	} {
		var n int
		must(t, s.read.QueryRow(query).Scan(&n))
		if n != 0 {
			t.Errorf("%s: %d", query, n)
		}
	}
}

// recordMany records n steps of some series, NaN and infinities among them, in
// flushes of different sizes, and leaves the run open.
func recordMany(t testing.TB, s *Store, n int) (*Run, *Writer) {
	t.Helper()
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	recordBetween(t, w, 1, n)
	return run, w
}

func recordBetween(t testing.TB, w *Writer, from, to int) {
	t.Helper()
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
		w.Point("train/loss", step, value)
		w.Point("train/lr", step, 0.001)
		w.Phase("step", step, time.Duration(step*7919%1000)*time.Microsecond)
		if step%10 == 0 {
			w.Point("val/loss", step, value)
		}
		w.Progress(step, to)
		if step == flushAt {
			must(t, w.Flush(t.Context()))
			flushAt += 1 + step%150
		}
	}
}

func TestBlocksAreThoseOfThePoints(t *testing.T) {
	const n = 3000
	for _, c := range []struct {
		name   string
		blocks int // -1: whatever
		do     func(t *testing.T, s *Store)
	}{
		{"of a run that trains", 3*46 + 4, func(t *testing.T, s *Store) {
			_, w := recordMany(t, s, n)
			must(t, w.Flush(t.Context()))
		}},
		{"of one that has finished", 3*46 + 4, func(t *testing.T, s *Store) {
			_, w := recordMany(t, s, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		}},
		{"recorded by two writers", 3*46 + 4, func(t *testing.T, s *Store) {
			run, w := recordMany(t, s, 1000)
			must(t, w.stop())
			w = openWriter(t, s, run.ID)
			recordBetween(t, w, 1001, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		}},
		{"resumed within a block", 3*46 + 4, func(t *testing.T, s *Store) {
			run, w := recordMany(t, s, 2000)
			must(t, w.Finish(t.Context(), record.StatusInterrupted, ""))
			must(t, s.StartResume(t.Context(), run.ID, 1234))
			checkBlocks(t, s)
			w = openWriter(t, s, run.ID)
			recordBetween(t, w, 1235, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		}},
		{"resumed where a block ends", 3*16 + 1, func(t *testing.T, s *Store) {
			run, w := recordMany(t, s, 2000)
			must(t, w.Finish(t.Context(), record.StatusInterrupted, ""))
			must(t, s.StartResume(t.Context(), run.ID, 16*blockSize))
		}},
		{"resumed from the start", 0, func(t *testing.T, s *Store) {
			run, w := recordMany(t, s, 2000)
			must(t, w.Finish(t.Context(), record.StatusInterrupted, ""))
			must(t, s.StartResume(t.Context(), run.ID, 0))
		}},
		{"with points that were replaced", 3*46 + 4, func(t *testing.T, s *Store) {
			_, w := recordMany(t, s, n)
			must(t, w.Flush(t.Context()))
			w.Point("train/loss", 100, 7)
			w.Point("train/lr", 2999, math.NaN())
			w.Phase("step", 1500, time.Second) // adds up
			must(t, w.Flush(t.Context()))
			checkBlocks(t, s)
			recordBetween(t, w, n+1, n+3)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		}},
		{"with points between those written", -1, func(t *testing.T, s *Store) {
			_, w := recordMany(t, s, n)
			for step := 1; step < n; step += 10 {
				w.Point("val/loss", step, float64(step))
			}
			must(t, w.Flush(t.Context()))
			w.Point("val/loss", -5, 1)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		}},
		{"with steps out of order in one flush", 1, func(t *testing.T, s *Store) {
			w := openWriter(t, s, newRun(t, s, "x").ID)
			for step := 100; step > 0; step-- {
				w.Point("train/loss", step, float64(step))
			}
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		}},
		{"of a run that was deleted", 0, func(t *testing.T, s *Store) {
			run, w := recordMany(t, s, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
			must(t, s.DeleteRun(t.Context(), run.ID, nil))
		}},
		{"of a training that was taken over", 2 * (3*46 + 4), func(t *testing.T, s *Store) {
			from, w := recordMany(t, s, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
			to := newRun(t, s, "y")
			must(t, s.AdoptTraining(t.Context(), to.ID, from.ID))
			if diff := cmp.Diff(get(s.WallTimes(t.Context(), from.ID))(t), get(s.WallTimes(t.Context(), to.ID))(t)); diff != "" {
				t.Errorf("the times of steps differ: %s", diff)
			}
		}},
		{"of a run that was merged", 3*46 + 4, func(t *testing.T, s *Store) {
			src := openTemp(t)
			_, w := recordMany(t, src, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
			checkMerge(t, s, src.Path(), MergeResult{Added: 1})
		}},
		{"of a run that was merged and then continued there", 3*46 + 4, func(t *testing.T, s *Store) {
			src := openTemp(t)
			run, w := recordMany(t, src, 1000)
			must(t, w.Finish(t.Context(), record.StatusInterrupted, ""))
			checkMerge(t, s, src.Path(), MergeResult{Added: 1})
			must(t, src.StartResume(t.Context(), run.ID, 990))
			w = openWriter(t, src, run.ID)
			recordBetween(t, w, 991, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
			checkMerge(t, s, src.Path(), MergeResult{Continued: 1})
			checkMerge(t, s, src.Path(), MergeResult{Same: 1})
		}},
		{"of a run on its own", -1, func(t *testing.T, s *Store) {
			run, w := recordMany(t, s, n)
			must(t, w.Finish(t.Context(), record.StatusFinished, ""))
			path := t.TempDir() + "/run.db"
			must(t, s.Extract(t.Context(), run.ID, path))
			if got, want := checkBlocks(t, openAt(t, path)), checkBlocks(t, s); got != want {
				t.Errorf("the copy has %d blocks, want %d", got, want)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTemp(t)
			c.do(t, s)
			if got := checkBlocks(t, s); c.blocks >= 0 && got != c.blocks {
				t.Errorf("there are %d blocks, want %d", got, c.blocks)
			}
			checkOrphans(t, s)
		})
	}
}

func TestAnOlderStoreGetsItsBlocks(t *testing.T) {
	s := openTemp(t)
	_, w := recordMany(t, s, 3000)
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	_, w = recordMany(t, s, 500)
	must(t, w.stop()) // still running
	must(t, s.Close())

	// The same in a file of the schema before.
	path := filepath.Join(t.TempDir(), "older.db")
	db := storefiletest.Older(t, path, 6)
	columns, _, err := readColumns(t.Context(), db)
	must(t, err)
	get(db.Exec(`ATTACH ? AS source`, s.Path()))(t)
	for _, table := range []string{"runs", "series", "points"} {
		names := quotedNames("", columns[table])
		get(db.Exec(fmt.Sprintf(`INSERT INTO main.%s (%s) SELECT %s FROM source.%s`, table, names, names, table)))(t)
	}
	must(t, db.Close())

	s = openAt(t, path)
	if got, want := checkBlocks(t, s), 3*46+4+3*7; got != want {
		t.Errorf("there are %d blocks, want %d", got, want)
	}
	tx := get(writing(t, s).Begin())(t)
	defer tx.Rollback()
	if ranked := get(column[int64](t.Context(), tx,
		`SELECT count(*) FROM series WHERE p50 IS NOT NULL AND p95 IS NOT NULL`))(t)[0]; ranked != 1 {
		t.Errorf("%d series have percentiles, want those of the phase that has ended", ranked)
	}
}
