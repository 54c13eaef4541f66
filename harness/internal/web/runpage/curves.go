package runpage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/plot"
	"flowharness/harness/internal/web/shell"
)

// How much of a series is drawn: up to maxRaw points each for itself, more as
// maxBins stretches, of which the mean, the smallest and the largest are shown.
// A plot is about as many pixels wide.
const (
	maxRaw  = 500
	maxBins = 400
	// fewPoints are drawn as marks and not smoothed.
	fewPoints = 40
)

// Size of a plot's view box. It is near that of a plot on a page of several, so
// that its texts are neither.
const plotWidth, plotHeight = 520, 300

// phaseGroup stands for the series of all phases, drawn in one plot.
const phaseGroup = record.AllPhases

// mattering are the series drawn where the address names none, in their order.
var mattering = []string{record.TrainLoss, record.ValLoss, record.GradNorm, record.LearningRate, phaseGroup}

// planned are the series that are a plan, not a measurement: they are not
// smoothed, and their y axis is linear.
var planned = []string{record.LearningRate}

// curvesView is the part of a run's page with its plots.
type curvesView struct {
	Plots   []plot.Plot
	Series  []seriesRow // all, to choose from
	Query   runQuery
	Slug    string
	Whole   string // address of the page without the zoom; "" without one
	Default string // address without a choice of series; "" without one
	Note    string
	Fields  []shell.Field
}

// seriesRow is an entry of the list of all series.
type seriesRow struct {
	store.SeriesSummary
	Chosen bool
	CSV    string // address of its values; "" of several series together
}

