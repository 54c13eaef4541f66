package launch

import (
	"context"
	"fmt"

	"flowharness/harness/internal/sweep"
)

// TaskInfo is how far a task of a sweep is.
type TaskInfo struct {
	Task    string       `json:"task"`
	Variant string       `json:"variant"` // of the run that is trained
	Seed    uint64       `json:"seed"`
	Runs    int          `json:"runs"`
	Done    int          `json:"done"`  // runs that have come to their end, and are in the store
	State   string       `json:"state"` // one of [TaskStates]
	Status  sweep.Status `json:"status"`
}

// TaskStates lists the states of tasks: those of their runs, and besides
// "collectable" for a task whose runs are done but not in the store yet, and
// "queued" for one that waits for its turn on a cluster.
func TaskStates() []string {
	return []string{string(sweep.StateDone), string(sweep.StateDiverged), "collectable", string(sweep.StateRunning), "queued",
		string(sweep.StateInterrupted), string(sweep.StateFailed), string(sweep.StateNew)}
}

// Tasks says how far all tasks are.
func (s *Session) Tasks(ctx context.Context) ([]TaskInfo, error) {
	var list []TaskInfo
	for _, t := range s.Plan.Tasks {
		info := TaskInfo{Task: t.Key(), Variant: s.Plan.Variants[t.Runs[0].Variant].Label, Seed: t.Runs[0].Config.Config.Seed,
			Runs: len(t.Runs), State: string(s.Inventory.Task(t))}
		for _, r := range t.Runs {
			if s.Inventory.State(t, r).Ended() {
				info.Done++
			}
		}
		var err error
		if info.Status, err = s.Folder.ReadStatus(t.Key()); err != nil {
			return nil, fmt.Errorf("task %s: %w", t.Key(), err)
		}
		list = append(list, info)
	}
	return list, nil
}
