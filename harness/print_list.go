package main

import (
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
)

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
	t := terminal.NewTableOfNames()
	for _, c := range columns {
		t.Header, t.Numbers = append(t.Header, listTitle(c)), append(t.Numbers, c.Numeric)
	}
	for _, r := range runs {
		var cells []any
		for _, c := range columns {
			cells = append(cells, listCell(c, r))
		}
		t.Add(cells...)
	}
	left := t.Narrow(width, func(column int) int { // columns that were asked for go from the last to the first
		if at := slices.Index(keptLongest, columns[column].Key); at >= 0 {
			return at
		}
		return len(keptLongest) + column
	})
	t.Print(o.out)
	if len(left) > 0 {
		fmt.Fprintf(o.err, "left out, for want of width: %s\n", strings.Join(left, ", "))
	}
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