// readCurves reads and draws the chosen series.
func (s *Pages) readCurves(ctx context.Context, run *store.Run, summaries []store.SeriesSummary, q runQuery) (curvesView, error) {
	v := curvesView{Query: q, Slug: run.Slug, Fields: q.fields("series", "smooth", "y", "x")}
	axis, err := s.readAxis(ctx, run, q.X)
	if err != nil {
		return v, err
	}
	v.Note = axis.Note
	byTime, hasByTime, err := s.lossByTime(ctx, run, summaries)
	if err != nil {
		return v, err
	}
	chosen := chosenSeries(summaries, q.Series)
	v.Plots = make([]plot.Plot, len(chosen))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for i, name := range chosen {
		g.Go(func() error {
			p, err := s.seriesPlot(ctx, run, name, summaries, axis, q)
			v.Plots[i] = p
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return v, err
	}
	if len(q.Series) == 0 {
		if at := slices.Index(chosen, record.ValLoss); hasByTime && at >= 0 {
			v.Plots = slices.Insert(v.Plots, at+1, byTime)
		}
	}
	for _, summary := range summaries {
		v.Series = append(v.Series, seriesRow{summary, slices.Contains(chosen, summary.Name), seriesAddress(run.Slug, summary.Name)})
	}
	if slices.ContainsFunc(summaries, func(s store.SeriesSummary) bool { return inPlot(s.Name, phaseGroup) }) {
		v.Series = append(v.Series, seriesRow{store.SeriesSummary{Name: phaseGroup}, slices.Contains(chosen, phaseGroup), ""})
	}
	if (q.Zoom != stepRange{}) {
		whole := q
		whole.Zoom = stepRange{}
		v.Whole = whole.address(run.Slug)
	}
	if len(q.Series) > 0 {
		usual := q
		usual.Series = nil
		v.Default = usual.address(run.Slug)
	}
	return v, nil
}

// chosenSeries are the series to draw: those asked for, or those that matter and
// that there are.
func chosenSeries(summaries []store.SeriesSummary, asked []string) []string {
	if len(asked) > 0 {
		// In an order of their own, whatever order a form sends them in: touching a control moves no plot.
		place := func(name string) int {
			if i := slices.Index(mattering, name); i >= 0 {
				return i
			}
			return len(mattering) + slices.IndexFunc(summaries, func(s store.SeriesSummary) bool { return s.Name == name })
		}
		asked = slices.Clone(asked)
		slices.SortStableFunc(asked, func(a, b string) int { return place(a) - place(b) })
		return asked
	}
	var list []string
	for _, name := range mattering {
		if slices.ContainsFunc(summaries, func(s store.SeriesSummary) bool { return inPlot(s.Name, name) }) {
			list = append(list, name)
		}
	}
	return list
}

// inPlot tells whether a series belongs to the plot of a name.
func inPlot(series, name string) bool {
	_, isPhase := record.Phase(series)
	return series == name || name == phaseGroup && isPhase
}

func (s *Pages) seriesPlot(ctx context.Context, run *store.Run, name string, summaries []store.SeriesSummary, axis runAxis,
	q runQuery) (plot.Plot, error) {
	c := chart.Chart{Title: name, XLabel: axis.Label, LogY: !q.Linear, Width: plotWidth, Height: plotHeight, Short: true}
	var steps []int // of the line with the most points
	var of int      // which is this one
	var note string
	var links []plot.Link
	grouped := name == phaseGroup
	if grouped {
		c.Title, c.LogY = "Seconds a phase took", true
		summaries = slices.Clone(summaries)
		slices.SortStableFunc(summaries, func(a, b store.SeriesSummary) int {
			return phaseRank(phaseOf(a.Name)) - phaseRank(phaseOf(b.Name))
		})
	}
	if slices.Contains(planned, name) {
		c.LogY = false
	}
	for _, summary := range summaries {
		if !inPlot(summary.Name, name) {
			continue
		}
		curve, err := s.readCurve(ctx, run.ID, summary, q.Zoom)
		if err != nil {
			return plot.Plot{}, err
		}
		if len(curve.steps) > len(steps) {
			steps, of = curve.steps, len(c.Lines)
		}
		if grouped {
			c.Lines = append(c.Lines, curve.mean(phaseOf(summary.Name), len(c.Lines), axis))
			continue
		}
		if curve.smoothed, err = s.smoothed(ctx, run.ID, summary, q, curve); err != nil {
			return plot.Plot{}, err
		}
		c.Lines, note = curve.lines(summary.Name, q.Smooth, axis)
		links = append(links, plot.Link{Text: "Values (CSV)", Href: seriesAddress(run.Slug, summary.Name)})
	}
	if c.LogY && !allAboveZero(c.Lines) {
		note = strings.TrimSpace(note + " Not all values are above 0, so the y axis is linear.")
	}
	p := plot.New(plotID(name), c)
	p.ZoomKey, p.Note, p.Links = "zoom", note, links
	if !grouped {
		p.Legend = nil // the title says it
	}
	if axis.Label != axisStep && len(c.Lines) > 0 {
		p.AtSteps(steps, of)
	}
	if (q.Zoom != stepRange{}) {
		whole := q
		whole.Zoom = stepRange{}
		p.Zoomed, p.Whole = true, whole.address(run.Slug)
	}
	return p, nil
}

// plotID makes the id of an element of a series' name.
func plotID(name string) string {
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	switch name {
	case record.TrainLoss:
		return "loss"
	case phaseGroup:
		return "phases"
	}
	return id
}

func seriesAddress(slug, name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return runAddress(slug) + "/series/" + strings.Join(parts, "/") + ".csv"
}

// curve is a series as it is drawn: points, or the means of stretches with the
// smallest and largest values in them.
type curve struct {
	steps     []int
	values    []float64
	low, high []float64 // nil: of points
	odd       []string  // what of a point is not a finite number
	of        int       // points that it was made of
	smoothed  []float64 // nil: it is not to be smoothed
}

func (s *Pages) readCurve(ctx context.Context, runID string, summary store.SeriesSummary, zoom stepRange) (curve, error) {
	if summary.Count <= maxRaw {
		points, err := s.Store.Series(ctx, runID, summary.Name, store.SeriesOptions{From: zoom.From, To: zoom.To})
		return pointCurve(points), err
	}
	var bins []store.Bin
	var err error
	switch {
	case zoom == stepRange{}:
		bins, err = s.Store.Bins(ctx, runID, summary.Name, maxBins)
	case min(zoom.To, summary.LastStep)-zoom.From < maxRaw:
		bins, err = s.Store.BinsWithin(ctx, runID, summary.Name, zoom.From, min(zoom.To, summary.LastStep), maxRaw)
	default:
		bins, err = s.Store.BinsWithin(ctx, runID, summary.Name, zoom.From, min(zoom.To, summary.LastStep), maxBins)
	}
	return binCurve(bins), err
}

// smoothed are the values of a curve, smoothed over the whole series whatever stretch of it is shown: a step has one smoothed
// value. Between the stretches that a long series is smoothed by, it is interpolated. Nil: it is not to be smoothed.
func (s *Pages) smoothed(ctx context.Context, runID string, summary store.SeriesSummary, q runQuery, shown curve) ([]float64, error) {
	if q.Smooth == 0 || summary.Count <= fewPoints || slices.Contains(planned, summary.Name) {
		return nil, nil
	}
	whole := shown
	if (q.Zoom != stepRange{}) {
		var err error
		if whole, err = s.readCurve(ctx, runID, summary, stepRange{}); err != nil {
			return nil, err
		}
	}
	return resampled(whole.steps, plot.Smooth(whole.values, q.Smooth), shown.steps), nil
}

// resampled are the values at other steps, on straight lines between those that are known.
func resampled(steps []int, values []float64, at []int) []float64 {
	list := make([]float64, len(at))
	for i, step := range at {
		switch k, found := slices.BinarySearch(steps, step); {
		case found:
			list[i] = values[k]
		case len(steps) == 0:
			list[i] = math.NaN()
		case k == 0:
			list[i] = values[0]
		case k == len(steps):
			list[i] = values[k-1]
		default:
			part := float64(step-steps[k-1]) / float64(steps[k]-steps[k-1])
			list[i] = values[k-1] + part*(values[k]-values[k-1])
		}
	}
	return list
}

func pointCurve(points []store.Point) curve {
	c := curve{of: len(points)}
	for _, p := range points {
		c.add(p.Step, p.Value, oddValue(p.Value))
	}
	return c
}

func binCurve(bins []store.Bin) curve {
	var c curve
	for _, b := range bins {
		odd := ""
		for _, v := range []float64{b.Min, b.Max, b.Mean} {
			odd = cmp.Or(odd, oddValue(v))
		}
		if b.HasNaN {
			odd = oddValue(math.NaN())
		}
		c.add(b.Last, b.Mean, odd)
		c.low, c.high = append(c.low, b.Min), append(c.high, b.Max)
		c.of += b.Count
	}
	if c.of == len(bins) { // each is a point
		c.low, c.high = nil, nil
	}
	return c
}

func (c *curve) add(step int, value float64, odd string) {
	c.steps, c.values, c.odd = append(c.steps, step), append(c.values, value), append(c.odd, odd)
}

// oddValue names a value that is not a finite number.
func oddValue(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	return ""
}

// mean is the curve as one line of several.
func (c curve) mean(label string, color int, axis runAxis) chart.Line {
	l := chart.Line{Label: label, Color: color, Thin: true, Marked: len(c.steps) <= fewPoints}
	for i, step := range c.steps {
		l.Points = append(l.Points, chart.Point{X: axis.at(step), Y: c.values[i], Odd: c.odd[i]})
	}
	return l
}

// lines are the curve in a plot of its own: faint, with a smoothed line above it
// if it is to be smoothed; and what they are, in words.
func (c curve) lines(name string, weight float64, axis runAxis) (lines []chart.Line, note string) {
	raw := c.mean(name, 0, axis)
	raw.Thin = false
	for i := range c.low {
		raw.Band = append(raw.Band, chart.Range{Low: c.low[i], High: c.high[i]})
	}
	if c.low != nil {
		note = fmt.Sprintf("%s points in %s stretches: mean, smallest and largest.", shell.Count(c.of), shell.Count(len(c.steps)))
	}
	if c.smoothed == nil {
		return []chart.Line{raw}, note
	}
	raw.Faint = true
	smoothed := chart.Line{Label: "smoothed", Points: slices.Clone(raw.Points)}
	for i, v := range c.smoothed {
		smoothed.Points[i].Y, smoothed.Points[i].Odd = v, ""
	}
	return []chart.Line{raw, smoothed}, strings.TrimSpace(note + fmt.Sprintf(" Smoothed with %g.", weight))
}

// allAboveZero tells whether a logarithmic axis can hold all values.
func allAboveZero(lines []chart.Line) bool {
	for _, l := range lines {
		for _, p := range l.Points {
			if p.Y <= 0 {
				return false
			}
		}
		for _, r := range l.Band {
			if r.Low <= 0 {
				return false
			}
		}
	}
	return true
}

// phaseOf is the phase whose seconds a series holds.
func phaseOf(series string) string {
	phase, _ := record.Phase(series)
	return phase
}
