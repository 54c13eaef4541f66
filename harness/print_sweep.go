package main

import (
	"fmt"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/sweep"
)

// printSweep prints how a sweep ended and what its variants have come to.
func (a *app) printSweep(session *launch.Session, outcome sweep.Outcome, comparison *sweep.Comparison, summary []string,
	asJSON bool) error {
	if asJSON {
		return a.printJSON(sweepJSON(session, outcome, comparison))
	}
	if comparison != nil {
		a.printVerdicts(comparison)
	}
	for _, line := range summary {
		fmt.Fprintln(a.out, clean(line))
	}
	for _, f := range outcome.Failed {
		fmt.Fprintf(a.out, "failed: %s: %s (log: %s)\n", clean(session.Plan.Variants[f.Task.Runs[0].Variant].Label),
			clean(oneLine(errorText(f.Err))), session.Folder.LogPath(f.Task.Key()))
	}
	if comparison != nil {
		if b := comparison.Best; b != nil {
			fmt.Fprintf(a.out, "best by %s: %s (%s)\n", clean(session.Plan.File.Search.Objective.Metric), clean(b.Variant),
				compare.Value(b.Value).Text())
		}
		fmt.Fprintf(a.out, "report: %s\n", session.Folder.ReportPath("html"))
	}
	return nil
}

// printVerdicts prints what matters of a comparison; the report holds all of it.
func (a *app) printVerdicts(c *sweep.Comparison) {
	o := &compareOptions{app: a}
	width := o.out.Width()
	for _, t := range report.Tables(c.Result, clean) {
		if strings.HasPrefix(t.Title, "Metrics") && len(t.Rows) > 0 {
			printTable(a.out, t, width)
			o.printFindings(report.Findings(c.Result), width)
		}
	}
	if len(c.Checks) > 0 {
		printTable(a.out, gateTable(c.Checks), width)
	}
	for _, w := range c.Result.Warnings {
		fmt.Fprintln(a.out, strings.Join(report.Wrap("warning: "+warningText(w), width-2), "\n  "))
	}
}

func sweepJSON(session *launch.Session, outcome sweep.Outcome, comparison *sweep.Comparison) map[string]any {
	runs := []map[string]any{}
	for _, t := range session.Plan.Tasks {
		for _, r := range t.Runs {
			found := session.Inventory.Of(r)
			runs = append(runs, map[string]any{"variant": session.Plan.Variants[r.Variant].Label, "seed": r.Config.Config.Seed, "task": t.Key(),
				"state": session.State(t, r), "id": found.Run.ID, "slug": found.Run.Slug, "trained_by": found.Run.TrainedBy})
		}
	}
	failed := []map[string]any{}
	for _, f := range outcome.Failed {
		failed = append(failed, map[string]any{"task": f.Task.Key(), "variant": session.Plan.Variants[f.Task.Runs[0].Variant].Label,
			"error": errorText(f.Err), "log": session.Folder.LogPath(f.Task.Key())})
	}
	stopped := []map[string]any{}
	for _, p := range outcome.Stopped {
		stopped = append(stopped, map[string]any{"variant": session.Plan.Variants[p.Variant].Label, "step": p.Step, "objective": number(p.Value)})
	}
	out := map[string]any{"sweep": session.Plan.File.Name, "store": session.Path, "runs": runs, "failed": failed,
		"stopped": stopped, "retried": outcome.Retried}
	if comparison != nil {
		out["comparison"] = struct {
			report.Document
			Gate []condition.Check `json:"gate,omitempty"`
		}{report.JSON(comparison.Result), comparison.Checks}
		if b := comparison.Best; b != nil {
			out["best"] = map[string]any{"variant": b.Variant, "objective": number(b.Value)}
		}
	}
	return out
}

// oneLine joins the lines of a message.
func oneLine(message string) string {
	var lines []string
	for line := range strings.Lines(message) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "; ")
}
