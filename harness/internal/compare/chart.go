package compare

import (
	"fmt"
	"html/template"
	"slices"

	"flowharness/harness/internal/chart"
)

// charts draws the curves of losses, by step and by time, and quality against
// evaluations.
func (r *Result) charts(clean func(string) string) []pageChart {
	var found []pageChart
	add := func(title, note string, c chart.Chart, groups []int) {
		c.Title = title
		if svg := c.SVG(); svg != "" {
			var entries []legend
			for _, g := range groups {
				entries = append(entries, legend{Label: clean(r.Groups[g].Label), Color: chart.Color(g)})
			}
			found = append(found, pageChart{Title: title, Note: note, SVG: template.HTML(svg), Legend: entries})
		}
	}
	all := make([]int, len(r.Groups))
	for g := range all {
		all[g] = g
	}
	for _, f := range r.Frontiers {
		note := "Rings mark the Pareto front: nothing else is as good for as few evaluations."
		if !f.Ranked {
			note = "Not ranked: the values are of different measures."
		}
		add(arrow(f.Metric)+" against evaluations", note, f.chart(clean), all)
	}
	// Losses that mean different things have charts of their own, so that nobody
	// reads one against another.
	var panels [][]int
	index := map[string]int{}
	for g, group := range r.Groups {
		class := r.lossClass(group)
		at, ok := index[class]
		if !ok {
			at = len(panels)
			index[class] = at
			panels = append(panels, nil)
		}
		panels[at] = append(panels[at], g)
	}
	where := ""
	if len(panels) > 1 {
		where = "Losses of other charts mean something else."
	}
	for _, axis := range []struct {
		name, label string
		x           func(CurvePoint) Value
	}{
		{"step", "training step", func(p CurvePoint) Value { return Value(p.Step) }},
		{"time", "seconds in training steps", func(p CurvePoint) Value { return p.Seconds }},
	} {
		for _, groups := range panels {
			of := ""
			if len(panels) > 1 {
				of = " of " + clean(r.Groups[groups[0]].Label)
				if more := len(groups) - 1; more > 0 {
					of += fmt.Sprintf(" and %d more", more)
				}
			}
			note := "Lines: moving means, one a run. Faint: the losses themselves, of the first run of a group."
			if where != "" {
				note += " " + where
			}
			add("Training loss"+of+" by "+axis.name, note, r.lossChart(groups, axis.label, axis.x, clean, func(c Curve) []CurvePoint { return c.Loss }), groups)
			add("Validation loss"+of+" by "+axis.name, where, r.lossChart(groups, axis.label, axis.x, clean, func(c Curve) []CurvePoint { return c.Val }), groups)
		}
	}
	return found
}

func (r *Result) lossChart(groups []int, label string, x func(CurvePoint) Value, clean func(string) string, points func(Curve) []CurvePoint) chart.Chart {
	c := chart.Chart{XLabel: label, YLabel: "loss", LogY: true}
	for _, g := range groups {
		for k, i := range r.Groups[g].Counted {
			line := chart.Line{Label: clean(r.Groups[g].Label + ", " + r.Runs[i].Slug), Color: g, Thin: len(r.Groups[g].Counted) > 1}
			for _, p := range points(r.Curves[i]) {
				line.Points = append(line.Points, chart.Point{X: float64(x(p)), Y: float64(p.Smooth)})
				if k == 0 { // those of all seeds would hide each other
					line.Band = append(line.Band, chart.Range{Low: float64(p.Low), High: float64(p.High)})
				}
			}
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}

// chart has a line for each group, sampler and guidance.
func (f Frontier) chart(clean func(string) string) chart.Chart {
	c := chart.Chart{XLabel: "evaluations of the model for an image", YLabel: f.Name, LogX: true, LogY: f.Better == Lower}
	type key struct {
		group    int
		sampler  string
		guidance float64
	}
	var order []key
	lines := map[key]*chart.Line{}
	for _, p := range f.Points {
		k := key{p.Group, p.Sampler, p.Guidance}
		if lines[k] == nil {
			lines[k] = &chart.Line{Label: clean(fmt.Sprintf("%s, %s, guidance %g", p.Label, p.Sampler, p.Guidance)), Color: p.Group, Marked: true}
			lines[k].Dashed = slices.ContainsFunc(order, func(o key) bool { return o.group == p.Group })
			order = append(order, k)
		}
		title := fmt.Sprintf("%s: %s %s at %d evaluations (%s)", p.Label, f.Name, p.Mean.Text(), p.NFE, p.Setting)
		lines[k].Points = append(lines[k].Points, chart.Point{X: float64(p.NFE), Y: float64(p.Mean), Title: clean(title), Ringed: p.Pareto})
	}
	for _, k := range order {
		c.Lines = append(c.Lines, *lines[k])
	}
	return c
}
