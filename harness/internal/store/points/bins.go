package points

import (
	"context"
	"database/sql"
)

// Bin sums up the points of a series over a stretch of steps.
type Bin struct {
	First, Last int // steps of its first and last point
	Count       int
	Mean        float64 // of the points that are not NaN, as are Min, Max and Sum; NaN if there are none
	Min, Max    float64
	Sum         float64
	HasNaN      bool
}

const (
	// Blocks that lie within one bin, the points of the other blocks, and the points that are in no
	// block. If infinities cancel within a block, its sum is NULL although it has numbers.
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
	queryBinsWithin = `SELECT min(step), max(step), count(*), count(value), min(value), max(value), sum(value)
		FROM points WHERE series_id = ?1 AND step BETWEEN ?2 AND ?3 GROUP BY (step - ?2) / ?4 ORDER BY 1`
	queryRange = `SELECT coalesce((SELECT min(step) FROM points WHERE series_id = ?1), 0),
		coalesce((SELECT max(step) FROM points WHERE series_id = ?1), 0)`
)

// Bins divides a series into stretches of equally many steps, at most limit of them, and sums up
// each. Stretches without points are left out. Where a whole block lies within a stretch its sum is
// used, so means and sums can differ in the last digits from those computed point by point.
func Bins(ctx context.Context, tx *sql.Tx, runID, name string, limit int) ([]Bin, error) {
	id, _, found, err := find(ctx, tx, runID, name)
	if err != nil || !found {
		return nil, err
	}
	var first, last int64
	if err := tx.QueryRowContext(ctx, queryRange, id).Scan(&first, &last); err != nil {
		return nil, err
	}
	lastBlock, err := endOfBlocks(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	width := (last-first)/int64(max(limit, 1)) + 1
	return readBins(ctx, tx, queryBins, id, first, width, lastBlock)
}

// BinsWithin is [Bins] for the points between two steps, both included. With as many bins as steps,
// each point is a bin of its own. SQLite reads all points between the steps but returns only the
// bins.
func BinsWithin(ctx context.Context, tx *sql.Tx, runID, name string, from, to, limit int) ([]Bin, error) {
	if to < from {
		return nil, nil
	}
	id, _, found, err := find(ctx, tx, runID, name)
	if err != nil || !found {
		return nil, err
	}
	width := (to-from)/max(limit, 1) + 1
	return readBins(ctx, tx, queryBinsWithin, id, from, to, width)
}

// readBins runs a query for rows of (first step, last step, number of points, how many are not NaN,
// smallest, largest, sum).
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
		var lowest, highest, sum Number
		if err := rows.Scan(&b.First, &b.Last, &b.Count, &numbers, &lowest, &highest, &sum); err != nil {
			return nil, err
		}
		b.Min, b.Max, b.Sum, b.HasNaN = float64(lowest), float64(highest), float64(sum), numbers < b.Count
		b.Mean = b.Sum / float64(numbers)
		bins = append(bins, b)
	}
	return bins, rows.Err()
}
