// Package progress tells from a store how far runs and sweeps are, and when they
// will have ended, for whatever shows it.
package progress

import (
	"math"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Progress is how far the training of a run is.
type Progress struct {
	Step, Total int           // updates done and wanted; Total is 0 before the first
	Rate        float64       // updates a second; 0 if that is not known
	ETA         time.Duration // until the last update; 0 if it is not known or the run is not running
	Doing       string        // what a running run does before its first update and after its last, if that is known
}

// Percent is how much of the training is done, in whole percent; 0 before its length is known.
func (p Progress) Percent() int { return 100 * p.Step / max(1, p.Total) }

var (
	stepTimes    = record.PhaseSeries(record.PhaseStep)
	compileTimes = record.PhaseSeries(record.PhaseCompile) // spent once, before the first update
)

// recent is how many updates the time of an update is taken from.
const recent = 100

// Of computes the progress of a run as of now, from the summaries of its series
// and the last points of its series time/step, in seconds.
//
// An update counts as long as the latest ones took, plus its share of everything
// else that was done between updates so far: waiting for data, validation, grids,
// checkpoints. What comes after the last update is left out. Between two signs of
// life, time goes on.
func Of(run store.RunInfo, summaries []store.SeriesSummary, steps []store.Point, now time.Time) Progress {
	p := Progress{Step: run.LastStep, Total: run.TotalSteps}
	seconds := secondsPerStep(run, summaries, steps)
	if seconds <= 0 {
		return p
	}
	p.Rate = 1 / seconds
	if run.Status == record.StatusRunning && p.Step < p.Total {
		left := time.Duration(float64(p.Total-p.Step) * seconds * float64(time.Second))
		p.ETA = max(0, left-max(0, now.Sub(run.HeartbeatAt)))
	}
	return p
}

// secondsPerStep is 0 if it is not known.
func secondsPerStep(run store.RunInfo, summaries []store.SeriesSummary, steps []store.Point) float64 {
	var sum float64
	n := 0
	for _, p := range steps[max(0, len(steps)-recent):] {
		if finite(p.Value) {
			sum, n = sum+p.Value, n+1
		}
	}
	if n == 0 {
		return 0
	}
	var others float64
	for _, s := range summaries {
		if isPhase(s.Name) && s.Name != stepTimes && s.Name != compileTimes && finite(s.Sum) {
			others += s.Sum
		}
	}
	return sum/float64(n) + others/float64(max(1, run.LastStep))
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func isPhase(series string) bool {
	_, ok := record.Phase(series)
	return ok
}
