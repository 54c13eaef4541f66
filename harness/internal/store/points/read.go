package points

import (
	"context"
	"database/sql"
	"math"
	"slices"
)

// Options say which points of a series are read.
type Options struct {
	// MaxPoints thins a longer series to about this many points (at least 4), so that a plot still
	// shows every spike. The first and the last point are kept, and of each stretch the smallest,
	// the largest, and a NaN if there is one. Stretches have equally many steps. If they hold more
	// than 64 points each, they end between two blocks. 0 reads every point.
	MaxPoints int
	// From and To are the first and the last step to read; 0 leaves that end open. Only the points
	// between them are thinned.
	From, To int
}

const (
	queryPoints = `SELECT step, value FROM points WHERE series_id = ? AND step BETWEEN ? AND ? ORDER BY step`
	queryTail   = `SELECT step, value FROM points WHERE series_id = ? AND step <= ? ORDER BY step DESC LIMIT ?`
)

// Read returns the points of a series, ordered by step; none if the run has no such series.
func Read(ctx context.Context, tx *sql.Tx, runID, name string, o Options) ([]Point, error) {
	id, count, found, err := find(ctx, tx, runID, name)
	if err != nil || !found {
		return nil, err
	}
	from, to := o.steps()
	limit := int64(max(o.MaxPoints, minThinned))
	if o.MaxPoints == 0 || count <= limit {
		if o.From != 0 || o.To != 0 {
			count = 0 // how many there are is not known
		}
		return readPoints(ctx, tx, int(count), queryPoints, id, from, to)
	}
	e, err := measure(ctx, tx, id, from, to)
	if err != nil {
		return nil, err
	}
	if e.count <= limit {
		return readPoints(ctx, tx, int(e.count), queryPoints, id, from, to)
	}
	return thin(ctx, tx, id, e, int(limit))
}

// steps returns the first and the last step to read.
func (o Options) steps() (from, to int64) {
	from, to = int64(o.From), int64(o.To)
	if from == 0 {
		from = beforeAll
	}
	if to == 0 {
		to = math.MaxInt64
	}
	return from, to
}

// Before returns the last n points of a series at or before a step, ordered by step; none if the
// run has no such series.
func Before(ctx context.Context, tx *sql.Tx, runID, name string, step, n int) ([]Point, error) {
	id, _, found, err := find(ctx, tx, runID, name)
	if err != nil || !found {
		return nil, err
	}
	list, err := readPoints(ctx, tx, n, queryTail, id, step, n)
	slices.Reverse(list)
	return list, err
}

// readPoints runs a query for rows of (step, value).
func readPoints(ctx context.Context, tx *sql.Tx, expected int, query string, args ...any) ([]Point, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	points := make([]Point, 0, expected)
	for rows.Next() {
		var step int64
		var value Number
		if err := rows.Scan(&step, &value); err != nil {
			return nil, err
		}
		points = append(points, Point{Step: int(step), Value: float64(value)})
	}
	return points, rows.Err()
}
