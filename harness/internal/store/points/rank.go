package points

import (
	"context"
	"database/sql"
	"fmt"
	"math"
)

// RankPhases computes and stores the percentiles of the times of a run's phases. Call it when a run
// ends, after which they do not change any more.
func RankPhases(ctx context.Context, tx *sql.Tx, runID string) error {
	type phase struct {
		id    int64
		count int
	}
	var phases []phase
	rows, err := tx.QueryContext(ctx, queryUnranked, runID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p phase
		if err := rows.Scan(&p.id, &p.count); err != nil {
			return err
		}
		phases = append(phases, p)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, p := range phases {
		p50, p95, err := percentiles(ctx, tx, p.id, p.count)
		if err != nil {
			return fmt.Errorf("ranking the times of a phase: %w", err)
		}
		if _, err := tx.ExecContext(ctx, querySetRanks, p50, p95, p.id); err != nil {
			return err
		}
	}
	return nil
}

// Median returns the median of a series, by the nearest-rank definition. NaN counts as smaller than
// every number. If RankPhases has stored the median, that is returned; if the series has no points,
// the result is NaN.
func Median(ctx context.Context, tx *sql.Tx, runID, name string) (float64, error) {
	id, count, found, err := find(ctx, tx, runID, name)
	if err != nil || !found || count == 0 {
		return math.NaN(), err
	}
	var kept Number
	if err := tx.QueryRowContext(ctx, queryKeptMedian, id).Scan(&kept); err != nil || !math.IsNaN(float64(kept)) {
		return float64(kept), err
	}
	median, _, err := percentiles(ctx, tx, id, int(count))
	return median, err
}

// percentiles returns the exact median and 95th percentile of a series.
func percentiles(ctx context.Context, tx *sql.Tx, seriesID int64, count int) (p50, p95 float64, err error) {
	return orderStatistics(ctx, tx, seriesID, count, nearestRank(50, count), nearestRank(95, count))
}

const (
	queryUnranked   = `SELECT id, count FROM series WHERE run_id = ? AND count > 0 AND name GLOB 'time/*' AND (p50 IS NULL OR p95 IS NULL)`
	querySetRanks   = `UPDATE series SET p50 = ?, p95 = ? WHERE id = ?`
	queryKeptMedian = `SELECT p50 FROM series WHERE id = ?`

	// All values are sorted before one is taken. With a LIMIT on the sort itself SQLite would keep
	// the smallest so far in order, which takes ten times as long.
	queryOrderStatistic = `WITH sorted AS MATERIALIZED (SELECT value FROM points WHERE series_id = ? ORDER BY value)
		SELECT value FROM sorted LIMIT 1 OFFSET ?`
	// Values in two ranges, which may overlap, and how many lie below the first and between the
	// two.
	queryCountAround = `SELECT count(*) FILTER (WHERE value IS NULL OR value < ?2), count(*) FILTER (WHERE value > ?3 AND value < ?4)
		FROM points WHERE series_id = ?1`
	queryOrderNear = `WITH near AS MATERIALIZED (SELECT value FROM points
			WHERE series_id = ?1 AND (value BETWEEN ?2 AND ?3 OR value BETWEEN ?4 AND ?5) ORDER BY value)
		SELECT (SELECT value FROM near LIMIT 1 OFFSET ?6), (SELECT value FROM near LIMIT 1 OFFSET ?7)`

	// The last value of each block.
	querySample = `WITH sorted AS MATERIALIZED (SELECT p.value FROM blocks AS b
		JOIN points AS p ON p.series_id = b.series_id AND p.step = b.last
		WHERE b.series_id = ? ORDER BY p.value) SELECT value FROM sorted LIMIT 1 OFFSET ?`
)

// nearestRank is the rank, counted from 1, of a percentile among count values.
func nearestRank(percent, count int) int { return (percent*count + 99) / 100 }

// orderStatistics returns the values at two ranks of a series, counted from 1, the lower rank
// first. NaN is smaller than every number. In a long series only values near the two are sorted,
// chosen with the help of a sample.
func orderStatistics(ctx context.Context, tx *sql.Tx, seriesID int64, count, lower, upper int) (a, b float64, err error) {
	if count >= minSampled*blockSize {
		if a, b, ok, err := nearStatistics(ctx, tx, seriesID, count, lower, upper); ok || err != nil {
			return a, b, err
		}
	}
	var values [2]Number
	for i, rank := range []int{lower, upper} {
		if err := tx.QueryRowContext(ctx, queryOrderStatistic, seriesID, rank-1).Scan(&values[i]); err != nil {
			return a, b, err
		}
	}
	return float64(values[0]), float64(values[1]), nil
}

// minSampled is the smallest number of blocks for which sampling pays.
const minSampled = 64

// nearStatistics finds the values by reading the series twice; ok is false if the sample was
// misleading.
func nearStatistics(ctx context.Context, tx *sql.Tx, seriesID int64, count, lower, upper int) (a, b float64, ok bool, err error) {
	low1, high1, err := bracket(ctx, tx, seriesID, count, lower)
	if err != nil {
		return a, b, false, err
	}
	low2, high2, err := bracket(ctx, tx, seriesID, count, upper)
	if err != nil || math.IsNaN(low1) || math.IsNaN(low2) || math.IsNaN(high1) || math.IsNaN(high2) {
		return a, b, false, err
	}
	var below, between int
	if err := tx.QueryRowContext(ctx, queryCountAround, seriesID, low1, high1, low2).Scan(&below, &between); err != nil {
		return a, b, false, err
	}
	at1, at2 := lower-below-1, upper-below-between-1
	if at1 < 0 || at2 < 0 {
		return a, b, false, nil
	}
	var first, second Number
	if err := tx.QueryRowContext(ctx, queryOrderNear, seriesID, low1, high1, low2, high2, at1, at2).Scan(&first, &second); err != nil {
		return a, b, false, err
	}
	a, b = float64(first), float64(second)
	return a, b, a <= high1 && low2 <= b, nil // NaN, for no value, compares as false
}

// bracket returns two values that should enclose the value of a rank, from a sample. The rank in
// the sample has a standard deviation of √(p (1 - p) n), which is at most √n / 2; the two values
// are four of these away.
func bracket(ctx context.Context, tx *sql.Tx, seriesID int64, count, rank int) (low, high float64, err error) {
	sampled := count / blockSize
	at, off := float64(rank)/float64(count)*float64(sampled), 2*math.Sqrt(float64(sampled))
	value := func(at int, open float64) (float64, error) {
		v := Number(open)
		if at < 0 || at >= sampled {
			return open, nil
		}
		err := tx.QueryRowContext(ctx, querySample, seriesID, at).Scan(&v)
		return float64(v), err
	}
	if low, err = value(int(math.Floor(at-off)), math.Inf(-1)); err == nil {
		high, err = value(int(at+off), math.Inf(1))
	}
	return low, high, err
}

// sampledStatistic estimates the value of a rank from every 64th value.
func sampledStatistic(ctx context.Context, tx *sql.Tx, seriesID int64, count, rank int) (float64, error) {
	sampled := count / blockSize
	var value Number
	err := tx.QueryRowContext(ctx, querySample, seriesID, max(0, int(math.Ceil(float64(rank)/float64(count)*float64(sampled)))-1)).Scan(&value)
	return float64(value), err
}
