package progress

import (
	"context"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Variant is one variant of a sweep with those of its runs that the store holds.
type Variant struct {
	Label   string
	Planned int // runs; 0 if that is not known
	Runs    []store.RunInfo
}

// RecordedSweep is how far a sweep is, as far as its store tells without the sweep's folder, which may lie on another
// machine.
type RecordedSweep struct {
	Counts  []StatusCount // without statuses that no run has
	Waiting int           // planned runs that do not exist yet
	Runs    int           // planned, or known
	Ended   int           // finished, diverged, or stopped by the search
	ETA     time.Duration // until all runs have ended, see [Sweep.ETA]; 0 if it is not known
	Failing []FailingRun
}

// StatusCount is how many runs have a status.
type StatusCount struct {
	Status record.Status
	Count  int
}

// FailingRun is a run that will not come to its end by itself.
type FailingRun struct {
	store.RunInfo
	Variant string
}

// ReadRecordedSweep counts the runs of the variants as of now, and estimates when all will have ended.
func ReadRecordedSweep(ctx context.Context, st *store.Store, variants []Variant, now time.Time) (RecordedSweep, error) {
	var s RecordedSweep
	var left estimate
	counts := map[record.Status]int{}
	trained := 0 // of the runs that have ended
	for _, v := range variants {
		s.Runs += max(v.Planned, len(v.Runs))
		s.Waiting += max(0, v.Planned-len(v.Runs))
		for _, run := range v.Runs {
			counts[run.Status]++
			switch run.Status {
			case record.StatusFinished, record.StatusDiverged:
				s.Ended++
				if run.TrainedBy == "" {
					trained++
				}
				left.ended(run)
			case record.StatusStopped:
				s.Ended++
				trained++
			case record.StatusRunning:
				p, err := ReadProgress(ctx, st, run, now)
				if err != nil {
					return s, err
				}
				left.running(p)
			default:
				s.Failing = append(s.Failing, FailingRun{run, v.Label})
			}
		}
	}
	for _, status := range record.Statuses() {
		if n := counts[status]; n > 0 {
			s.Counts = append(s.Counts, StatusCount{status, n})
		}
	}
	// Which of the runs that wait take over a training is not known: as many, in proportion, as of those that have ended.
	left.parts = float64(s.Waiting)
	if s.Ended > 0 {
		left.parts *= float64(trained) / float64(s.Ended)
	}
	s.ETA = left.eta()
	return s, nil
}
