package points

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
)

// blockSize is the number of consecutive points that a block sums up. It is part of the schema: the
// migration that creates the table uses it too.
const blockSize = 64

// block sums up blockSize points of a series or, at the growing end, fewer. Which points form a
// block only depends on their order: the first blockSize points are the first block, and so on.
type block struct {
	count       int
	first, last int64 // steps
	numbers     int64 // points that are not NaN
	low, high   float64
	lowStep     int64 // the first step with this value, as is highStep
	highStep    int64
	sum         kahanSum
	nanStep     int64 // of the first NaN; valid if numbers < count
}

// add adds a point that comes after all others.
func (b *block) add(p Point) {
	step, value := int64(p.Step), p.Value
	if b.count == 0 {
		b.first = step
	}
	b.count++
	b.last = step
	if math.IsNaN(value) {
		if b.numbers == int64(b.count-1) {
			b.nanStep = step
		}
		return
	}
	if b.numbers == 0 || value < b.low {
		b.low, b.lowStep = value, step
	}
	if b.numbers == 0 || value > b.high {
		b.high, b.highStep = value, step
	}
	b.numbers++
	b.sum.add(value)
}

// columns returns the values of the row, without the series.
func (b *block) columns() []any {
	row := []any{b.first, b.last, b.numbers, nil, nil, nil, nil, nil, nil}
	if b.numbers > 0 {
		copy(row[3:], []any{b.low, b.lowStep, b.high, b.highStep, b.sum.value()}) // SQLite stores NaN as NULL
	}
	if b.numbers < int64(b.count) {
		row[8] = b.nanStep
	}
	return row
}

// kahanSum adds numbers as SQLite's sum() does, by the method of Kahan, Babuška and Neumaier. So it
// does not matter which of the two has computed a sum.
type kahanSum struct{ sum, rest float64 }

func (k *kahanSum) add(v float64) {
	t := k.sum + v
	if math.Abs(k.sum) > math.Abs(v) {
		k.rest += (k.sum - t) + v
	} else {
		k.rest += (v - t) + k.sum
	}
	k.sum = t
}

func (k *kahanSum) value() float64 {
	if math.IsNaN(k.rest) || math.IsInf(k.rest, 0) {
		return k.sum
	}
	return k.sum + k.rest
}

const (
	queryLastBlock   = `SELECT last FROM blocks WHERE series_id = ? ORDER BY first DESC LIMIT 1`
	queryPointsAfter = `SELECT step, value FROM points WHERE series_id = ? AND step > ? ORDER BY step`
	queryDropBlocks  = `DELETE FROM blocks WHERE series_id = ?1 AND
		first >= coalesce((SELECT max(first) FROM blocks WHERE series_id = ?1 AND first <= ?2 AND last >= ?2), ?2)`
	beforeAll = math.MinInt64
)

// rebuildBlocks makes the blocks of a series again, starting with the block that contains a step,
// because points from that step on have changed. It returns the incomplete block at the end.
func rebuildBlocks(ctx context.Context, tx *sql.Tx, seriesID, from int64) (block, error) {
	if _, err := tx.ExecContext(ctx, queryDropBlocks, seriesID, from); err != nil {
		return block{}, err
	}
	full, open, err := sumUpTail(ctx, tx, seriesID)
	if err != nil {
		return block{}, err
	}
	for i := range full {
		if _, err := tx.ExecContext(ctx, queryInsertBlock, append([]any{seriesID}, full[i].columns()...)...); err != nil {
			return block{}, fmt.Errorf("summing up its points: %w", err)
		}
	}
	return open, nil
}

// sumUpTail sums up the points that are in no block yet. It returns the blocks that they fill, and
// the incomplete one at the end.
func sumUpTail(ctx context.Context, tx *sql.Tx, seriesID int64) (full []block, open block, err error) {
	last, err := endOfBlocks(ctx, tx, seriesID)
	if err != nil {
		return nil, open, err
	}
	rows, err := tx.QueryContext(ctx, queryPointsAfter, seriesID, last)
	if err != nil {
		return nil, open, err
	}
	defer rows.Close()
	for rows.Next() {
		var step int64
		var value Number
		if err := rows.Scan(&step, &value); err != nil {
			return nil, open, err
		}
		open.add(Point{Step: int(step), Value: float64(value)})
		if open.count == blockSize {
			full, open = append(full, open), block{}
		}
	}
	return full, open, rows.Err()
}

// endOfBlocks returns the last step of the last block of a series, or beforeAll if there are no
// blocks.
func endOfBlocks(ctx context.Context, tx *sql.Tx, seriesID int64) (int64, error) {
	last := int64(beforeAll)
	err := tx.QueryRowContext(ctx, queryLastBlock, seriesID).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return last, err
}
