package points

import (
	"context"
	"database/sql"
	"math"
	"slices"
)

// minThinned is the smallest number of points that shows the range of a series.
const minThinned = 4

// extent describes the part of a series that is to be read.
type extent struct {
	from, to    int64 // first and last step of the part
	count       int64 // number of points in it
	blocks      int64 // number of whole blocks in it
	first, last int64 // steps of the first and the last point of these blocks
}

// measure counts the points of a series between two steps. It reads less than two blocks of points.
func measure(ctx context.Context, tx *sql.Tx, seriesID, from, to int64) (extent, error) {
	e := extent{from: from, to: to}
	if err := tx.QueryRowContext(ctx, queryBlocksWithin, seriesID, from, to).Scan(&e.blocks, &e.first, &e.last); err != nil {
		return e, err
	}
	before := to // last step before the blocks
	if e.blocks > 0 {
		before = e.first - 1
		if err := tx.QueryRowContext(ctx, queryCountWithin, seriesID, e.last+1, to).Scan(&e.count); err != nil {
			return e, err
		}
	}
	var n int64
	err := tx.QueryRowContext(ctx, queryCountWithin, seriesID, from, before).Scan(&n)
	e.count += n + blockSize*e.blocks
	return e, err
}

const (
	queryBlocksWithin = `SELECT count(*), coalesce(min(first), 0), coalesce(max(last), 0)
		FROM blocks WHERE series_id = ? AND first >= ?2 AND first <= ?3 AND last <= ?3`
	queryCountWithin = `SELECT count(*) FROM points WHERE series_id = ? AND step BETWEEN ? AND ?`

	// SQLite takes a bare column from the row that has the minimum or maximum.
	queryLowest   = `SELECT step, min(value), count(*) > count(value) FROM points WHERE series_id = ? AND step BETWEEN ? AND ?`
	queryHighest  = `SELECT step, max(value) FROM points WHERE series_id = ? AND step BETWEEN ? AND ?`
	queryFirstNaN = `SELECT step, value FROM points WHERE series_id = ? AND step BETWEEN ? AND ? AND value IS NULL ORDER BY step LIMIT 1`
	queryFirst    = `SELECT step, value FROM points WHERE series_id = ? AND step >= ? ORDER BY step LIMIT 1`
	queryLast     = `SELECT step, value FROM points WHERE series_id = ? AND step <= ? ORDER BY step DESC LIMIT 1`

	// The same from blocks, for all stretches at once.
	queryLowestBlocks = `SELECT (first - ?4) / ?5, low_step, min(low)
		FROM blocks WHERE series_id = ?1 AND first BETWEEN ?2 AND ?3 AND low_step IS NOT NULL GROUP BY 1`
	queryHighestBlocks = `SELECT (first - ?4) / ?5, high_step, max(high)
		FROM blocks WHERE series_id = ?1 AND first BETWEEN ?2 AND ?3 AND high_step IS NOT NULL GROUP BY 1`
	queryNaNBlocks = `SELECT (first - ?4) / ?5, min(nan_step), NULL
		FROM blocks WHERE series_id = ?1 AND first BETWEEN ?2 AND ?3 AND nan_step IS NOT NULL GROUP BY 1`
	queryStretched = `SELECT (step - ?4) / ?5, step, value FROM points WHERE series_id = ?1 AND step BETWEEN ?2 AND ?3`
)

