package runpage

import (
	"context"
	"fmt"
	"sort"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// stripView is the course of a run over wall time: training, and what was done in between. What is in no phase is other.
type stripView struct {
	Parts []stripPart
	Until time.Duration // from the run's beginning
}

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
	// joined is the gap below which two stretches of training are one.
	joined = 0.3
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
	strip := stripOf{times: times, begin: begin, scale: barWidth / v.Until.Seconds(), after: map[int]float64{}}
	training := 0 // colour
	for _, p := range phases {
		switch p.Name {
		case record.PhaseStep:
			training = p.Series
			continue
		case record.PhaseDataWait:
			continue
		}
		points, err := s.Store.Series(ctx, run.ID, record.PhaseSeries(p.Name), store.SeriesOptions{MaxPoints: maxParts})
		if err != nil {
			return v, err
		}
		for _, point := range points {
			isStep := false // the first step of a process, which compiles
			if p.Name == record.PhaseCompile {
				if isStep, err = s.isCompiledStep(ctx, run.ID, point.Step); err != nil {
					return v, err
				}
			}
			strip.addPhase(p, point, isStep)
		}
	}
	steps, err := s.Store.Bins(ctx, run.ID, record.PhaseSeries(record.PhaseStep), maxParts)
	if err != nil {
		return v, err
	}
	waits, err := s.Store.Bins(ctx, run.ID, record.PhaseSeries(record.PhaseDataWait), maxParts)
	if err != nil {
		return v, err
	}
	v.Parts = append(strip.training(steps, waits, training), strip.parts...) // what was done in between is drawn over training
	return v, nil
}

// isCompiledStep tells whether a step has the time of compiling in place of its own.
func (s *Pages) isCompiledStep(ctx context.Context, runID string, step int) (bool, error) {
	own, err := s.Store.Series(ctx, runID, record.PhaseSeries(record.PhaseStep), store.SeriesOptions{From: step, To: step})
	return len(own) == 0, err
}

// stripOf places phases on a strip.
type stripOf struct {
	times store.StepTimes
	begin time.Time
	scale float64         // width of a second
	after map[int]float64 // seconds in phases after a step, so far
	parts []stripPart
}

// at is the second by which a step was done.
func (s *stripOf) at(step int) float64 {
	first, last := s.times[0].Step, s.times[len(s.times)-1].Step
	return s.times.At(min(max(step, first), last)).Sub(s.begin).Seconds()
}

// addPhase places a phase after its step, or, if it is the step, before its end.
func (s *stripOf) addPhase(p phaseRow, point store.Point, isStep bool) {
	from := s.at(point.Step)
	if isStep {
		from -= point.Value
	} else {
		from += s.after[point.Step]
		s.after[point.Step] += point.Value
	}
	s.add(stripPart{Phase: p.Name, Series: p.Series, X: from * s.scale, Width: max(minPart, point.Value*s.scale),
		Text: fmt.Sprintf("%s at step %s: %s", p.Name, shell.Count(point.Step), seconds(point.Value))})
}

func (s *stripOf) add(p stripPart) {
	p.X = min(max(p.X, 0), barWidth-minPart)
	p.Width = min(p.Width, barWidth-p.X)
	if p.Width > 0 { // not of a time that is no number
		s.parts = append(s.parts, p)
	}
}

// training are the stretches in which the run trained or waited for data: they end with their last step, and are as long as
// what is recorded of their steps, with the phases in between.
func (s *stripOf) training(steps, waits []store.Bin, color int) []stripPart {
	waited := map[int]float64{}
	for _, b := range waits {
		waited[b.Last] += b.Sum
	}
	between := map[int]float64{} // by the place of a stretch: seconds in phases
	for step, took := range s.after {
		if i := sort.Search(len(steps), func(i int) bool { return steps[i].Last > step }); i < len(steps) && step >= steps[i].First-1 {
			between[i] += took
		}
	}
	var list []stripPart
	for i, b := range steps {
		to := s.at(b.Last)
		from := to - b.Sum - waited[b.Last] - between[i]
		if b.First > s.times[0].Step {
			from = max(from, s.at(b.First-1))
		}
		p := stripPart{Phase: record.PhaseStep, Series: color, X: max(0, from*s.scale), Text: "training"}
		if p.Width = min(to*s.scale, barWidth) - p.X; !(p.Width > 0) {
			continue
		}
		if n := len(list); n > 0 && p.X-list[n-1].X-list[n-1].Width < joined {
			list[n-1].Width = p.X + p.Width - list[n-1].X
			continue
		}
		list = append(list, p)
	}
	return list
}
