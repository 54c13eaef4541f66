package sweeppage

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"flowharness/harness/internal/chart"
)

// parallel draws a line for each variant across settings and metrics.
func (d *sweepData) parallel(q sweepQuery) template.HTML {
	p := chart.Parallel{Title: "variants across settings and metrics"}
	metrics := movedFirst(d.metrics, q.Metric)
	metrics = metrics[:min(len(metrics), max(2, mostLineAxes-len(d.paths)), 5)]
	for _, path := range d.paths {
		axis := chart.ParallelAxis{Label: lastWord(path)}
		values := d.values(path)
		low, high := math.Inf(1), math.Inf(-1)
		for _, value := range values {
			n, ok := valueNumber(value)
			if !ok || len(values) < 3 {
				axis.Categories = values
			}
			low, high = min(low, n), max(high, n)
		}
		axis.Log = axis.Categories == nil && low > 0 && high/low > 50
		p.Axes = append(p.Axes, axis)
	}
	for _, m := range metrics {
		p.Axes = append(p.Axes, chart.ParallelAxis{Label: m})
	}
	for i, v := range d.variants {
		line := chart.ParallelLine{Key: variantKey(i), Title: v.Label, Href: d.link(v), Strong: i == d.best}
		for k, path := range d.paths {
			if c := p.Axes[k].Categories; c != nil {
				line.Values = append(line.Values, float64(slices.Index(c, v.Values[path])))
			} else {
				n, _ := valueNumber(v.Values[path])
				line.Values = append(line.Values, n)
			}
		}
		for _, m := range metrics {
			value := math.NaN()
			if s, ok := d.summary(v, m); ok {
				value = float64(s.Mean)
				line.Title += fmt.Sprintf("\n%s %s", m, meanAndInterval(s))
			}
			line.Values = append(line.Values, value)
		}
		p.Lines = append(p.Lines, line)
	}
	for i := range p.Axes {
		bareAll := make([]string, len(p.Axes[i].Categories))
		for k, c := range p.Axes[i].Categories {
			bareAll[k] = bare(c)
		}
		p.Axes[i].Categories = bareAll
	}
	return template.HTML(p.SVG()) // #nosec: chart escapes its texts
}

// lastWord is the end of a path that says what it is about.
func lastWord(path string) string {
	words := strings.Split(path, ".")
	if n := len(words); n > 1 && words[n-1] == "name" {
		return words[n-2]
	}
	return words[len(words)-1]
}
