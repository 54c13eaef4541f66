package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
)

// rankPhases keeps the percentiles of the phases of a run that ends.
func rankPhases(ctx context.Context, tx *sql.Tx, runID string) error {
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
		p50, err := orderStatistic(ctx, tx, p.id, p.count, nearestRank(50, p.count))
		if err != nil {
			return fmt.Errorf("ranking the times of a phase: %w", err)
		}
		p95, err := orderStatistic(ctx, tx, p.id, p.count, nearestRank(95, p.count))
		if err != nil {
			return fmt.Errorf("ranking the times of a phase: %w", err)
		}
		if _, err := tx.ExecContext(ctx, querySetRanks, p50, p95, p.id); err != nil {
			return err
		}
	}
	return nil
}

const (
	queryUnranked = `SELECT id, count FROM series WHERE run_id = ? AND count > 0 AND name GLOB 'time/*' AND (p50 IS NULL OR p95 IS NULL)`
	querySetRanks = `UPDATE series SET p50 = ?, p95 = ? WHERE id = ?`

	// All are sorted before one is taken: with a limit on the sorting itself,
	// SQLite keeps the smallest so far in order, which takes ten times as long.
	queryOrderStatistic = `WITH sorted AS MATERIALIZED (SELECT value FROM points WHERE series_id = ? ORDER BY value)
		SELECT value FROM sorted LIMIT 1 OFFSET ?`
	queryOrderBetween = `WITH sorted AS MATERIALIZED (SELECT value FROM points WHERE series_id = ? AND value BETWEEN ? AND ? ORDER BY value)
		SELECT value FROM sorted LIMIT 1 OFFSET ?`
	queryCountBelow = `SELECT count(*) FROM points WHERE series_id = ? AND (value IS NULL OR value < ?)`

	// The last value of each block.
	querySample = `WITH sorted AS MATERIALIZED (SELECT p.value FROM blocks AS b JOIN points AS p ON p.series_id = b.series_id AND p.step = b.last
		WHERE b.series_id = ? ORDER BY p.value) SELECT value FROM sorted LIMIT 1 OFFSET ?`
)

// nearestRank is the rank, from 1, of a percentile of so many values.
func nearestRank(percent, count int) int { return (percent*count + 99) / 100 }

// orderStatistic is the value of a rank, from 1, among all of a series; NaN is
// smaller than every number. Of a long series only the values close to it are
// sorted: a sample says which these are.
func orderStatistic(ctx context.Context, tx *sql.Tx, seriesID int64, count, rank int) (float64, error) {
	var value number
	if sampled := count / blockSize; sampled >= minSampled {
		// Six standard deviations of the rank in a sample, and if the sample
		// is a bad one, everything is sorted.
		at, off := float64(rank)/float64(count)*float64(sampled), 3*math.Sqrt(float64(sampled))
		low, high := number(math.Inf(-1)), number(math.Inf(1))
		if from := int(at - off); from >= 0 {
			if err := tx.QueryRowContext(ctx, querySample, seriesID, from).Scan(&low); err != nil {
				return 0, err
			}
		}
		if to := int(at + off); to < sampled {
			if err := tx.QueryRowContext(ctx, querySample, seriesID, to).Scan(&high); err != nil {
				return 0, err
			}
		}
		var below int
		if err := tx.QueryRowContext(ctx, queryCountBelow, seriesID, float64(low)).Scan(&below); err != nil {
			return 0, err
		}
		if !math.IsNaN(float64(low)) && rank > below {
			err := tx.QueryRowContext(ctx, queryOrderBetween, seriesID, float64(low), float64(high), rank-below-1).Scan(&value)
			if !errors.Is(err, sql.ErrNoRows) {
				return float64(value), err
			}
		}
	}
	err := tx.QueryRowContext(ctx, queryOrderStatistic, seriesID, rank-1).Scan(&value)
	return float64(value), err
}

// minSampled is the least number of blocks that are a sample worth taking.
const minSampled = 64

// sampledStatistic is about the value of a rank: that of every 64th value.
func sampledStatistic(ctx context.Context, tx *sql.Tx, seriesID int64, count, rank int) (float64, error) {
	sampled := count / blockSize
	var value number
	err := tx.QueryRowContext(ctx, querySample, seriesID, max(0, int(math.Ceil(float64(rank)/float64(count)*float64(sampled)))-1)).Scan(&value)
	return float64(value), err
}
