// Package seriestable sets series of a run side by side, a row a step, and writes them in the formats that other programs
// read: CSV, JSON lines, Parquet.
package seriestable

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Table holds series of a run, joined by their steps.
type Table struct {
	Steps   []int     // in order
	Seconds []float64 // of work until the end of the step: all phases that were timed by then
	Columns []Column
}

// Column is a series.
type Column struct {
	Name   string
	Values []float64 // as long as Steps
	There  []bool    // whether the series has a value at the step
}

// UnknownError says that a run has no series of a name.
type UnknownError struct {
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no series %q; it has: %s", e.Name, strings.Join(e.Known, ", "))
}

// Read reads series of a run; no names are all of them. A name that the run does not have is an [*UnknownError].
func Read(ctx context.Context, st *store.Store, runID string, names []string) (*Table, error) {
	summaries, err := st.Summaries(ctx, runID)
	if err != nil {
		return nil, err
	}
	var known, phases []string
	for _, s := range summaries {
		known = append(known, s.Name)
		if _, ok := record.Phase(s.Name); ok {
			phases = append(phases, s.Name)
		}
	}
	if len(names) == 0 {
		names = known
	}
	series := make([][]store.Point, len(names))
	steps := map[int]struct{}{}
	for i, name := range names {
		if !slices.Contains(known, name) {
			return nil, &UnknownError{name, known}
		}
		if series[i], err = st.Series(ctx, runID, name, store.SeriesOptions{}); err != nil {
			return nil, err
		}
		for _, p := range series[i] {
			steps[p.Step] = struct{}{}
		}
	}
	t := &Table{Steps: slices.Sorted(maps.Keys(steps))}
	for i, name := range names {
		t.Columns = append(t.Columns, t.column(name, series[i]))
	}
	t.Seconds, err = t.seconds(ctx, st, runID, phases)
	return t, err
}

func (t *Table) column(name string, points []store.Point) Column {
	c := Column{name, make([]float64, len(t.Steps)), make([]bool, len(t.Steps))}
	for row, step := range t.Steps {
		if len(points) > 0 && points[0].Step == step {
			c.Values[row], c.There[row], points = points[0].Value, true, points[1:]
		}
	}
	return c
}

// seconds adds up what the phases took until each step.
func (t *Table) seconds(ctx context.Context, st *store.Store, runID string, phases []string) ([]float64, error) {
	total := make([]float64, len(t.Steps))
	for _, name := range phases {
		points, err := st.Series(ctx, runID, name, store.SeriesOptions{})
		if err != nil {
			return nil, err
		}
		sum := 0.0
		for row, step := range t.Steps {
			for len(points) > 0 && points[0].Step <= step {
				sum, points = sum+points[0].Value, points[1:]
			}
			total[row] += sum
		}
	}
	return total, nil
}
