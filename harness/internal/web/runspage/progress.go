package runspage

import (
	"context"
	"time"

	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// runsProgress is nil of a run that is not live, or has not begun.
func (s *Pages) runsProgress(ctx context.Context, r *store.RunInfo, now time.Time) (*progress.Progress, error) {
	if r.Status != record.StatusRunning || r.TotalSteps <= 0 {
		return nil, nil
	}
	p, err := progress.ReadProgress(ctx, s.Store, *r, now)
	return &p, err
}
