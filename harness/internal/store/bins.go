package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
)

// Bin sums up the points of a series over a stretch of steps.
type Bin struct {
	First, Last int // steps of its first and last point
	Count       int
	Mean        float64 // of the points that are not NaN; NaN if there are none. Min, Max and Sum likewise
	Min, Max    float64
	Sum         float64
	HasNaN      bool
}

const (
	queryBins = `SELECT min(step), max(step), count(*), avg(value), min(value), max(value), sum(value), count(*) > count(value)
		FROM points WHERE series_id = ?1 GROUP BY (step - ?2) / ?3 ORDER BY 1`
	queryTail = `SELECT step, value FROM points WHERE series_id = ? AND step <= ? ORDER BY step DESC LIMIT ?`
)

// Bins sums a series up in stretches of equally many steps, at most limit of
// them, in their order; a stretch without points is left out. SQLite reads every
// point, only the bins come out of it.
func (s *Store) Bins(ctx context.Context, runID, name string, limit int) ([]Bin, error) {
	op := fmt.Sprintf("summing up series %s", name)
	var bins []Bin
	err := s.withSeries(ctx, runID, name, func(tx *sql.Tx, id int64) error {
		var first, last int64
		if err := tx.QueryRowContext(ctx, queryRange, id).Scan(&first, &last); err != nil {
			return err
		}
		width := (last-first)/int64(max(limit, 1)) + 1
		rows, err := tx.QueryContext(ctx, queryBins, id, first, width)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var b Bin
			var mean, lowest, highest, sum number
			if err := rows.Scan(&b.First, &b.Last, &b.Count, &mean, &lowest, &highest, &sum, &b.HasNaN); err != nil {
				return err
			}
			b.Mean, b.Min, b.Max, b.Sum = float64(mean), float64(lowest), float64(highest), float64(sum)
			bins = append(bins, b)
		}
		return rows.Err()
	})
	return bins, s.failure(op, err)
}

// Tail returns the last points of a series in the order of their steps.
func (s *Store) Tail(ctx context.Context, runID, name string, n int) ([]Point, error) {
	return s.Before(ctx, runID, name, math.MaxInt64, n)
}

// Before returns the last points of a series at or before a step, in the order
// of their steps.
func (s *Store) Before(ctx context.Context, runID, name string, step, n int) ([]Point, error) {
	op := fmt.Sprintf("reading the end of series %s", name)
	var points []Point
	err := s.withSeries(ctx, runID, name, func(tx *sql.Tx, id int64) (err error) {
		points, err = readPoints(ctx, tx, n, queryTail, id, step, n)
		return err
	})
	for i, j := 0, len(points)-1; i < j; i, j = i+1, j-1 {
		points[i], points[j] = points[j], points[i]
	}
	return points, s.failure(op, err)
}

// Median is the median of a series by the nearest-rank definition; NaN if it has
// no points.
func (s *Store) Median(ctx context.Context, runID, name string) (float64, error) {
	op := fmt.Sprintf("reading the median of series %s", name)
	median := number(math.NaN())
	err := s.withSeries(ctx, runID, name, func(tx *sql.Tx, id int64) error {
		var n int
		if err := tx.QueryRowContext(ctx, queryCountEvery, id, 1).Scan(&n); err != nil || n == 0 {
			return err
		}
		return tx.QueryRowContext(ctx, queryOrderStatistic, id, 1, (n+1)/2-1).Scan(&median)
	})
	return float64(median), s.failure(op, err)
}

// withSeries calls use with the id of a series, in one transaction; not at all
// if the run has no such series.
func (s *Store) withSeries(ctx context.Context, runID, name string, use func(tx *sql.Tx, id int64) error) error {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var id, count int64
	if err := tx.QueryRowContext(ctx, querySeries, runID, name).Scan(&id, &count); errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return err
	}
	return use(tx, id)
}
