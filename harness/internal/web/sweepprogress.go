package web

import (
	"time"

	"flowharness/harness/internal/store"
)

// sweepProgress is how far a sweep is.
type sweepProgress struct {
	Counts  []statusCount // by status, without those of none
	Waiting int           // planned runs that do not exist yet
	Runs    int           // planned, or known
	Ended   int           // finished or diverged
	Left    time.Duration // until all have ended, at the pace so far; 0 if it is not known
	Failing []failingRun
}

type statusCount struct {
	Status store.Status
	Count  int
}

// failingRun is one that will not come to its end by itself.
type failingRun struct {
	store.RunInfo
	Variant string
}

func progressOf(variants []variant, now time.Time) sweepProgress {
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
				if run.LastStep > 0 {
					left += time.Duration(float64(now.Sub(run.StartedAt)) * float64(max(0, run.TotalSteps-run.LastStep)) / float64(run.LastStep))
				}
			default:
				p.Failing = append(p.Failing, failingRun{run, v.Label})
			}
		}
	}
	for _, status := range store.Statuses() {
		if n := counts[status]; n > 0 {
			p.Counts = append(p.Counts, statusCount{status, n})
		}
	}
	if running > 0 && (finished > 0 || p.Waiting == 0) {
		if p.Waiting > 0 {
			left += took / time.Duration(finished) * time.Duration(p.Waiting)
		}
		p.Left = left / time.Duration(running)
	}
	return p
}
