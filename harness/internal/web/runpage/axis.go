package runpage

import (
	"context"
	"encoding/json"
	"math"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// runAxis is what the plots of a run are drawn over.
type runAxis struct {
	Label string
	at    func(step int) float64 // NaN where it is not known
	Note  string                 // why it is not what was asked for
}

// readAxis finds out what is needed for an axis. Where the run has not recorded
// it, the axis is of steps.
func (s *Pages) readAxis(ctx context.Context, run *store.Run, x string) (runAxis, error) {
	steps := runAxis{Label: "step", at: func(step int) float64 { return float64(step) }}
	switch x {
	case axisTime:
		times, err := s.Store.WallTimes(ctx, run.ID)
		if err != nil {
			return steps, err
		}
		if len(times) > 1 {
			return wallAxis(times), nil
		}
		axis, ok, err := s.phaseAxis(ctx, run)
		if err != nil || ok {
			return axis, err
		}
		steps.Note = "The run has recorded no times; this is over steps."
	case axisEpoch:
		if per := stepsPerEpoch(run); per > 0 {
			return runAxis{Label: "epoch", at: func(step int) float64 { return float64(step) / per }}, nil
		}
		steps.Note = "How many steps an epoch has is not recorded; this is over steps."
	}
	return steps, nil
}

// wallAxis is of the time since the first step that has one.
func wallAxis(times store.StepTimes) runAxis {
	first, last := times[0], times[len(times)-1]
	unit, label := timeUnit(last.At.Sub(first.At).Seconds())
	return runAxis{Label: label, at: func(step int) float64 {
		at := times.At(min(max(step, first.Step), last.Step))
		return at.Sub(first.At).Seconds() / unit
	}}
}

// phaseAxis is of the time spent in phases, for runs without wall times.
func (s *Pages) phaseAxis(ctx context.Context, run *store.Run) (axis runAxis, ok bool, err error) {
	bins, err := s.Store.Bins(ctx, run.ID, record.PhaseSeries(record.PhaseStep), maxBins)
	if err != nil || len(bins) == 0 {
		return axis, false, err
	}
	until := make([]float64, len(bins))
	var total float64
	for i, b := range bins {
		if !math.IsNaN(b.Sum) {
			total += b.Sum
		}
		until[i] = total
	}
	unit, label := timeUnit(total)
	return runAxis{Label: label + " of training steps", Note: "The run has recorded no wall times; this is the time spent in training steps.",
		at: func(step int) float64 {
			before, from := 0.0, 0
			for i, b := range bins {
				if step <= b.Last {
					part := 1.0
					if b.Last > from {
						part = float64(max(step-from, 0)) / float64(b.Last-from)
					}
					return (before + part*(until[i]-before)) / unit
				}
				before, from = until[i], b.Last
			}
			return before / unit
		}}, true, nil
}

// timeUnit is what so many seconds are best shown in.
func timeUnit(seconds float64) (unit float64, label string) {
	switch {
	case seconds < 300:
		return 1, "seconds"
	case seconds < 5*3600:
		return 60, "minutes"
	}
	return 3600, "hours"
}

// stepsPerEpoch is how many updates one pass over the recorded training images has; 0 if that is not known.
func stepsPerEpoch(run *store.Run) float64 {
	var environment struct{ Dataset struct{ Images int } }
	if json.Unmarshal(run.Environment, &environment) != nil || environment.Dataset.Images <= 0 {
		return 0
	}
	resolved, err := config.Parse(run.Slug, []byte(run.ResolvedYAML), nil)
	if err != nil {
		return 0
	}
	c := resolved.Config
	return float64(dataset.StepsPerEpoch(environment.Dataset.Images, c.Train.BatchSize, c.Data.DropLast))
}
