package report

import (
	"fmt"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
)

// Forest are the metrics that have a direction, each with the means of all groups, real images and noise, and the verdicts.
// clean is applied to what comes from configs.
func Forest(r *compare.Result, clean func(string) string) chart.Forest {
	f := chart.Forest{Title: "Means of the groups by metric, with 95 % intervals over seeds"}
	for _, row := range r.Metrics {
		if row.Better == compare.Neither {
			continue
		}
		line := chart.ForestRow{Label: clean(arrow(row.Metric)), Verdict: verdictsInShort(row, clean)}
		values := 0
		for g, s := range row.Groups {
			values += s.N
			title := clean(r.Groups[g].Label) + ": " + s.Mean.Text()
			if !s.Low.Missing() {
				title += fmt.Sprintf(" [%s, %s]", s.Low.Text(), s.High.Text())
			}
			line.Dots = append(line.Dots, chart.ForestDot{Value: float64(s.Mean), Low: float64(s.Low), High: float64(s.High), Color: g,
				Title: title})
		}
		for _, t := range []chart.ForestTick{{Value: float64(row.Real), Label: "real"}, {Value: float64(row.Noise), Label: "noise"}} {
			if !compare.Value(t.Value).Missing() {
				line.Ticks = append(line.Ticks, t)
			}
		}
		if values > 0 {
			f.Rows = append(f.Rows, line)
		}
	}
	return f
}

// verdictsInShort is the verdict on the only other group, or how many groups have which.
func verdictsInShort(row compare.Row, clean func(string) string) string {
	if len(row.Comparisons) == 1 {
		c := row.Comparisons[0]
		if c.Verdict == compare.Better || c.Verdict == compare.Worse {
			return fmt.Sprintf("%s is %s", clean(c.Group), c.Verdict)
		}
		return string(c.Verdict)
	}
	var order []compare.Verdict
	count := map[compare.Verdict]int{}
	for _, c := range row.Comparisons {
		if count[c.Verdict]++; count[c.Verdict] == 1 {
			order = append(order, c.Verdict)
		}
	}
	var parts []string
	for _, v := range order {
		parts = append(parts, fmt.Sprintf("%d %s", count[v], v))
	}
	return strings.Join(parts, ", ")
}
