package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"flowharness/harness/internal/store/points"
)

// What series are read as.
type (
	Point         = points.Point
	SeriesSummary = points.Summary
	SeriesOptions = points.Options
	Bin           = points.Bin
	Phase         = points.Phase
)

// Summaries returns the series of a run by name. It does not read the points.
func (s *Store) Summaries(ctx context.Context, runID string) ([]SeriesSummary, error) {
	list, err := points.Summaries(ctx, s.read, runID)
	return list, s.failure("reading the series of a run", err)
}

// Series returns the points of a series in the order of their steps; none if
// the run has no such series.
func (s *Store) Series(ctx context.Context, runID, name string, o SeriesOptions) (list []Point, err error) {
	err = s.inReadTx(ctx, fmt.Sprintf("reading series %s", name), func(tx *sql.Tx) error {
		list, err = points.Read(ctx, tx, runID, name, o)
		return err
	})
	return list, err
}

// Tail returns the last points of a series in the order of their steps.
func (s *Store) Tail(ctx context.Context, runID, name string, n int) ([]Point, error) {
	return s.Before(ctx, runID, name, math.MaxInt64, n)
}

// Before returns the last points of a series at or before a step, in the order
// of their steps.
func (s *Store) Before(ctx context.Context, runID, name string, step, n int) (list []Point, err error) {
	err = s.inReadTx(ctx, fmt.Sprintf("reading the end of series %s", name), func(tx *sql.Tx) error {
		list, err = points.Before(ctx, tx, runID, name, step, n)
		return err
	})
	return list, err
}

// Bins sums a series up in at most limit stretches of equally many steps; see [points.Bins].
func (s *Store) Bins(ctx context.Context, runID, name string, limit int) (bins []Bin, err error) {
	err = s.inReadTx(ctx, fmt.Sprintf("summing up series %s", name), func(tx *sql.Tx) error {
		bins, err = points.Bins(ctx, tx, runID, name, limit)
		return err
	})
	return bins, err
}

// BinsWithin is [Store.Bins] of the points from one step to another, both
// included; see [points.BinsWithin].
func (s *Store) BinsWithin(ctx context.Context, runID, name string, from, to, limit int) (bins []Bin, err error) {
	err = s.inReadTx(ctx, fmt.Sprintf("summing up a part of series %s", name), func(tx *sql.Tx) error {
		bins, err = points.BinsWithin(ctx, tx, runID, name, from, to, limit)
		return err
	})
	return bins, err
}

// Median is the median of a series, NaN being smaller than every number; NaN if it has no points. See [points.Median].
func (s *Store) Median(ctx context.Context, runID, name string) (median float64, err error) {
	err = s.inReadTx(ctx, fmt.Sprintf("reading the median of series %s", name), func(tx *sql.Tx) error {
		median, err = points.Median(ctx, tx, runID, name)
		return err
	})
	return median, err
}

// Phases returns the timing of a run by phase; see [points.Phases].
func (s *Store) Phases(ctx context.Context, runID string) (phases []Phase, err error) {
	err = s.inReadTx(ctx, "reading the timing of a run", func(tx *sql.Tx) error {
		phases, err = points.Phases(ctx, tx, runID)
		return err
	})
	return phases, err
}
