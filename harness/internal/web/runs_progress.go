package web

import (
	"context"
	"math"
	"strings"
	"time"

	"flowharness/harness/internal/store"
)

// runProgress is how far a live run is.
type runProgress struct {
	Step, Total int
	Percent     int
	ETA         time.Duration // 0: not known
}

// latestSteps is how many updates the time of an update is taken from.
const latestSteps = 100

// runsProgress is nil of a run that is not live, or has not begun.
func (s *Server) runsProgress(ctx context.Context, r *store.RunInfo, now time.Time) (*runProgress, error) {
	if r.Status != store.StatusRunning || r.TotalSteps <= 0 {
		return nil, nil
	}
	p := &runProgress{Step: r.LastStep, Total: r.TotalSteps, Percent: 100 * r.LastStep / r.TotalSteps}
	steps, err := s.Store.Tail(ctx, r.ID, "time/step", latestSteps)
	if err != nil || len(steps) == 0 {
		return p, err
	}
	summaries, err := s.Store.Summaries(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	var seconds float64
	for _, step := range steps {
		seconds += step.Value / float64(len(steps))
	}
	for _, series := range summaries {
		if strings.HasPrefix(series.Name, "time/") && series.Name != "time/step" && series.Name != "time/compile" {
			seconds += series.Sum / float64(max(1, r.LastStep))
		}
	}
	left := seconds * float64(r.TotalSteps-r.LastStep)
	if !math.IsNaN(left) && left < 1e9 {
		p.ETA = max(0, time.Duration(left*float64(time.Second))-max(0, now.Sub(r.HeartbeatAt)))
	}
	return p, nil
}
