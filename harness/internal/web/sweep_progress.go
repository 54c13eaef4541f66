package web

import (
	"context"
	"time"

	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/store"
)

// sweepProgress is how far a sweep is.
type sweepProgress struct {
	Counts  []sweepCount  // by status, without those of none
	Waiting int           // planned runs that do not exist yet
	Runs    int           // planned, or known
	Ended   int           // finished or diverged
	Left    time.Duration // until all have ended, at the pace so far; 0 if it is not known
	Failing []failingRun
}

type sweepCount struct {
	Status store.Status
	Count  int
}

// failingRun is one that will not come to its end by itself.
type failingRun struct {
	store.RunInfo
	Variant string
}

// sweepProgress counts the runs of variants, and foresees when they will have
// ended: those that wait take as long as the others did, as many at once as now.
func (s *Server) sweepProgress(ctx context.Context, variants []variant) (sweepProgress, error) {
	var p sweepProgress
	counts := map[store.Status]int{}
	var took, left time.Duration // of the finished ones; of the running ones
	running, finished := 0, 0
	for _, v := range variants {
		p.Runs += max(v.Planned, len(v.Runs))
		p.Waiting += max(0, v.Planned-len(v.Runs))
		for _, run := range v.Runs {
			counts[run.Status]++
			switch run.Status {
			case store.StatusFinished, store.StatusDiverged:
				p.Ended++
				if run.TrainedBy == "" {
					took += run.EndedAt.Sub(run.StartedAt)
				}
				finished++
			case store.StatusRunning:
				running++
				far, err := progress.ReadProgress(ctx, s.Store, run, s.Now())
				if err != nil {
					return p, err
				}
				left += far.ETA
			default:
				p.Failing = append(p.Failing, failingRun{run, v.Label})
			}
		}
	}
	for _, status := range store.Statuses() {
		if n := counts[status]; n > 0 {
			p.Counts = append(p.Counts, sweepCount{status, n})
		}
	}
	if running > 0 && (finished > 0 || p.Waiting == 0) {
		if p.Waiting > 0 {
			left += took / time.Duration(finished) * time.Duration(p.Waiting)
		}
		p.Left = left / time.Duration(running)
	}
	return p, nil
}
