package report

import (
	"fmt"
	"slices"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
)

// Figure is a chart of a comparison. A line's colour is the index of its group.
type Figure struct {
	ID     string       // the same whatever the groups are called: loss-step, frontier-accuracy, …
	Axis   compare.Axis // of losses; "" for quality against network calls
	Note   string       // what is drawn, in words
	Groups []int        // whose lines it has
	Chart  chart.Chart
}

// ChartOptions say how curves are drawn.
type ChartOptions struct {
	// Clean is applied to every text that comes from a config or a user.
	Clean func(string) string
	// Means draws the mean of a group of several runs, with a band from the
	// smallest to the largest; Runs draws each run. Groups of one run are drawn
	// in any case.
	Means, Runs bool
}

// Figures draws quality against network calls, and the curves of losses by every
// axis. Charts with nothing to draw are left out.
func Figures(r *compare.Result, o ChartOptions) []Figure {
	var found []Figure
	add := func(id string, axis compare.Axis, title, note string, c chart.Chart, groups []int) {
		c.Title = title
		if !c.Empty() {
			found = append(found, Figure{id, axis, note, groups, c})
		}
	}
	all := make([]int, len(r.Groups))
	for g := range all {
		all[g] = g
	}
	for _, f := range r.Frontiers {
		note := "Rings mark the Pareto front: nothing else is as good for as few calls."
		if !f.Ranked {
			note = "Not ranked: the values are of different measures, or of different numbers of images."
		}
		add("frontier-"+compare.Identifier(f.Name), "", arrow(f.Metric)+" against network calls", note, frontierChart(f, o.Clean), all)
	}
	panels := r.Panels()
	where := ""
	if len(panels) > 1 {
		where = "Losses of other charts mean something else."
	}
	for _, axis := range r.Axes() {
		for i, groups := range panels {
			of, id := "", string(axis)
			if len(panels) > 1 {
				id += fmt.Sprintf("-%d", i+1)
				of = " of " + o.Clean(r.Groups[groups[0]].Label)
				if more := len(groups) - 1; more > 0 {
					of += fmt.Sprintf(" and %d more", more)
				}
			}
			note := curveNote(r, groups, o)
			if where != "" {
				note += " " + where
			}
			for _, kind := range []struct {
				id, title, note string
				val             bool
			}{{"loss-", "Training loss", note, false}, {"val-", "Validation loss", where, true}} {
				c := lossChart(r, groups, axis, kind.val, o)
				c.XLabel = axisLabel(axis)
				add(kind.id+id, axis, kind.title+of+" by "+axisName(axis), kind.note, c, groups)
			}
		}
	}
	for i, groups := range panels {
		id := "by-time"
		if len(panels) > 1 {
			id += fmt.Sprintf("-%d", i+1)
		}
		add(id, "", "Validation loss against the timestep", where, lossByTimeChart(r, groups, o), groups)
	}
	return found
}

// lossByTimeChart has a line for each group that has losses by parts of the timesteps, at the middle of each.
func lossByTimeChart(r *compare.Result, groups []int, o ChartOptions) chart.Chart {
	c := chart.Chart{XLabel: "timestep, as a part of all", YLabel: "loss"}
	for _, g := range groups {
		bins := r.LossByTime(g)
		line := chart.Line{Label: o.Clean(r.Groups[g].Label), Color: g, Marked: true}
		for i, loss := range bins {
			line.Points = append(line.Points, chart.Point{X: (float64(i) + 0.5) / float64(len(bins)), Y: loss})
		}
		if len(bins) > 1 {
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}

// axisLabel is what stands below a chart.
func axisLabel(a compare.Axis) string {
	switch a {
	case compare.BySteps:
		return "training step"
	case compare.ByImages:
		return "training images seen"
	}
	return "seconds in training steps"
}

// axisName is what an axis is called in a title.
func axisName(a compare.Axis) string {
	if a == compare.ByImages {
		return "images seen"
	}
	return string(a)
}

func curveNote(r *compare.Result, groups []int, o ChartOptions) string {
	several := slices.ContainsFunc(groups, func(g int) bool { return len(r.Groups[g].Counted) > 1 })
	switch {
	case !o.Means || !several:
		return "Lines: moving means, one a run. Faint: the losses themselves, of the first run of a group."
	case o.Runs:
		return "Thick lines: means over the runs of a group that came so far; faint: from the smallest to the largest. Thin lines: the runs."
	default:
		return "Lines: means over the runs of a group that came so far. Faint: from the smallest to the largest of them."
	}
}

func lossChart(r *compare.Result, groups []int, axis compare.Axis, val bool, o ChartOptions) chart.Chart {
	c := chart.Chart{YLabel: "loss", LogY: true}
	for _, g := range groups {
		group := r.Groups[g]
		together := o.Means && len(group.Counted) > 1
		if together {
			c.Lines = append(c.Lines, courseLine(r.Courses[g], axis, val, o.Clean(group.Label), g))
		}
		if together && !o.Runs {
			continue
		}
		for k, i := range group.Counted {
			line := chart.Line{Label: o.Clean(group.Label + ", " + r.Runs[i].Slug), Color: g, Thin: len(group.Counted) > 1}
			points := r.Curves[i].Loss
			if val {
				points = r.Curves[i].Val
			}
			for _, p := range points {
				line.Points = append(line.Points, chart.Point{X: p.At(axis), Y: float64(p.Smooth)})
				if k == 0 && !together { // those of all seeds would hide each other
					line.Band = append(line.Band, chart.Range{Low: float64(p.Low), High: float64(p.High)})
				}
			}
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}

// frontierChart has a line for each group, sampler and guidance.
func frontierChart(f compare.Frontier, clean func(string) string) chart.Chart {
	c := chart.Chart{XLabel: "network calls for an image", YLabel: f.Name, LogX: true, LogY: f.Better == compare.Lower}
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
		title := fmt.Sprintf("%s: %s %s at %s (%s)", p.Label, f.Name, p.Mean.Text(), printable.Count(p.NFE, "call"), p.Setting)
		lines[k].Points = append(lines[k].Points, chart.Point{X: float64(p.NFE), Y: float64(p.Mean), Title: clean(title), Ringed: p.Pareto})
	}
	for _, k := range order {
		c.Lines = append(c.Lines, *lines[k])
	}
	return c
}

// courseLine draws how a group went, with the band from the smallest to the largest, as far as all its runs came: where a
// shorter one ends, the mean would jump to that of the others.
func courseLine(c compare.Course, axis compare.Axis, val bool, label string, color int) chart.Line {
	t := c.Loss
	if val {
		t = c.Val
	}
	line := chart.Line{Label: label, Color: color}
	points := t.By(axis)
	all := 0
	for _, p := range points {
		all = max(all, p.Runs)
	}
	for i, p := range points {
		if p.Runs < all && i > 0 && points[i-1].Runs == all {
			break
		}
		line.Points = append(line.Points, chart.Point{X: float64(p.At), Y: float64(p.Mean)})
		line.Band = append(line.Band, chart.Range{Low: float64(p.Low), High: float64(p.High)})
	}
	return line
}
