package points

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"flowharness/harness/internal/record"
)

// Appender adds points to the series of one run. It remembers what each series holds, so that
// appending at the end reads nothing. It is not safe for concurrent use, and nothing else may
// change the points of the run meanwhile.
type Appender struct {
	runID  string
	points *pointInserter
	blocks *blockInserter
	series []state
	full   []block // reused for the blocks that a call completes
}

// Pending is a point that has not been written yet.
type Pending struct {
	Series int32 // index into the list of names
	Step   int64
	Value  float64
}

// state is what a series holds as of the last commit.
type state struct {
	id   int64
	sums bool // values at the same step add up
	Summary
	open  block   // the points after the last whole block
	batch []Point // to be written now
}

// NewAppender prepares the statements for inserting. Call [Appender.Close] at the end.
func NewAppender(ctx context.Context, db *sql.DB, runID string) (*Appender, error) {
	a := &Appender{runID: runID}
	var err error
	if a.points, err = newPointInserter(ctx, db); err != nil {
		return nil, err
	}
	if a.blocks, err = newBlockInserter(ctx, db); err != nil {
		a.points.close()
		return nil, err
	}
	return a, nil
}

// Close releases the statements.
func (a *Appender) Close() error { return errors.Join(a.points.close(), a.blocks.close()) }

// Append writes points, blocks and summaries in a transaction. Names lists all series so far; later
// calls may append to it. After the transaction has been committed, the caller must call committed.
// If the transaction fails, the caller must not, and can pass the same points again.
func (a *Appender) Append(ctx context.Context, tx *sql.Tx, names []string, list []Pending) (committed func(), err error) {
	series := slices.Clone(a.series) // replaced only by a commit
	for _, name := range names[len(series):] {
		st, err := a.open(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		series = append(series, st)
	}
	for i := range series {
		series[i].batch = series[i].batch[:0]
	}
	for _, p := range list {
		series[p.Series].collect(Point{int(p.Step), p.Value})
	}
	for i := range series {
		if len(series[i].batch) == 0 {
			continue
		}
		if err := a.write(ctx, tx, &series[i]); err != nil {
			return nil, fmt.Errorf("series %s: %w", names[i], err)
		}
	}
	return func() { a.series = series }, nil
}

const (
	queryAddSeries = `INSERT INTO series (run_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING`
	queryGetSeries = `SELECT id, count, last_step, last, min, max, sum FROM series WHERE run_id = ? AND name = ?`

	queryReplacePoint = `INSERT INTO points (series_id, step, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`
	queryAddToPoint   = `INSERT INTO points (series_id, step, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value`
)

// open finds a series of the run, or makes it.
func (a *Appender) open(ctx context.Context, tx *sql.Tx, name string) (state, error) {
	_, isPhase := record.Phase(name)
	st := state{sums: isPhase}
	if _, err := tx.ExecContext(ctx, queryAddSeries, a.runID, name); err != nil {
		return st, fmt.Errorf("series %s: %w", name, err)
	}
	finish, fields := st.fields()
	if err := tx.QueryRowContext(ctx, queryGetSeries, a.runID, name).Scan(append([]any{&st.id}, fields...)...); err != nil {
		return st, err
	}
	finish()
	var err error
	if st.Count > 0 {
		_, st.open, err = sumUpTail(ctx, tx, st.id)
	}
	return st, err
}

// collect adds a point to the batch. If the point before it has the same step, the two are merged.
func (st *state) collect(p Point) {
	if n := len(st.batch); n > 0 && st.batch[n-1].Step == p.Step {
		if st.sums {
			p.Value += st.batch[n-1].Value
		}
		st.batch[n-1].Value = p.Value
		return
	}
	st.batch = append(st.batch, p)
}

func (a *Appender) write(ctx context.Context, tx *sql.Tx, st *state) (err error) {
	if st.rising() {
		err = a.insert(ctx, tx, st)
	} else {
		err = st.replace(ctx, tx)
	}
	if err != nil {
		return err
	}
	return st.Summary.write(ctx, tx, st.id)
}

// insert writes a batch whose points come after all that are there.
func (a *Appender) insert(ctx context.Context, tx *sql.Tx, st *state) error {
	if err := a.points.insert(ctx, tx, st.id, st.batch); err != nil {
		return err
	}
	a.full = a.full[:0]
	for _, p := range st.batch {
		st.add(p)
		st.open.add(p)
		if st.open.count == blockSize {
			a.full, st.open = append(a.full, st.open), block{}
		}
	}
	return a.blocks.insert(ctx, tx, st.id, a.full)
}

// replace writes a batch of which some points may be there already.
func (st *state) replace(ctx context.Context, tx *sql.Tx) (err error) {
	query := queryReplacePoint
	if st.sums {
		query = queryAddToPoint
	}
	for _, p := range st.batch {
		if _, err := tx.ExecContext(ctx, query, st.id, p.Step, p.Value); err != nil {
			return err
		}
	}
	if st.Summary, err = summarize(ctx, tx, st.id); err != nil {
		return err
	}
	st.open, err = rebuildBlocks(ctx, tx, st.id, st.earliest())
	return err
}

// rising tells whether the steps of the batch increase and all come after those that have been
// written.
func (st *state) rising() bool {
	if st.Count > 0 && st.batch[0].Step <= st.LastStep {
		return false
	}
	return slices.IsSortedFunc(st.batch, func(a, b Point) int {
		if a.Step < b.Step {
			return -1
		}
		return 1 // equal steps do not increase either
	})
}

// earliest is the smallest step of the batch.
func (st *state) earliest() int64 {
	earliest := st.batch[0].Step
	for _, p := range st.batch {
		earliest = min(earliest, p.Step)
	}
	return int64(earliest)
}
