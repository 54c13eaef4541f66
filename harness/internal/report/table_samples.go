package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"flowharness/harness/internal/compare"
)

// frontier has one line for each group and setting, and a column a metric. The
// numbers of images are a column where they are not all the same.
func (l layout) frontier() Table {
	t := Table{ID: "frontier", Title: "Quality against network calls", keys: 4,
		Header: table.Row{"group", "sampler", "guidance", "steps", "calls", "s/image"}}
	mixed := slices.ContainsFunc(l.Frontiers, func(f compare.Frontier) bool { return len(f.Images()) > 1 })
	if mixed {
		t.Header = append(t.Header, "images")
	}
	fixed := len(t.Header)
	type key struct {
		group int
		compare.Setting
	}
	at := map[key]int{}
	for column, f := range l.Frontiers {
		t.Header = append(t.Header, arrow(f.Metric))
		for _, p := range f.Points {
			k := key{p.Group, p.Setting}
			i, ok := at[k]
			if !ok {
				i = len(t.Rows)
				at[k] = i
				row := table.Row{l.clean(p.Label), l.clean(p.Sampler), p.Guidance, p.Steps, p.NFE, p.Seconds.Text()}
				if mixed {
					row = append(row, strings.Trim(fmt.Sprint(p.Images), "[]"))
				}
				t.Rows = append(t.Rows, row)
			}
			for len(t.Rows[i]) < fixed+column {
				t.Rows[i] = append(t.Rows[i], "-")
			}
			text := p.Mean.Text()
			if p.Pareto {
				text += " *"
			}
			t.Rows[i] = append(t.Rows[i], text)
		}
	}
	for i := range t.Rows {
		for len(t.Rows[i]) < len(t.Header) {
			t.Rows[i] = append(t.Rows[i], "-")
		}
	}
	if slices.ContainsFunc(l.Frontiers, func(f compare.Frontier) bool { return f.Ranked }) {
		t.Note = "* on the Pareto front: nothing else is as good for as few calls."
	}
	if mixed && slices.ContainsFunc(l.Frontiers, func(f compare.Frontier) bool { return f.DependsOnCount && len(f.Images()) > 1 }) {
		t.Note = strings.TrimSpace(t.Note + " Values that depend on the number of images have no front: it differs.")
	}
	return t
}

// sampling has a column for each run, or with many a line.
func (l layout) sampling() Table {
	t := Table{ID: "sampling", Title: "Sampling: network calls and seconds an " +
		"image", Header: table.Row{"sampler", "steps", "guidance"}, keys: 3}
	text := func(c compare.Cell) string {
		if c.Images == 0 {
			return "-"
		}
		return fmt.Sprintf("%d, %s s", c.NFE, c.Seconds.Text())
	}
	if len(l.Runs) > mostColumns {
		t.Header, t.keys = table.Row{"run"}, 1
		for _, s := range l.Samples {
			t.Header = append(t.Header, l.clean(s.String()))
		}
		for i, run := range l.Runs {
			row := table.Row{l.clean(run.Slug)}
			for _, s := range l.Samples {
				row = append(row, text(s.Cells[i]))
			}
			t.Rows = append(t.Rows, row)
		}
		return t
	}
	for _, run := range l.Runs {
		t.Header = append(t.Header, l.clean(run.Slug))
	}
	for _, s := range l.Samples {
		row := table.Row{l.clean(s.Sampler), s.Steps, s.Guidance}
		for _, c := range s.Cells {
			row = append(row, text(c))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
