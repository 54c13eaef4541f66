package runpage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/plot"
	"flowharness/harness/internal/web/shell"
)

// measuredView is what was measured on samples of a run.
type measuredView struct {
	Metrics []compare.Metric // columns
	Rows    []measuredRow
	Details []measuredDetail // of single classes, and the like
	Plots   []plot.Plot

	Warnings []string
}

type measuredRow struct {
	store.Evaluation
	SecondsPerImage float64
	Values          []measuredValue // one a column
}

// measuredValue is a value with its standard error; NaN: not measured.
type measuredValue struct{ Value, StdErr float64 }

type measuredDetail struct {
	Setting string
	Metrics []store.Metric
}

// maxQualityPlots is how many metrics are plotted against what a sample costs.
const maxQualityPlots = 4

func (s *Pages) readMeasured(ctx context.Context, run *store.Run) (v measuredView, err error) {
	evaluations, err := s.Store.Evaluations(ctx, run.ID)
	if err != nil {
		return v, err
	}
	for _, e := range evaluations {
		for _, m := range e.Metrics {
			described := compare.Describe(m.Name)
			if !described.Detail && !slices.ContainsFunc(v.Metrics, func(known compare.Metric) bool { return known.Name == m.Name }) {
				v.Metrics = append(v.Metrics, described)
			}
		}
	}
	v.Warnings = record.WarningsOf(evaluations, func(e store.Evaluation) record.Drawing { return e.Drawing })
	slices.SortStableFunc(v.Metrics, func(a, b compare.Metric) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range evaluations {
		row := measuredRow{Evaluation: e, SecondsPerImage: math.NaN()}
		if e.Images > 0 {
			row.SecondsPerImage = e.Seconds / float64(e.Images)
		}
		detail := measuredDetail{Setting: fmt.Sprintf("step %s: %s, %s, guidance %g", shell.Count(e.Step), e.Sampler, stepsText(e.Steps),
			e.Guidance)}
		for _, m := range v.Metrics {
			row.Values = append(row.Values, valueOf(e, m.Name))
		}
		for _, m := range e.Metrics {
			if compare.Describe(m.Name).Detail {
				detail.Metrics = append(detail.Metrics, m)
			}
		}
		v.Rows = append(v.Rows, row)
		if len(detail.Metrics) > 0 {
			v.Details = append(v.Details, detail)
		}
	}
	for i, m := range v.Metrics {
		if len(v.Plots) == maxQualityPlots {
			break
		}
		if p, ok := qualityPlot(m, i, v.Rows); ok {
			v.Plots = append(v.Plots, p)
		}
	}
	return v, nil
}

func valueOf(e store.Evaluation, name string) measuredValue {
	for _, m := range e.Metrics {
		if m.Name == name {
			return measuredValue{m.Value, m.StdErr}
		}
	}
	return measuredValue{math.NaN(), math.NaN()}
}

// qualityPlot draws a metric at the latest step against the calls of the
// model for an image, a line a sampler and guidance; there is none of a single
// number of calls.
func qualityPlot(m compare.Metric, column int, rows []measuredRow) (plot.Plot, bool) {
	type key struct {
		sampler  string
		guidance float64
	}
	latest := 0
	for _, r := range rows {
		latest = max(latest, r.Step)
	}
	lines := map[key]*chart.Line{}
	var keys []key
	costs := map[int]bool{}
	for _, r := range rows {
		value := r.Values[column].Value
		if r.Step != latest || math.IsNaN(value) {
			continue
		}
		k := key{r.Sampler, r.Guidance}
		if lines[k] == nil {
			keys = append(keys, k)
			lines[k] = &chart.Line{Label: fmt.Sprintf("%s, guidance %g", r.Sampler, r.Guidance), Color: len(lines), Marked: true}
		}
		costs[r.NFE] = true
		lines[k].Points = append(lines[k].Points, chart.Point{X: float64(r.NFE), Y: value,
			Title: fmt.Sprintf("%s, %s, guidance %g: %s", r.Sampler, stepsText(r.Steps), r.Guidance, shell.Number(value))})
	}
	if len(costs) < 2 {
		return plot.Plot{}, false
	}
	c := chart.Chart{Title: m.Name + " against network calls", XLabel: "network calls for an image", LogX: true,
		LogY: m.Better == compare.Lower, Width: plotWidth, Height: plotHeight, Short: true}
	for _, k := range keys {
		slices.SortStableFunc(lines[k].Points, func(a, b chart.Point) int { return cmp.Compare(a.X, b.X) })
		c.Lines = append(c.Lines, *lines[k])
	}
	return plot.New("quality-"+plotID(m.Name), c), true
}

// measured is a value with its standard error, which has two digits that count.
func measured(value, stdErr float64) string {
	if math.IsNaN(value) {
		return "–"
	}
	if math.IsNaN(stdErr) || stdErr <= 0 || math.IsInf(stdErr, 0) {
		return shell.Number(value)
	}
	decimals := min(max(0, 1-int(math.Floor(math.Log10(stdErr)))), 6)
	return strconv.FormatFloat(value, 'f', decimals, 64) + " ± " + strconv.FormatFloat(stdErr, 'f', decimals, 64)
}
