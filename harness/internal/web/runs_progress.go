package web

import (
	"context"
	"time"

	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/store"
)

// runProgress is how far a live run is.
type runProgress struct {
	progress.Progress
	Percent int
}

// runsProgress is nil of a run that is not live, or has not begun.
func (s *Server) runsProgress(ctx context.Context, r *store.RunInfo, now time.Time) (*runProgress, error) {
	if r.Status != store.StatusRunning || r.TotalSteps <= 0 {
		return nil, nil
	}
	p, err := progress.ReadProgress(ctx, s.Store, *r, now)
	return &runProgress{p, 100 * r.LastStep / r.TotalSteps}, err
}
