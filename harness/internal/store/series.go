package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
)

// Point is the value of a series at a step.
type Point struct {
	Step  int
	Value float64
}

// SeriesSummary describes a series without its points.
type SeriesSummary struct {
	Name     string
	Count    int
	LastStep int
	Last     float64
	Min, Max float64 // of the points that are not NaN; NaN if there are none
	Sum      float64 // likewise; NaN if infinities cancel
}

// SeriesOptions say how much of a series to read.
type SeriesOptions struct {
	// MaxPoints thins a longer series to about that many points (at least 4),
	// keeping the first, the last, and of each stretch of steps the smallest,
	// the largest and a NaN if there is one, so that a plot shows every spike.
	// Stretches are of equally many steps; of more than 64 points each, they end
	// where 64 points in a row do. 0 reads every point.
	MaxPoints int
	// From and To are the first and the last step to read; 0 leaves that end
	// open. Thinning is of the points between them.
	From, To int
}

const (
	querySummaries = `SELECT name, count, last_step, last, min, max, sum FROM series WHERE run_id = ? AND count > 0 ORDER BY name`
	querySeries    = `SELECT id, count FROM series WHERE run_id = ? AND name = ?`
	queryPoints    = `SELECT step, value FROM points WHERE series_id = ? AND step BETWEEN ? AND ? ORDER BY step`
	queryRange     = `SELECT coalesce((SELECT min(step) FROM points WHERE series_id = ?1), 0), coalesce((SELECT max(step) FROM points WHERE series_id = ?1), 0)`

	queryAggregate = `SELECT count(*), coalesce(max(step), 0), min(value), max(value), sum(value) FROM points WHERE series_id = ?`
	queryLastValue = `SELECT value FROM points WHERE series_id = ? AND step = ?`
)

// Summaries returns the series of a run by name. It does not read the points.
func (s *Store) Summaries(ctx context.Context, runID string) ([]SeriesSummary, error) {
	const op = "reading the series of a run"
	rows, err := s.read.QueryContext(ctx, querySummaries, runID)
	if err != nil {
		return nil, s.failure(op, err)
	}
	defer rows.Close()
	var list []SeriesSummary
	for rows.Next() {
		var name string
		var count, lastStep int64
		var last, lowest, highest, sum number
		if err := rows.Scan(&name, &count, &lastStep, &last, &lowest, &highest, &sum); err != nil {
			return nil, s.failure(op, err)
		}
		list = append(list, newSummary(name, count, lastStep, last, lowest, highest, sum))
	}
	return list, s.failure(op, rows.Err())
}

// Series returns the points of a series in the order of their steps; none if
// the run has no such series.
func (s *Store) Series(ctx context.Context, runID, name string, o SeriesOptions) ([]Point, error) {
	points, err := s.series(ctx, runID, name, o)
	if err != nil {
		return nil, s.failure(fmt.Sprintf("reading series %s", name), err)
	}
	return points, nil
}

func (s *Store) series(ctx context.Context, runID, name string, o SeriesOptions) ([]Point, error) {
	// One transaction: the thinned points are all of one moment.
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	var id, count int64
	if err := tx.QueryRowContext(ctx, querySeries, runID, name).Scan(&id, &count); errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
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
func (o SeriesOptions) steps() (from, to int64) {
	from, to = int64(o.From), int64(o.To)
	if from == 0 {
		from = beforeAll
	}
	if to == 0 {
		to = math.MaxInt64
	}
	return from, to
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
		var value number
		if err := rows.Scan(&step, &value); err != nil {
			return nil, err
		}
		points = append(points, Point{Step: int(step), Value: float64(value)})
	}
	return points, rows.Err()
}

// summary is what the series table holds about a series.
type summary struct {
	count, lastStep     int64
	last, min, max, sum float64
}

// add takes in a point later than all before it.
func (m *summary) add(step int64, value float64) {
	if m.count == 0 {
		m.min, m.max, m.sum = math.NaN(), math.NaN(), math.NaN()
	}
	m.count++
	m.lastStep, m.last = step, value
	if math.IsNaN(value) {
		return
	}
	if math.IsNaN(m.min) { // the first that is a number
		m.min, m.max, m.sum = value, value, value
		return
	}
	m.min, m.max, m.sum = math.Min(m.min, value), math.Max(m.max, value), m.sum+value
}

// summarize computes a summary from the points themselves.
func summarize(ctx context.Context, tx *sql.Tx, seriesID int64) (m summary, err error) {
	var lowest, highest, sum, last number
	if err := tx.QueryRowContext(ctx, queryAggregate, seriesID).Scan(&m.count, &m.lastStep, &lowest, &highest,
		&sum); err != nil || m.count == 0 {
		return m, err
	}
	err = tx.QueryRowContext(ctx, queryLastValue, seriesID, m.lastStep).Scan(&last)
	m.last, m.min, m.max, m.sum = float64(last), float64(lowest), float64(highest), float64(sum)
	return m, err
}

func newSummary(name string, count, lastStep int64, last, lowest, highest, sum number) SeriesSummary {
	return SeriesSummary{Name: name, Count: int(count), LastStep: int(lastStep),
		Last: float64(last), Min: float64(lowest), Max: float64(highest), Sum: float64(sum)}
}

// number is a value as the store keeps it: NULL is NaN.
type number float64

// Scan implements [database/sql.Scanner].
func (n *number) Scan(v any) error {
	switch v := v.(type) {
	case float64:
		*n = number(v)
	case nil:
		*n = number(math.NaN())
	default:
		return fmt.Errorf("a value is a %T, not a number", v)
	}
	return nil
}
