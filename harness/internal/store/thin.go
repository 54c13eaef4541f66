package store

import (
	"context"
	"database/sql"
	"slices"
)

// minThinned is the fewest points that show the range of a series.
const minThinned = 4

// thin reads about limit points of a long series: the extremes of stretches of
// equally many steps. SQLite looks at every point, only the chosen ones come
// out of it.
func thin(ctx context.Context, tx *sql.Tx, seriesID int64, limit int) ([]Point, error) {
	var first, last int64
	if err := tx.QueryRowContext(ctx, queryRange, seriesID).Scan(&first, &last); err != nil {
		return nil, err
	}
	t := thinner{ctx: ctx, seriesID: seriesID}
	var err error
	for query, stmt := range map[string]**sql.Stmt{queryLowest: &t.lowest, queryHighest: &t.highest, queryFirstNaN: &t.firstNaN} {
		if *stmt, err = tx.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		defer (*stmt).Close()
	}

	// Two points of each stretch, besides the first and the last.
	stretches := int64(limit-2) / 2
	width := (last - first + stretches) / stretches
	points, err := readPoints(ctx, tx, limit, queryFirst, seriesID)
	if err != nil {
		return nil, err
	}
	for from := first; from <= last; from += width {
		if points, err = t.stretch(points, from, from+width-1); err != nil {
			return nil, err
		}
	}
	end, err := readPoints(ctx, tx, 1, queryLast, seriesID)
	if err != nil {
		return nil, err
	}
	points = append(points, end...)
	slices.SortFunc(points, func(a, b Point) int { return a.Step - b.Step })
	return slices.CompactFunc(points, func(a, b Point) bool { return a.Step == b.Step }), nil
}

type thinner struct {
	ctx                       context.Context
	seriesID                  int64
	lowest, highest, firstNaN *sql.Stmt
}

// stretch appends the extremes of the points from one step to another.
func (t *thinner) stretch(points []Point, from, to int64) ([]Point, error) {
	var step sql.NullInt64
	var value number
	var hasNaN bool
	if err := t.lowest.QueryRowContext(t.ctx, t.seriesID, from, to).Scan(&step, &value, &hasNaN); err != nil {
		return nil, err
	}
	if !step.Valid {
		return points, nil // no points between these steps
	}
	points = append(points, Point{int(step.Int64), float64(value)})
	if err := t.highest.QueryRowContext(t.ctx, t.seriesID, from, to).Scan(&step, &value); err != nil {
		return nil, err
	}
	points = append(points, Point{int(step.Int64), float64(value)})
	if hasNaN {
		if err := t.firstNaN.QueryRowContext(t.ctx, t.seriesID, from, to).Scan(&step, &value); err != nil {
			return nil, err
		}
		points = append(points, Point{int(step.Int64), float64(value)})
	}
	return points, nil
}