// thin reads about limit points of a long series: the extremes of stretches of equally many steps.
// SQLite looks at every point and returns only those that are chosen. If each stretch has at least
// a block of points, SQLite looks at blocks instead, and stretches end where blocks do.
func thin(ctx context.Context, tx *sql.Tx, seriesID int64, e extent, limit int) ([]Point, error) {
	points, err := readPoints(ctx, tx, limit, queryFirst, seriesID, e.from)
	if err != nil {
		return nil, err
	}
	end, err := readPoints(ctx, tx, 1, queryLast, seriesID, e.to)
	if err != nil {
		return nil, err
	}
	t := thinner{ctx: ctx, tx: tx, seriesID: seriesID, first: int64(points[0].Step), last: int64(end[0].Step)}
	// Two points per stretch, besides the first and the last point.
	stretches := int64(limit-2) / 2
	t.width = (t.last - t.first + stretches) / stretches
	if e.blocks >= stretches {
		points, err = t.ofBlocks(points, e)
	} else {
		points, err = t.ofPoints(points)
	}
	if err != nil {
		return nil, err
	}
	points = append(points, end...)
	slices.SortFunc(points, func(a, b Point) int { return a.Step - b.Step })
	return slices.CompactFunc(points, func(a, b Point) bool { return a.Step == b.Step }), nil
}

// thinner reads the extremes of a series in stretches of width steps.
type thinner struct {
	ctx                context.Context
	tx                 *sql.Tx
	seriesID           int64
	first, last, width int64

	lowest, highest, firstNaN *sql.Stmt
}

// ofPoints finds the extremes of each stretch among its points and appends them.
func (t *thinner) ofPoints(points []Point) ([]Point, error) {
	for _, s := range []struct {
		query string
		stmt  **sql.Stmt
	}{{queryLowest, &t.lowest}, {queryHighest, &t.highest}, {queryFirstNaN, &t.firstNaN}} {
		stmt, err := t.tx.PrepareContext(t.ctx, s.query)
		if err != nil {
			return nil, err
		}
		defer stmt.Close()
		*s.stmt = stmt
	}
	var err error
	for from := t.first; from <= t.last; from += t.width {
		if points, err = t.stretch(points, from, min(t.last, from+t.width-1)); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// stretch appends the extremes of the points between two steps.
func (t *thinner) stretch(points []Point, from, to int64) ([]Point, error) {
	var step sql.NullInt64
	var value Number
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

// ofBlocks finds the extremes of each stretch among blocks, and among the few points before and
// after them, and appends them. A block belongs to the stretch in which it begins.
func (t *thinner) ofBlocks(points []Point, e extent) ([]Point, error) {
	stretches := map[int64]*extremes{}
	for _, query := range []string{queryLowestBlocks, queryHighestBlocks, queryNaNBlocks} {
		if err := t.collect(stretches, query, t.seriesID, e.first, e.last, t.first, t.width); err != nil {
			return nil, err
		}
	}
	for _, outside := range [][2]int64{{t.first, e.first - 1}, {e.last + 1, t.last}} {
		if err := t.collect(stretches, queryStretched, t.seriesID, outside[0], outside[1], t.first, t.width); err != nil {
			return nil, err
		}
	}
	for _, s := range stretches {
		for _, p := range []*Point{s.low, s.high, s.nan} {
			if p != nil {
				points = append(points, *p)
			}
		}
	}
	return points, nil
}

// collect runs a query for points, each with its stretch, and collects their extremes.
func (t *thinner) collect(stretches map[int64]*extremes, query string, args ...any) error {
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var stretch int64
		var step int
		var value Number
		if err := rows.Scan(&stretch, &step, &value); err != nil {
			return err
		}
		if stretches[stretch] == nil {
			stretches[stretch] = &extremes{}
		}
		stretches[stretch].add(Point{step, float64(value)})
	}
	return rows.Err()
}

// extremes are the smallest, the largest and the first NaN point of a stretch; nil if there is
// none. Among equal points the first counts.
type extremes struct{ low, high, nan *Point }

func (x *extremes) add(p Point) {
	if math.IsNaN(p.Value) {
		if x.nan == nil || p.Step < x.nan.Step {
			x.nan = &p
		}
		return
	}
	if x.low == nil || p.Value < x.low.Value || p.Value == x.low.Value && p.Step < x.low.Step {
		x.low = &p
	}
	if x.high == nil || p.Value > x.high.Value || p.Value == x.high.Value && p.Step < x.high.Step {
		x.high = &p
	}
}
