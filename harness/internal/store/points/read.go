package points

import (
	"context"
	"database/sql"
	"math"
	"slices"
)

// Options say how much of a series to read.
type Options struct {
	// MaxPoints thins a longer series to about that many points (at least 4),
	// keeping the first, the last, and of each stretch of steps the smallest,
	// the largest and a NaN if there is one, so that a plot shows every spike.
	// Stretches are of equally many steps; where they hold more than 64 points each,
	// they end between two blocks. 0 reads every point.
	MaxPoints int
	// From and To are the first and the last step to read; 0 leaves that end
	// open. Thinning is of the points between them.
	From, To int
}

const (
	queryPoints = `SELECT step, value FROM points WHERE series_id = ? AND step BETWEEN ? AND ? ORDER BY step`
	queryTail   = `SELECT step, value FROM points WHERE series_id = ? AND step <= ? ORDER BY step DESC LIMIT ?`
)

// Read returns the points of a series in the order of their steps; none if the run has no such series. The
// transaction makes thinned points all of one moment.
func Read(ctx context.Context, tx *sql.Tx, runID, name string, o Options) ([]Point, error) {
	id, count, found, err := find(ctx, tx, runID, name)
	if err != nil || !found {
		return nil, err
	}
	from, to := o.steps()
	limit := int64(max(o.MaxPoints, minThinned))
	if o.MaxPoints == 0 || count <= limit {
		if o.From != 0 || o.To != 0 {
			count = 0 // perhaps few of them
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

// steps are the first and the last step to read.
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

// Before returns the last n points of a series at or before a step, in the order of their steps; none if the run
// has no such series.
func Before(ctx context.Context, tx *sql.Tx, runID, name string, step, n int) ([]Point, error) {
	id, _, found, err := find(ctx, tx, runID, name)
	if err != nil || !found {
		return nil, err
	}
	list, err := readPoints(ctx, tx, n, queryTail, id, step, n)
	slices.Reverse(list)
	return list, err
}

// readPoints runs a query for (step, value) rows.
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
