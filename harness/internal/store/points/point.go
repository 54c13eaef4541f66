// Package points keeps series: the metrics and times of a run, with one point per step.
//
// A series consists of three things. Points are rows of (step, value). Blocks each sum up 64
// consecutive points, so that a plot or a mean of a million points only reads some thousands of
// rows. The summary is one row with the number of points, the last one, the extremes and the sum,
// for lists to show. Every function that changes points also updates blocks and summary.
//
// Functions are given a transaction, and all they know about a run is its id. Package record names
// the series. If a phase is recorded twice at the same step, its times add up; in any other series
// the later value counts.
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

// Number is a value as the store keeps it, where NULL means NaN.
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

// find returns the id of a series and its number of points; found is false if the run has no such
// series.
func find(ctx context.Context, tx *sql.Tx, runID, name string) (id, count int64, found bool, err error) {
	err = tx.QueryRowContext(ctx, querySeries, runID, name).Scan(&id, &count)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, false, nil
	}
	return id, count, err == nil, err
}
