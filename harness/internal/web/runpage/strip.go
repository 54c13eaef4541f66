package runpage

import (
	"context"
	"fmt"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// stripView is the course of a run over wall time: training, and what was done in
// between.
type stripView struct {
	Parts []stripPart
	Until time.Duration // from the run's beginning
	Step  int           // colour of training
	From  float64       // where training begins, as a part of barWidth
}

// Rest is how wide training is, with all that is drawn over it.
func (v stripView) Rest() float64 { return barWidth - v.From }

type stripPart struct {
	Phase    string
	Series   int // colour
	X, Width float64
	Text     string
}

const (
	// maxParts bounds how many times of a phase are drawn.
	maxParts = 400
	// minPart is how wide one is at least, so that it can be seen.
	minPart = 1.5
)

// readStrip places the phases between steps at the times of their steps; it is
// empty for a run that has not recorded such times.
func (s *Pages) readStrip(ctx context.Context, run *store.Run, phases []phaseRow) (v stripView, err error) {
	times, err := s.Store.WallTimes(ctx, run.ID)
	if err != nil || len(times) < 2 {
		return v, err
	}
	begin, end := run.CreatedAt, times[len(times)-1].At
	if run.EndedAt.After(end) {
		end = run.EndedAt
	}
	v.Until = end.Sub(begin)
	if v.Until <= 0 {
		return stripView{}, nil
	}
	scale := barWidth / v.Until.Seconds()
	v.From = max(0, times[0].At.Sub(begin).Seconds()*scale)
	spent := map[int]float64{} // seconds after a step, by the phases so far
	for _, p := range phases {
		switch p.Name {
		case "step":
			v.Step = p.Series
			continue
		case "data_wait":
			continue
		}
		points, err := s.Store.Series(ctx, run.ID, record.PhaseSeries(p.Name), store.SeriesOptions{MaxPoints: maxParts})
		if err != nil {
			return v, err
		}
		for _, point := range points {
			at := times.At(min(max(point.Step, times[0].Step), times[len(times)-1].Step)).Sub(begin).Seconds()
			if p.Name == "compile" {
				at -= point.Value // its step was its end
			} else {
				at += spent[point.Step]
				spent[point.Step] += point.Value
			}
			part := stripPart{Phase: p.Name, Series: p.Series, X: at * scale, Width: max(minPart, point.Value*scale)}
			part.Text = fmt.Sprintf("%s at step %s: %s", p.Name, shell.Count(point.Step), seconds(point.Value))
			part.X = min(max(part.X, 0), barWidth-minPart)
			part.Width = min(part.Width, barWidth-part.X)
			if part.Width > 0 { // not of a time that is no number
				v.Parts = append(v.Parts, part)
			}
		}
	}
	return v, nil
}
