package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/terminal"
)

// watched is what harness watch shows at a moment: a run or a sweep.
type watched struct {
	run   *progress.Run
	sweep *progress.Sweep
}

// Sizes of a frame: characters of the loss curve, lines of the log,
// and of the runs of a sweep.
const (
	watchCurve = 60
	watchLog   = 5
	watchLive  = 20
)

// frame draws what is watched, a line each. It does not depend on the terminal,
// which cuts off what is too wide.
func frame(w watched) []string {
	if w.sweep != nil {
		return sweepFrame(*w.sweep)
	}
	return runFrame(*w.run)
}

// headline is a frame in a line.
func headline(w watched) string {
	if s := w.sweep; s != nil {
		return fmt.Sprintf("%s: %s%s", clean(s.Name), sweepCounts(*s), terminal.ETA(s.ETA))
	}
	r := w.run
	line := fmt.Sprintf("%s: %s%s, %s", r.Info.Slug, r.Info.Status, reason(r.Info), level(r.Progress).Words())
	if r.Info.Loss != nil {
		line += fmt.Sprintf(", loss %.4f", r.Info.Loss.Last)
	}
	for _, s := range r.Series {
		if s.Name == compare.ValLoss {
			line += fmt.Sprintf(", validation %.4f", s.Last)
		}
	}
	return line
}

func runFrame(r progress.Run) []string {
	info := r.Info
	lines := []string{
		fmt.Sprintf("%s  %s  %s on %s, seed %d", info.Slug, clean(info.Name), info.Process, clean(info.Dataset), info.Seed),
		fmt.Sprintf("%s%s", info.Status, reason(info)),
		level(r.Progress).Line(),
	}
	if curve := lossCurve(r.Loss, watchCurve); curve != "" {
		lines = append(lines, "", "loss  "+curve)
	}
	if latest := latestValues(r.Series); len(latest) > 0 {
		lines = append(append(lines, ""), latest...)
	}
	if drawn := drawnLines(r); len(drawn) > 0 {
		lines = append(append(lines, ""), drawn...)
	}
	if len(r.Log) > 0 {
		lines = append(lines, "")
	}
	for _, l := range r.Log {
		lines = append(lines, fmt.Sprintf("%s %-5s %s", l.At.Local().Format(time.TimeOnly), l.Level, clean(l.Message)))
	}
	return lines
}

// reason follows a status.
func reason(r store.RunInfo) string {
	if r.StatusReason == "" {
		return ""
	}
	return ": " + clean(oneLine(r.StatusReason))
}

// latestValues has a line for each series, the times of phases last: its latest
// value, with the smallest or the mean where that says something. The validation
// losses by timestep are left out: there are ten of them.
func latestValues(series []store.SeriesSummary) []string {
	var values, times []string
	for _, s := range series {
		name, last := clean(s.Name), fmt.Sprintf("%.5g", s.Last)
		phase, isPhase := record.Phase(name)
		switch {
		case strings.HasPrefix(name, record.ValLossBin):
		case isPhase:
			times = append(times, fmt.Sprintf("%-20s %s (mean %s, in all %s)", strings.ReplaceAll(phase, "_", " ")+" time",
				seconds(s.Last), seconds(s.Sum/float64(s.Count)), seconds(s.Sum)))
		case name == record.LearningRate:
			values = append(values, fmt.Sprintf("%-20s %s", "learning rate", last))
		case strings.HasPrefix(name, "val/"):
			values = append(values, fmt.Sprintf("%-20s %s at step %d (smallest %.5g)", name, last, s.LastStep, s.Min))
		default:
			name = strings.ReplaceAll(strings.TrimPrefix(name, "train/"), "_", " ")
			values = append(values, fmt.Sprintf("%-20s %s (smallest %.5g)", name, last, s.Min))
		}
	}
	return append(values, times...)
}

// drawnLines are about the latest evaluations and the latest grid.
func drawnLines(r progress.Run) []string {
	var lines []string
	for _, e := range r.Evaluations {
		var values []string
		for _, m := range e.Metrics {
			value := fmt.Sprintf("%s %.4g", m.Name, m.Value)
			if !math.IsNaN(m.StdErr) {
				value += fmt.Sprintf(" ± %.2g", m.StdErr)
			}
			values = append(values, value)
		}
		lines = append(lines, fmt.Sprintf("step %d, %s, %s, guidance %g, %s: %s", e.Step, clean(e.Sampler), printable.Count(e.Steps, "step"),
			e.Guidance, printable.Count(e.Images, "image"), clean(strings.Join(values, ", "))))
	}
	if s := r.Sample; s != nil {
		lines = append(lines, fmt.Sprintf("latest grid: step %d, %s, %s, guidance %g, %s in %s", s.Step,
			clean(s.Sampler), printable.Count(s.Steps, "step"), s.Guidance, printable.Count(s.Images, "image"), seconds(s.Seconds)))
	}
	return lines
}

