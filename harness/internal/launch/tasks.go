package launch

import (
	"context"
	"fmt"

	"flowharness/harness/internal/slurm"
	"flowharness/harness/internal/sweep"
)

// TaskInfo is how far a task of a sweep is.
type TaskInfo struct {
	Task    string           `json:"task"`
	Variant string           `json:"variant"` // of the run that is trained
	Seed    uint64           `json:"seed"`
	Runs    int              `json:"runs"`
	Done    int              `json:"done"`  // runs that have come to their end, and are in the store
	State   string           `json:"state"` // one of [TaskStates]
	Report  sweep.TaskReport `json:"status"`
}

// States of tasks that runs do not have.
const (
	StateCollectable = "collectable" // its runs are done, and not in the store yet
	StateQueued      = "queued"      // it waits for its turn on a cluster
)

// TaskStates lists the states of tasks: those of their runs, and the two above.
func TaskStates() []string {
	return []string{string(sweep.StateDone), string(sweep.StateDiverged), string(sweep.StateStopped), StateCollectable,
		string(sweep.StateRunning), StateQueued,
		string(sweep.StateInterrupted), string(sweep.StateFailed), string(sweep.StateNew)}
}

// Tasks says how far all tasks are.
func (s *Session) Tasks(ctx context.Context) ([]TaskInfo, error) {
	queue := map[string]slurm.Task{}
	if s.submitted() {
		cluster, err := s.slurm()
		if err == nil {
			queue, err = cluster.States(ctx)
		}
		if err != nil {
			s.warn("what is in the queue of the cluster could not be found out: %v", err)
		}
	}
	var list []TaskInfo
	for _, t := range s.Plan.Tasks {
		info := TaskInfo{Task: t.Key(), Variant: s.Plan.Variants[t.Runs[0].Variant].Label, Seed: t.Runs[0].Config.Config.Seed,
			Runs: len(t.Runs), State: string(s.taskState(t))}
		for _, r := range t.Runs {
			if s.State(t, r).Ended() {
				info.Done++
			}
		}
		var err error
		if info.Report, err = s.Folder.ReadReport(t.Key()); err != nil {
			return nil, fmt.Errorf("task %s: %w", t.Key(), err)
		}
		queued, waits := queue[t.Key()]
		switch {
		case waits && queued.State.Waiting():
			info.State, info.Report.Doing = StateQueued, queued.Reason
		case waits:
			info.State = string(sweep.StateRunning)
		case !s.taskState(t).Ended() && info.Report.State == sweep.TaskDone:
			info.State = StateCollectable
		}
		list = append(list, info)
	}
	return list, nil
}

// taskState is that of the task's runs that are least far; of a trial that was
// stopped it is that.
func (s *Session) taskState(t sweep.Task) sweep.State {
	for _, r := range t.Runs {
		if state := s.State(t, r); state == sweep.StateStopped {
			return state
		}
	}
	return s.Inventory.Task(t)
}
