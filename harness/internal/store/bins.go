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
	// Whole blocks where a block is in one bin, the points of the others, and
	// those that are in no block. Where infinities cancel within a block, its sum
	// is NULL although it has numbers.
	queryBins = `WITH parts (first, last, count, numbers, low, high, sum) AS (
			SELECT first, last, 64, numbers, low, high, sum FROM blocks WHERE series_id = ?1 AND (first - ?2) / ?3 = (last - ?2) / ?3
			UNION ALL
			SELECT step, step, 1, value IS NOT NULL, value, value, value FROM blocks AS b CROSS JOIN points AS p
				ON p.series_id = ?1 AND p.step BETWEEN b.first AND b.last WHERE b.series_id = ?1 AND (b.first - ?2) / ?3 <> (b.last - ?2) / ?3
			UNION ALL
			SELECT step, step, 1, value IS NOT NULL, value, value, value FROM points WHERE series_id = ?1 AND step > ?4
		)
		SELECT min(first), max(last), sum(count), sum(numbers), min(low), max(high), iif(sum(sum IS NULL AND numbers > 0), NULL, sum(sum))
		FROM parts GROUP BY (first - ?2) / ?3 ORDER BY 1`
	queryKeptMedian = `SELECT count, p50 FROM series WHERE id = ?`
	queryTail       = `SELECT step, value FROM points WHERE series_id = ? AND step <= ? ORDER BY step DESC LIMIT ?`
)

// Bins sums a series up in stretches of equally many steps, at most limit of
// them, in their order; a stretch without points is left out. Within a stretch
// sums are taken from sums of 64 points where there are any, so that means and
// sums can differ in the last digits from those of the points one by one.
func (s *Store) Bins(ctx context.Context, runID, name string, limit int) ([]Bin, error) {
	op := fmt.Sprintf("summing up series %s", name)
	var bins []Bin
	err := s.withSeries(ctx, runID, name, func(tx *sql.Tx, id int64) error {
		var first, last int64
		if err := tx.QueryRowContext(ctx, queryRange, id).Scan(&first, &last); err != nil {
			return err
		}
		lastBlock := int64(beforeAll)
		if err := tx.QueryRowContext(ctx, queryLastBlock, id).Scan(&lastBlock); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		width := (last-first)/int64(max(limit, 1)) + 1
		var err error
		bins, err = readBins(ctx, tx, queryBins, id, first, width, lastBlock)
		return err
	})
	return bins, s.failure(op, err)
}

// readBins runs a query for (first step, last step, points, numbers among them,
// smallest, largest, sum) rows.
func readBins(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]Bin, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var bins []Bin
	for rows.Next() {
		var b Bin
		var numbers int
		var lowest, highest, sum number
		if err := rows.Scan(&b.First, &b.Last, &b.Count, &numbers, &lowest, &highest, &sum); err != nil {
			return nil, err
		}
		b.Min, b.Max, b.Sum, b.HasNaN = float64(lowest), float64(highest), float64(sum), numbers < b.Count
		b.Mean = b.Sum / float64(numbers)
		bins = append(bins, b)
	}
	return bins, rows.Err()
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

// Median is the median of a series by the nearest-rank definition, NaN being
// smaller than every number; NaN if it has no points. That of a phase's times is
// kept when the run ends.
func (s *Store) Median(ctx context.Context, runID, name string) (float64, error) {
	op := fmt.Sprintf("reading the median of series %s", name)
	median := math.NaN()
	err := s.withSeries(ctx, runID, name, func(tx *sql.Tx, id int64) error {
		var count int
		var kept number
		if err := tx.QueryRowContext(ctx, queryKeptMedian, id).Scan(&count, &kept); err != nil || count == 0 {
			return err
		}
		median = float64(kept)
		if !math.IsNaN(median) {
			return nil
		}
		var err error
		median, _, err = percentiles(ctx, tx, id, count)
		return err
	})
	return median, s.failure(op, err)
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
