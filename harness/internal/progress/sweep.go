package progress

import (
	"context"
	"math"
	"os"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

// Sweep is how far a sweep is.
type Sweep struct {
	Name  string
	Runs  int
	Count map[sweep.State]int // runs in each state; together they are Runs
	Live  []Live              // the runs that are being made, in the order of the plan
	// ETA is the time until all runs are made, as if each of those that are left
	// took as long as the others on the average and as many went on at once as do
	// now; 0 if it is not known.
	ETA time.Duration
	// Ended tells that all is made, or that nobody is at work on what is left. Of a
	// sweep on a cluster the latter is not known.
	Ended bool
}

// Live is a run that is being made.
type Live struct {
	Slug, Variant string
	Seed          uint64
	Progress      Progress
	Loss          float64 // the latest; NaN before the first
	Doing         string  // what it does, if it does not train and that is known
}

// States lists the states of runs in the order in which they are told.
func States() []sweep.State {
	return []sweep.State{sweep.StateDone, sweep.StateDiverged, sweep.StateStopped, sweep.StateRunning, sweep.StateInterrupted,
		sweep.StateFailed, sweep.StateNew}
}

// Left is the number of runs that have not come to their end.
func (s Sweep) Left() int {
	left := s.Runs
	for state, n := range s.Count {
		if state.Ended() {
			left -= n
		}
	}
	return left
}

// SweepReader reads a sweep again and again.
type SweepReader struct {
	store  *store.Store
	folder sweep.Folder
	plan   *sweep.Plan
}

// OpenSweep reads the plan of a sweep that was run with a store. A name that no
// sweep has is [sweep.ErrNotRun].
func OpenSweep(st *store.Store, name string) (*SweepReader, error) {
	folder := sweep.FolderOf(st.Path(), st.ID(), name)
	plan, err := folder.ReadPlan()
	if err != nil {
		return nil, err
	}
	return &SweepReader{st, folder, plan}, nil
}

// silence is how old the word of a process may be that records into a store of
// its own, on another machine perhaps.
const silence = 2 * time.Minute

// Read reads how far the sweep is as of now.
func (r *SweepReader) Read(ctx context.Context, now time.Time) (Sweep, error) {
	memory, err := r.folder.Recall()
	if err != nil {
		return Sweep{}, err
	}
	recognition := sweep.Recognition{Code: memory.Code, Since: memory.Since, StopsTrials: r.plan.File.StopsTrials()}
	if memory.AnyCode {
		recognition.Code = ""
	}
	// Asked for first: what a process that ends now has recorded is seen then.
	owner, _ := r.folder.Owner()
	inventory, err := sweep.Inspect(ctx, r.store, r.plan.Hashes(), recognition)
	if err != nil {
		return Sweep{}, err
	}
	s := Sweep{Name: r.plan.File.Name, Runs: r.plan.Runs(), Count: map[sweep.State]int{}}
	var left estimate
	for _, t := range r.plan.Tasks {
		report, elsewhere, err := r.elsewhere(t, inventory, now)
		if err != nil {
			return s, err
		}
		for i, run := range t.Runs {
			state, found := inventory.State(t, run), inventory.Of(run)
			variant := r.plan.Variants[run.Variant].Label
			switch {
			case memory.StoppedEarlier(state, variant):
				state = sweep.StateStopped
			case elsewhere && i == 0 && !state.Ended():
				state = sweep.StateRunning
			}
			s.Count[state]++
			live := Live{Variant: variant, Seed: run.Config.Config.Seed}
			switch {
			case state == sweep.StateRunning && found.State == sweep.StateRunning:
				live.Slug, live.Loss = found.Run.Slug, math.NaN()
				if found.Run.Loss != nil {
					live.Loss = found.Run.Loss.Last
				}
				if live.Progress, err = ReadProgress(ctx, r.store, found.Run, now); err != nil {
					return s, err
				}
				s.Live = append(s.Live, live)
				left.running(live.Progress)
			case state == sweep.StateRunning:
				live.Slug, live.Loss, live.Doing = report.Run, report.Loss, report.Doing
				live.Progress = Progress{Step: report.Step, Total: report.Steps}
				s.Live = append(s.Live, live)
				left.running(live.Progress)
			case i == 0 && state.Ended():
				left.ended(found.Run)
			case i == 0: // the others take over its training
				left.waiting(found.Run)
			}
		}
	}
	s.ETA = left.eta()
	s.Ended = s.Left() == 0 || owner == 0 && len(s.Live) == 0 && memory.Launcher != sweep.LauncherSlurm
	return s, nil
}

// elsewhere tells whether a task is made by a process that records into a store
// of its own, and what that process says.
func (r *SweepReader) elsewhere(t sweep.Task, inventory sweep.Inventory, now time.Time) (sweep.TaskReport, bool, error) {
	if state := inventory.Task(t); state.Ended() || state == sweep.StateRunning {
		return sweep.TaskReport{}, false, nil
	}
	if _, err := os.Stat(r.folder.ShardPath(t.Key())); err != nil {
		return sweep.TaskReport{}, false, nil
	}
	report, err := r.folder.ReadReport(t.Key())
	return report, err == nil && report.State == sweep.TaskRunning && now.Sub(report.Updated) < silence, err
}

// estimate collects what the time that is left is computed from: times in seconds.
type estimate struct {
	lanes   int     // runs that are being made
	longest float64 // of what is left of them
	sum     float64
	unknown bool    // how long one of them takes
	parts   float64 // of runs that wait: 1 for a whole one
	known   int     // runs of which it is known how long they take
	total   float64 // that time
}

func (e *estimate) running(p Progress) {
	e.lanes++
	if p.Rate == 0 {
		e.unknown = true
		return
	}
	e.longest, e.sum = max(e.longest, p.ETA.Seconds()), e.sum+p.ETA.Seconds()
	e.known, e.total = e.known+1, e.total+float64(p.Total)/p.Rate
}

func (e *estimate) ended(run store.RunInfo) {
	if run.TrainedBy == "" && run.Status == record.StatusFinished && run.StartedAt.Equal(run.CreatedAt) {
		e.known, e.total = e.known+1, e.total+run.EndedAt.Sub(run.StartedAt).Seconds()
	}
}

func (e *estimate) waiting(run store.RunInfo) {
	e.parts++
	if run.TotalSteps > 0 {
		e.parts -= float64(run.LastStep) / float64(run.TotalSteps)
	}
}

func (e *estimate) eta() time.Duration {
	if e.lanes == 0 || e.unknown {
		return 0
	}
	if e.parts > 0 {
		e.sum += e.parts * e.total / float64(e.known)
	}
	return time.Duration(max(e.longest, e.sum/float64(e.lanes)) * float64(time.Second))
}
