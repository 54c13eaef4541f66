package report

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"

	"flowharness/harness/internal/compare"
)

// curves has, where batches are of several sizes, a second line for each run: the
// same losses by the images seen.
func (l layout) curves() Table {
	t := Table{ID: "curves", Title: "Loss curves, smoothed", Header: table.Row{"run", compare.TrainLoss, "steps", "last"}}
	lines := Sparklines(l.Curves, sparklineWidth, compare.BySteps, l.LossRanked)
	var byImages []string
	if l.otherBatches() {
		byImages = Sparklines(l.Curves, sparklineWidth, compare.ByImages, l.LossRanked)
		t.Header = table.Row{"run", compare.TrainLoss + " by step", "by images seen", "steps", "images seen", "last"}
	}
	for i, c := range l.Curves {
		n := len(c.Loss)
		if n == 0 {
			continue
		}
		end := c.Loss[n-1]
		row := table.Row{l.clean(l.Runs[i].Slug), lines[i], end.Step, end.Smooth.Text()}
		if byImages != nil {
			row = table.Row{row[0], lines[i], byImages[i], end.Step, count(end.Images), end.Smooth.Text()}
		}
		t.Rows = append(t.Rows, row)
	}
	switch {
	case len(t.Rows) == 0:
	case l.LossRanked:
		t.Note = "One scale for all runs, logarithmic; longer runs reach further right."
	default:
		t.Note = "Each run has a scale of its own: their losses mean different things."
	}
	return t
}

func (l layout) aligned(id, title string, axis compare.Axis, aligned []compare.Aligned) Table {
	t := Table{ID: id, Title: title, Header: table.Row{axisColumn(axis)}, turns: true}
	if !l.LossRanked {
		return t
	}
	for _, run := range l.Runs {
		t.Header = append(t.Header, l.clean(run.Slug))
	}
	for _, a := range aligned {
		at := fmt.Sprintf("%.0f", a.At(axis))
		if axis == compare.BySeconds {
			at = a.Seconds.Text()
		}
		row := table.Row{at}
		for _, v := range a.Values {
			row = append(row, v.Text())
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// axisColumn is the head of a column of places.
func axisColumn(a compare.Axis) string {
	if a == compare.BySeconds {
		return "seconds"
	}
	return axisName(a)
}
