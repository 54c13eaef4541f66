package sweeppage

import (
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
)

// sweepTable has a line for each variant.
type sweepTable struct {
	Columns []sweepColumn
	Rows    []sweepLine
}

type sweepColumn struct {
	Name, URL string
	Sorted    bool
}

type sweepLine struct {
	Key, Label, Link string
	Runs             string // values of the field run, for a comparison; "" without runs
	State            string
	Best, Tied       bool
	Cells            []sweepCell
}

type sweepCell struct{ Mean, Interval string }

func (d *sweepData) table(q sweepQuery) sweepTable {
	var t sweepTable
	metrics := movedFirst(d.metrics, q.Metric)
	metrics = metrics[:min(len(metrics), mostTableCols)]
	for _, m := range metrics {
		name := m
		switch d.rows[m].Better {
		case compare.Higher:
			name += " ↑"
		case compare.Lower:
			name += " ↓"
		}
		t.Columns = append(t.Columns, sweepColumn{name, q.sorted(m), m == q.Sort})
	}
	order := make([]int, len(d.variants))
	for i := range order {
		order[i] = i
	}
	if q.Sort != "variant" {
		slices.SortStableFunc(order, func(i, j int) int {
			switch {
			case d.before(q.Sort, i, j):
				return -1
			case d.before(q.Sort, j, i):
				return 1
			}
			return 0
		})
	}
	for _, i := range order {
		v := d.variants[i]
		line := sweepLine{Key: variantKey(i), Label: v.Label, Link: v.link(), Runs: strings.Join(v.slugs(), ","), State: v.state(),
			Best: i == d.best, Tied: slices.Contains(d.tied, i)}
		if line.State == "" {
			line.State = printable.Count(len(v.Runs), "run")
		}
		for _, m := range metrics {
			s, ok := d.summary(v, m)
			cell := sweepCell{Mean: "–"}
			if ok {
				cell.Mean, cell.Interval = s.Mean.Text(), intervalText(s)
			}
			line.Cells = append(line.Cells, cell)
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

func variantKey(i int) string { return fmt.Sprintf("v%d", i) }
