package sweeppage

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/printable"
)

// heatMaps has one map for each combination of the settings that are neither an
// axis nor held, and do not follow from the axes.
func (d *sweepData) heatMaps(q sweepQuery) (maps []sweepMap, fixed []sweepFix, note string) {
	if q.X == "" {
		return nil, nil, "The sweep varies no setting."
	}
	axes := []string{q.X}
	if q.Y != "" {
		axes = append(axes, q.Y)
	}
	var open []string // paths to make maps of
	for _, path := range d.paths {
		if slices.Contains(axes, path) || d.follows(path, axes...) {
			continue
		}
		fixed = append(fixed, sweepFix{path, q.Fixed[path], d.values(path)})
		if q.Fixed[path] == "" {
			open = append(open, path)
		}
	}
	columns, rows := d.values(q.X), []string{""}
	if q.Y != "" {
		rows = d.values(q.Y)
	}
	if len(columns) > mostCells || len(rows) > mostCells {
		return nil, fixed, fmt.Sprintf("A map of %d × %d cells could not be read; the lines below show all variants.", len(columns), len(rows))
	}
	parts := map[string][]variant{}
	var order []string
	for _, v := range d.variants {
		if slices.ContainsFunc(fixed, func(f sweepFix) bool { return f.Value != "" && v.Values[f.Path] != f.Value }) {
			continue
		}
		var words []string
		for _, path := range open {
			words = append(words, lastWord(path)+" "+bare(v.Values[path]))
		}
		title := strings.Join(words, ", ")
		if _, ok := parts[title]; !ok {
			order = append(order, title)
		}
		parts[title] = append(parts[title], v)
	}
	if len(order) > mostMaps {
		note = fmt.Sprintf("%d of %d maps are shown; hold a setting to see others.", mostMaps, len(order))
		order = order[:mostMaps]
	}
	low, high := d.bounds(q.Metric)
	for _, title := range order {
		m := chart.HeatMap{Title: strings.TrimSpace(q.Metric + " " + title), XLabel: q.X, YLabel: q.Y, Low: low, High: high}
		for _, c := range columns {
			m.Columns = append(m.Columns, bare(c))
		}
		for _, r := range rows {
			if q.Y == "" {
				m.Rows = append(m.Rows, "")
			} else {
				m.Rows = append(m.Rows, bare(r))
			}
			var cells []chart.HeatCell
			for _, c := range columns {
				cells = append(cells, d.cell(q, parts[title], c, r))
			}
			m.Cells = append(m.Cells, cells)
		}
		maps = append(maps, sweepMap{title, template.HTML(m.SVG())}) // #nosec: chart escapes its texts
	}
	return maps, fixed, note
}

// bounds are the smallest and the largest mean of a metric; NaN without any.
func (d *sweepData) bounds(metric string) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range d.variants {
		if s, ok := d.summary(v, metric); ok && !math.IsInf(float64(s.Mean), 0) {
			low, high = min(low, float64(s.Mean)), max(high, float64(s.Mean))
		}
	}
	if low > high {
		return math.NaN(), math.NaN()
	}
	return low, high
}

// cell is that of the variants with the values of both axes: one, except where a
// search came to the same values twice; then it is the first that has ended.
func (d *sweepData) cell(q sweepQuery, variants []variant, x, y string) chart.HeatCell {
	c := chart.HeatCell{Value: math.NaN(), Text: "none", Title: "no such run is planned"}
	var found *variant
	for i, v := range variants {
		if v.Values[q.X] == x && (q.Y == "" || v.Values[q.Y] == y) && (found == nil || found.Group < 0) {
			found = &variants[i]
		}
	}
	if found == nil {
		return c
	}
	c.Text, c.Note, c.Title = "–", found.state(), found.Label+": "+found.state()
	if s, ok := d.summary(*found, q.Metric); ok {
		c.Value, c.Text = float64(s.Mean), s.Mean.Text()
		c.Title = fmt.Sprintf("%s: %s %s, %s", found.Label, q.Metric, meanAndInterval(s), found.state())
		if c.Note == "" {
			c.Note = printable.Count(s.N, "run")
		}
	}
	c.Href = d.link(*found)
	return c
}
