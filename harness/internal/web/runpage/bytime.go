package runpage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/plot"
	"flowharness/harness/internal/web/shell"
)

// lossByTime draws the validation loss against the timestep, of the first time that it was computed and of the last; there is
// none of a run that has no such series.
func (s *Pages) lossByTime(ctx context.Context, run *store.Run, summaries []store.SeriesSummary) (plot.Plot, bool, error) {
	var bins []int
	for _, summary := range summaries {
		if bin, ok := strings.CutPrefix(summary.Name, record.ValLossBin); ok {
			if n, err := strconv.Atoi(bin); err == nil && n >= 0 {
				bins = append(bins, n)
			}
		}
	}
	if len(bins) < 2 {
		return plot.Plot{}, false, nil
	}
	slices.Sort(bins)
	width := 1 / float64(bins[len(bins)-1]+1)
	first, last := chart.Line{Color: 1, Faint: true, Marked: true}, chart.Line{Marked: true}
	for _, bin := range bins {
		points, err := s.Store.Series(ctx, run.ID, record.ValLossBin+strconv.Itoa(bin), store.SeriesOptions{})
		if err != nil || len(points) == 0 {
			return plot.Plot{}, false, err
		}
		at := func(line *chart.Line, p store.Point) {
			from := float64(bin) * width
			line.Label = fmt.Sprintf("after step %s", shell.Count(p.Step))
			line.Points = append(line.Points, chart.Point{X: from + width/2, Y: p.Value,
				Title: fmt.Sprintf("%.1f to %.1f, %s: %s", from, from+width, line.Label, shell.Number(p.Value))})
		}
		at(&last, points[len(points)-1])
		if len(points) > 1 {
			at(&first, points[0])
		}
	}
	c := chart.Chart{Title: "val/loss against the timestep", XLabel: "timestep, as a part of all", Width: plotWidth, Height: plotHeight,
		Short: true, Lines: []chart.Line{last}}
	if len(first.Points) > 0 {
		c.Lines = append(c.Lines, first)
	}
	return plot.New("loss-by-time", c), true, nil
}
