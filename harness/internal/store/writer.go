package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/points"
	"flowharness/harness/internal/store/storefile"
)

const (
	// flushEvery is also the interval of heartbeats. It limits how much kill -9 can lose.
	flushEvery = 250 * time.Millisecond

	// lockPatience is how long points are kept in memory while another process holds the store,
	// before the run fails.
	lockPatience = time.Minute
)

// Writer records one run while it trains. Its methods may be called from several goroutines. Point,
// Phase, Log, Progress and PeakMemory only touch memory; a goroutine writes what has been collected
// every 250 ms, together with a heartbeat.
//
// An error of writing is kept, and [Writer.Err] returns it; everything that is recorded after it is
// dropped. It is no error if another process holds the store for less than a minute. A Writer must
// be ended with [Writer.Finish].
type Writer struct {
	store   *Store
	runID   string
	reserve *storefile.Reserve

	mu     sync.Mutex // guards what follows
	index  map[string]int32
	names  []string // of the series, by index
	buffer buffer
	err    error
	// dropping is set when nothing more can be recorded: after an error, or at the end.
	dropping bool

	flushing sync.Mutex // held while writing; guards what follows
	points   *points.Appender
	spare    []points.Pending
	clock    clock
	ended    bool

	quit, done chan struct{}
	stopOnce   sync.Once
}

// buffer is what has been recorded but not written.
type buffer struct {
	points     []points.Pending
	logs       []pendingLog
	step       int // -1: unchanged
	total      int
	peakMemory int64
}

type pendingLog struct {
	at             milliseconds
	level, message string
}

const queryWriterRun = `SELECT slug, status FROM runs WHERE id = ?`

// OpenWriter starts to record a run whose status CreateRun or StartResume has set to running. The
// goroutine that it starts ends with [Writer.Finish] or [Store.Close].
func (s *Store) OpenWriter(ctx context.Context, runID string) (*Writer, error) {
	const op = "preparing to record a run"
	db, err := s.file.Writing(ctx)
	if err != nil {
		return nil, s.failure(op, err)
	}
	var slug string
	var status record.Status
	err = s.read.QueryRowContext(ctx, queryWriterRun, runID).Scan(&slug, &status)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, &NotFoundError{Ref: runID}
	case err != nil:
		return nil, s.failure(op, err)
	case status != record.StatusRunning:
		return nil, fmt.Errorf("%s: run %s is %s, not running", op, slug, status)
	}
	w := &Writer{store: s, runID: runID, index: map[string]int32{}, quit: make(chan struct{}), done: make(chan struct{})}
	w.buffer.step = -1
	w.clock = clock{step: -1, seen: -1}
	if w.points, err = points.NewAppender(ctx, db, runID); err != nil {
		return nil, s.failure(op, err)
	}
	if w.reserve, err = storefile.NewReserve(s.Path()); err != nil {
		w.points.Close()
		return nil, s.failure(op, err)
	}
	s.mu.Lock()
	s.writers[w] = struct{}{}
	s.mu.Unlock()
	go w.run()
	return w, nil
}

// Point records the value of a series at a step. NaN and infinities are ordinary values. Steps
// should increase; a second value for the same step replaces the first.
func (w *Writer) Point(series string, step int, value float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dropping {
		return
	}
	i, ok := w.index[series]
	if !ok {
		i = int32(len(w.names))
		w.index[series] = i
		w.names = append(w.names, series)
	}
	w.buffer.points = append(w.buffer.points, points.Pending{Series: i, Step: int64(step), Value: value})
}

// Phase records how long a phase took at a step, in the series "time/<phase>", in seconds. Several
// times of the same phase and step add up.
func (w *Writer) Phase(phase string, step int, d time.Duration) {
	w.Point(record.PhaseSeries(phase), step, d.Seconds())
}

// Log adds a line to the run's log. Level is "info", "warning" or "error".
func (w *Writer) Log(level, message string) {
	now := toMilliseconds(time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.dropping {
		w.buffer.logs = append(w.buffer.logs, pendingLog{now, level, message})
	}
}

// Progress records how many updates have been done, and how many there will be.
func (w *Writer) Progress(step, total int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buffer.step, w.buffer.total = step, total
}

// PeakMemory records the largest resident size so far, in bytes.
func (w *Writer) PeakMemory(bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buffer.peakMemory = max(w.buffer.peakMemory, bytes)
}

// Sample records a sample immediately.
func (w *Writer) Sample(ctx context.Context, r SampleRecord) error {
	if err := w.Err(); err != nil {
		return err
	}
	return w.store.AddSample(ctx, w.runID, r)
}

// Err returns the first error of writing, such as a full disk.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Flush writes what has been recorded so far.
func (w *Writer) Flush(ctx context.Context) error {
	if err := w.Err(); err != nil {
		return err
	}
	w.flushing.Lock()
	defer w.flushing.Unlock()
	if w.ended {
		return errFinished
	}
	return w.keep(w.flush(ctx, nil))
}

// run flushes until the writer is stopped.
func (w *Writer) run() {
	defer close(w.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var lockedSince time.Time
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		err := w.Flush(context.Background())
		switch {
		case !errors.Is(err, ErrLocked):
			lockedSince = time.Time{}
		case lockedSince.IsZero():
			lockedSince = time.Now()
		case time.Since(lockedSince) > lockPatience:
			w.fail(err)
		}
	}
}

// keep remembers an error as that of the writer. A locked store is not remembered: the lock will be
// released, and trying again loses nothing.
func (w *Writer) keep(err error) error {
	if err != nil && !errors.Is(err, ErrLocked) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		w.fail(err)
	}
	return err
}

func (w *Writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err, w.dropping = err, true
	}
}
