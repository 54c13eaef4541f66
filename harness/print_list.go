package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/store"
)

func row(cells ...any) table.Row { return table.Row(cells) }

func (o *listOptions) printRunsJSON(runs []*store.RunInfo, columns []catalog.Column) error {
	rows := make([]runJSON, 0, len(runs))
	for _, r := range runs {
		j := toJSON(*r)
		for _, c := range columns {
			if j.Columns == nil {
				j.Columns = map[string]any{}
			}
			switch v := c.Value(r); v.Is {
			case catalog.NumberValue:
				j.Columns[c.Key] = number(v.Number)
			case catalog.TextValue:
				j.Columns[c.Key] = v.Text
			default:
				j.Columns[c.Key] = nil
			}
		}
		rows = append(rows, j)
	}
	return o.printJSON(rows)
}

// printRunsTable prints as many of the columns as fit into a width; all, if it is 0.
func (o *listOptions) printRunsTable(runs []*store.RunInfo, columns []catalog.Column, width int) {
	cells := make([][]string, len(columns)) // by column, then by row
	for i, c := range columns {
		for _, r := range runs {
			cells[i] = append(cells[i], listCell(c, r))
		}
	}
	shown, left := fit(columns, cells, width)
	t := o.newTable()
	var header table.Row
	var configs []table.ColumnConfig
	for place, i := range shown {
		header = append(header, listTitle(columns[i]))
		if columns[i].Numeric {
			configs = append(configs, table.ColumnConfig{Number: place + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(configs)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(header)
	for r := range runs {
		var cs table.Row
		for _, i := range shown {
			cs = append(cs, cells[i][r])
		}
		t.AppendRow(cs)
	}
	t.Render()
	if len(left) > 0 {
		fmt.Fprintf(o.err, "left out, for want of width: %s\n", strings.Join(left, ", "))
	}
}

// fit says which columns are shown in a width, 0 for any, and the titles of those that are left out.
func fit(columns []catalog.Column, cells [][]string, width int) (shown []int, left []string) {
	size := make([]int, len(columns))
	total := 0
	for i, c := range columns {
		size[i] = text.StringWidthWithoutEscSequences(listTitle(c))
		for _, cell := range cells[i] {
			size[i] = max(size[i], text.StringWidthWithoutEscSequences(cell))
		}
		size[i] += 2 // a space on both sides
		total += size[i]
		shown = append(shown, i)
	}
	rank := func(i int) int { // columns that were asked for go from the last to the first
		if at := slices.Index(keptLongest, columns[i].Key); at >= 0 {
			return at
		}
		return len(keptLongest) + i
	}
	for width > 0 && total > width && len(shown) > 1 {
		last := slices.MaxFunc(shown, func(a, b int) int { return rank(a) - rank(b) })
		shown = slices.DeleteFunc(shown, func(i int) bool { return i == last })
		total -= size[last]
		left = append(left, listTitle(columns[last]))
	}
	return shown, left
}

func listTitle(c catalog.Column) string {
	switch c.Key {
	case catalog.RecentLoss:
		return "loss, last 100"
	case catalog.Loss:
		return "last loss"
	}
	return clean(c.Key)
}

func listCell(c catalog.Column, r *store.RunInfo) string {
	v := c.Value(r)
	switch {
	case c.Kind == catalog.OfRun && c.Key == "step":
		return fmt.Sprintf("%d/%d", r.LastStep, r.TotalSteps)
	case c.Kind == catalog.OfRun && c.Key == "created":
		return ago(r.CreatedAt)
	case c.Kind == catalog.OfRun && c.Key == "duration":
		return seconds(v.Number)
	case c.Kind == catalog.OfRun && c.Key == "memory" && v.Is == catalog.NumberValue:
		return bytesText(int64(v.Number))
	case v.Is == catalog.NoValue:
		return "-"
	case v.Text != "":
		return clean(v.Text)
	}
	return fmt.Sprintf("%.4g", v.Number)
}
