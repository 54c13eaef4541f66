// Package points keeps series: the metrics and times of a run, a point for each step.
//
// A series is three things in a store. Its points are rows of (step, value). Its blocks sum up 64 points in a row each,
// so that a plot or a mean of a million points reads some thousands of rows. Its summary, a row with the number of points,
// the last one, the extremes and the sum, is what lists show. Whatever changes points here leaves blocks and
// summary in agreement with them.
//
// The functions are given a transaction and know of a run nothing but its id. A series is named as in package record:
// values of a phase that are recorded twice for a step add up; of any other series the later value counts.
package points

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

// Number is a value as the store keeps it: NULL is NaN.
type Number float64

// Scan implements [database/sql.Scanner].
func (n *Number) Scan(v any) error {
	switch v := v.(type) {
	case float64:
		*n = Number(v)
	case nil:
		*n = Number(math.NaN())
	default:
		return fmt.Errorf("a value is a %T, not a number", v)
	}
	return nil
}

const querySeries = `SELECT id, count FROM series WHERE run_id = ? AND name = ?`

// find returns the id of a series and how many points it has; found is false if the run has no such series.
func find(ctx context.Context, tx *sql.Tx, runID, name string) (id, count int64, found bool, err error) {
	err = tx.QueryRowContext(ctx, querySeries, runID, name).Scan(&id, &count)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, false, nil
	}
	return id, count, err == nil, err
}
