package points

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"flowharness/harness/internal/store/storefile"
	"flowharness/harness/internal/store/storefile/storefiletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// file is a store of which only series are looked at.
type file struct {
	*storefile.File
	t    testing.TB
	runs int
}

func openTemp(t testing.TB) *file { return &file{File: storefiletest.Open(t), t: t} }

// in runs do in a transaction that writes.
func (f *file) in(do func(ctx context.Context, tx *sql.Tx) error) {
	f.t.Helper()
	must(f.t, f.InTx(f.t.Context(), "testing", func(tx *sql.Tx) error { return do(f.t.Context(), tx) }))
}

// read returns what a function reads in a transaction.
func read[T any](f *file, do func(ctx context.Context, tx *sql.Tx) (T, error)) (v T) {
	f.t.Helper()
	must(f.t, f.InReadTx(f.t.Context(), "testing", func(tx *sql.Tx) (err error) {
		v, err = do(f.t.Context(), tx)
		return err
	}))
	return v
}

// newRun adds a run without series and returns its id.
func (f *file) newRun() string {
	f.t.Helper()
	f.runs++
	id := fmt.Sprintf("01ARZ3NDEKTSV4RRFFQ69G5F%02d", f.runs)
	f.in(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO runs (id, slug, name, status, config_hash, seed, process, dataset, created_at, started_at,
			heartbeat_at, pid, pid_started_at, host, boot) VALUES (?1, ?1, 'x', 'running', '', '0', '', '', 0, 0, 0, 0, 0, '', '')`, id)
		return err
	})
	return id
}

// writer records series of a run: what has been collected is written by flush.
type writer struct {
	f        *file
	appender *Appender
	names    []string
	pending  []Pending
}

func (f *file) openWriter(runID string) *writer {
	f.t.Helper()
	db := get(f.Writing(f.t.Context()))(f.t)
	w := &writer{f: f, appender: get(NewAppender(f.t.Context(), db, runID))(f.t)}
	f.t.Cleanup(func() { w.appender.Close() })
	return w
}

func (w *writer) point(name string, step int, value float64) {
	i := slices.Index(w.names, name)
	if i < 0 {
		i = len(w.names)
		w.names = append(w.names, name)
	}
	w.pending = append(w.pending, Pending{int32(i), int64(step), value})
}

func (w *writer) flush() {
	w.f.t.Helper()
	var committed func()
	w.f.in(func(ctx context.Context, tx *sql.Tx) (err error) {
		committed, err = w.appender.Append(ctx, tx, w.names, w.pending)
		return err
	})
	committed()
	w.pending = w.pending[:0]
}

// finish ends the recording of a run.
func (f *file) finish(w *writer, runID string) {
	f.t.Helper()
	w.flush()
	f.in(func(ctx context.Context, tx *sql.Tx) error { return RankPhases(ctx, tx, runID) })
}

// put records the values of a series at steps 1, 2, … and returns the run.
func (f *file) put(name string, values []float64) string {
	f.t.Helper()
	run := f.newRun()
	w := f.openWriter(run)
	for i, v := range values {
		w.point(name, i+1, v)
	}
	w.flush()
	return run
}

func (f *file) points(runID, name string, o Options) []Point {
	f.t.Helper()
	return read(f, func(ctx context.Context, tx *sql.Tx) ([]Point, error) { return Read(ctx, tx, runID, name, o) })
}

func (f *file) bins(runID, name string, limit int) []Bin {
	f.t.Helper()
	return read(f, func(ctx context.Context, tx *sql.Tx) ([]Bin, error) { return Bins(ctx, tx, runID, name, limit) })
}

func (f *file) binsWithin(runID, name string, from, to, limit int) []Bin {
	f.t.Helper()
	return read(f, func(ctx context.Context, tx *sql.Tx) ([]Bin, error) {
		return BinsWithin(ctx, tx, runID, name, from, to, limit)
	})
}

func (f *file) before(runID, name string, step, n int) []Point {
	f.t.Helper()
	return read(f, func(ctx context.Context, tx *sql.Tx) ([]Point, error) { return Before(ctx, tx, runID, name, step, n) })
}

func (f *file) median(runID, name string) float64 {
	f.t.Helper()
	return read(f, func(ctx context.Context, tx *sql.Tx) (float64, error) { return Median(ctx, tx, runID, name) })
}

func (f *file) phases(runID string) []Phase {
	f.t.Helper()
	return read(f, func(ctx context.Context, tx *sql.Tx) ([]Phase, error) { return Phases(ctx, tx, runID) })
}
