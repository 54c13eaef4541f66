package main

import (
	"fmt"
	"io"
	"strings"

	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/terminal"
)

// gateTable lays checks out.
func gateTable(checks []condition.Check) report.Table {
	t := report.Table{Title: "Gate", Header: []any{"fail if", "group", "outcome", "value", "baseline", "note"}}
	for _, c := range checks {
		outcome := "passed"
		if c.Failed {
			outcome = "FAILED"
		}
		var values, baselines []string
		for _, u := range c.Values {
			prefix := ""
			if len(c.Values) > 1 {
				prefix = u.Metric + " "
			}
			values, baselines = append(values, prefix+u.Value.Text()), append(baselines, prefix+u.Baseline.Text())
		}
		t.Rows = append(t.Rows, []any{clean(c.Expression), clean(c.Group), outcome, strings.Join(values, ", "),
			strings.Join(baselines, ", "), clean(c.Note)})
	}
	return t
}

// printTable prints a table that fits a width, or is as wide as it needs for 0.
func printTable(w io.Writer, whole report.Table, width int) {
	for _, part := range report.Fit(whole, width) {
		t := terminal.NewTableOfNames(part.Header...)
		for _, row := range part.Rows {
			t.Add(row...)
		}
		fmt.Fprintln(w, strings.Join(report.Wrap(part.Title, width), "\n"))
		t.Write(w, width)
		if part.Note != "" {
			fmt.Fprintln(w, strings.Join(report.Wrap(part.Note, width), "\n"))
		}
		fmt.Fprintln(w)
	}
}