// lossCurve draws the loss as compare does; × stands where a value was no number.
func lossCurve(bins []store.Bin, width int) string {
	var c compare.Curve
	for _, b := range bins {
		mean := compare.Value(b.Mean)
		if b.HasNaN {
			mean = compare.Value(math.NaN())
		}
		c.Loss = append(c.Loss, compare.CurvePoint{Step: b.Last, Smooth: mean})
	}
	return report.Sparklines([]compare.Curve{c}, width, compare.BySteps, false)[0]
}

func sweepFrame(s progress.Sweep) []string {
	lines := []string{
		fmt.Sprintf("sweep %s: %s", clean(s.Name), printable.Count(s.Runs, "run")),
		sweepCounts(s) + terminal.ETA(s.ETA),
		terminal.Level{Done: float64(s.Runs - s.Left()), Total: float64(s.Runs)}.Bar(),
	}
	if len(s.Live) > 0 {
		lines = append(lines, "")
	}
	slug, variant := 0, 0
	for _, l := range s.Live[:min(watchLive, len(s.Live))] {
		slug, variant = max(slug, len(l.Slug)), max(variant, terminal.TextWidth(clean(l.Variant)))
	}
	for _, l := range s.Live[:min(watchLive, len(s.Live))] {
		line := fmt.Sprintf("%-*s  %s  seed %d  %s", slug, clean(l.Slug), terminal.Pad(clean(l.Variant), variant), l.Seed,
			level(l.Progress).Words())
		if !math.IsNaN(l.Loss) {
			line += fmt.Sprintf(", loss %.4f", l.Loss)
		}
		if l.Doing != "" {
			line += ", " + clean(l.Doing)
		}
		lines = append(lines, line)
	}
	if more := len(s.Live) - watchLive; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// sweepCounts says how many runs are in which state, for the states that some are
// in.
func sweepCounts(s progress.Sweep) string {
	var parts []string
	for _, state := range progress.States() {
		n := s.Count[state]
		switch {
		case n > 0 && state == sweep.StateNew:
			parts = append(parts, fmt.Sprintf("%d not begun", n))
		case n > 0:
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}

// level is the progress of a run.
func level(p progress.Progress) terminal.Level {
	return terminal.Level{Done: float64(p.Step), Total: float64(p.Total), Unit: terminal.Steps, Rate: p.Rate, ETA: p.ETA}
}

// watchJSON is a frame as --json prints it.
func watchJSON(w watched) map[string]any {
	if s := w.sweep; s != nil {
		counts := map[string]int{}
		for _, state := range progress.States() {
			counts[string(state)] = s.Count[state]
		}
		live := []map[string]any{}
		for _, l := range s.Live {
			live = append(live, map[string]any{"run": l.Slug, "variant": l.Variant, "seed": l.Seed,
				"progress": progressJSON(l.Progress), "loss": number(l.Loss), "doing": l.Doing})
		}
		return map[string]any{"sweep": s.Name, "runs": s.Runs, "counts": counts, "live": live, "eta_seconds": s.ETA.Seconds(), "ended": s.Ended}
	}
	r := w.run
	series, evaluations, log := []map[string]any{}, []map[string]any{}, []map[string]any{}
	for _, s := range r.Series {
		series = append(series, map[string]any{"name": s.Name, "count": s.Count, "last_step": s.LastStep, "last": number(s.Last),
			"min": number(s.Min), "max": number(s.Max)})
	}
	for _, e := range r.Evaluations {
		evaluations = append(evaluations, evaluationJSON(e.EvaluationRecord))
	}
	for _, l := range r.Log {
		log = append(log, map[string]any{"line": l.Line, "at": l.At.UTC(), "level": l.Level, "message": l.Message})
	}
	return map[string]any{"run": toJSON(r.Info), "progress": progressJSON(r.Progress), "series": series,
		"evaluations": evaluations, "log": log}
}

func progressJSON(p progress.Progress) map[string]any {
	return map[string]any{"step": p.Step, "total_steps": p.Total, "steps_per_second": p.Rate, "eta_seconds": p.ETA.Seconds()}
}
