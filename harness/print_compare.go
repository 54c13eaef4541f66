package main

import (
	"fmt"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/report"
)

func (o *compareOptions) print(result *compare.Result, checks []condition.Check) error {
	switch {
	case o.quiet:
		return nil
	case o.json:
		return o.printJSON(struct {
			report.Document
			Gate []condition.Check `json:"gate,omitempty"`
		}{report.JSON(result), checks})
	case o.csvOutput:
		o.printWarnings(result.Warnings)
		if failed := condition.Failed(checks); len(failed) > 0 {
			printTable(o.err, gateTable(failed), 0)
		}
		return report.WriteCSV(o.out, result)
	case o.markdown:
		if err := report.WriteMarkdown(o.out, result, clean); err != nil {
			return err
		}
		if len(checks) > 0 {
			return report.WriteMarkdownTable(o.out, gateTable(checks).Escaped(clean))
		}
		return nil
	case o.html != "" || o.grid != "":
		o.printSummary(result, checks)
		return nil
	}
	width := o.out.Width()
	for _, t := range report.Tables(result, clean) {
		if len(t.Rows) == 0 {
			continue
		}
		printTable(o.out, t, width)
		if strings.HasPrefix(t.Title, "Metrics") {
			o.printFindings(report.Findings(result), width)
		}
	}
	if len(checks) > 0 {
		printTable(o.out, gateTable(checks), width)
	}
	for _, w := range result.Warnings {
		fmt.Fprintln(o.out, strings.Join(report.Wrap("warning: "+warningText(w), width-2), "\n  "))
	}
	return nil
}

// printSummary prints what a comparison comes to whose report is in a file.
func (o *compareOptions) printSummary(result *compare.Result, checks []condition.Check) {
	width := o.out.Width()
	for _, line := range report.Summary(result) {
		fmt.Fprintln(o.out, strings.Join(report.Wrap(clean(line), width-2), "\n  "))
	}
	if len(checks) > 0 {
		printTable(o.out, gateTable(checks), width)
	}
	switch n := len(result.Warnings); {
	case n == 0:
	case o.html != "":
		fmt.Fprintf(o.out, "%s: see %s\n", printable.Count(n, "warning"), o.html)
	default:
		fmt.Fprintf(o.out, "%s: leave out --grid to read them\n", printable.Count(n, "warning"))
	}
}

func (o *compareOptions) printFindings(findings []report.Finding, width int) {
	for _, f := range findings {
		fmt.Fprintln(o.out, strings.Join(report.Wrap("- "+clean(f.Text), width-2), "\n  "))
	}
	if len(findings) > 0 {
		fmt.Fprintln(o.out)
	}
}
