package sweep

import (
	"context"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// State says how far a run of a plan is.
type State string

// The states of runs.
const (
	StateNew         State = "new"         // there is no such run
	StateDone        State = "done"        // finished
	StateDiverged    State = "diverged"    // came to an end of its own, too
	StateRunning     State = "running"     // some process makes it right now
	StateInterrupted State = "interrupted" // can be continued: it was stopped, killed or has failed
	StateFailed      State = "failed"      // the same, and the reason is an error
	StateStopped     State = "stopped"     // a trial that a search has stopped early
)

// Ended tells whether there is nothing left to do for a run.
func (s State) Ended() bool { return s.CameToEnd() || s == StateStopped }

// CameToEnd tells whether a run has ended by itself, and can be compared.
func (s State) CameToEnd() bool { return s == StateDone || s == StateDiverged }

// Recognition says which runs of a store count as runs of a plan.
type Recognition struct {
	Code  string    // only runs of this code version; empty: of any
	Since time.Time // only runs created at or after this time; zero: all
	// StopsTrials is set where a run that a search has stopped counts as ended. To
	// another sweep, and while it is decided which trials go on, it is one that can
	// be continued.
	StopsTrials bool
}

// Found is a run of a plan and how far it is.
type Found struct {
	State State
	Run   store.RunInfo // zero if the state is new
}

// Inventory is what a store holds of a plan, by config hash.
type Inventory map[string]Found

// Inspect looks up the runs of a plan. A run is recognised by its config hash,
// which the seed is part of, and by its code version. Of several with one hash the
// one that is furthest counts, and of those the latest.
func Inspect(ctx context.Context, st *store.Store, hashes []string, r Recognition) (Inventory, error) {
	list, err := st.RunsOf(ctx, hashes...)
	if err != nil {
		return nil, err
	}
	inventory := Inventory{}
	for _, run := range list {
		if r.Code != "" && run.CodeVersion != r.Code || run.CreatedAt.Before(r.Since) {
			continue
		}
		found := Found{r.state(run.Status), run}
		if known, ok := inventory[run.ConfigHash]; !ok || rank[found.State] >= rank[known.State] {
			inventory[run.ConfigHash] = found
		}
	}
	return inventory, nil
}

// rank orders states by how much of a run is left to be done.
var rank = map[State]int{StateFailed: 1, StateInterrupted: 1, StateRunning: 2, StateStopped: 3, StateDiverged: 4, StateDone: 5}

func (r Recognition) state(status record.Status) State {
	switch status {
	case record.StatusStopped:
		if r.StopsTrials {
			return StateStopped
		}
		return StateInterrupted
	case record.StatusFinished:
		return StateDone
	case record.StatusDiverged:
		return StateDiverged
	case record.StatusRunning:
		return StateRunning
	case record.StatusFailed:
		return StateFailed
	default:
		return StateInterrupted
	}
}

// Of is what is known of a run of a plan.
func (inv Inventory) Of(r PlannedRun) Found {
	if found, ok := inv[r.Config.Hash]; ok {
		return found
	}
	return Found{State: StateNew}
}

// State is the state of a run of a task. One that shares a training which has
// diverged or was stopped has no run of its own, and has the state of that.
func (inv Inventory) State(t Task, r PlannedRun) State {
	if found := inv.Of(r); found.State != StateNew {
		return found.State
	}
	if trained := inv.Of(t.Runs[0]).State; trained == StateDiverged || trained == StateStopped {
		return trained
	}
	return StateNew
}

// Task is the state of a task: that of the run that is least far. A training
// that diverged ends the runs that share it, too.
func (inv Inventory) Task(t Task) State {
	least := StateDone
	for _, r := range t.Runs {
		if s := inv.State(t, r); rank[s] < rank[least] {
			least = s
		}
	}
	return least
}

// progress grows with what is made of a task: the updates of its training, and
// the runs that have ended.
func (inv Inventory) progress(t Task) int {
	far := inv.Of(t.Runs[0]).Run.LastStep
	for _, r := range t.Runs {
		if inv.State(t, r).Ended() {
			far++
		}
	}
	return far
}

// Left are the tasks that are not ended.
func (inv Inventory) Left(p *Plan) []Task {
	var left []Task
	for _, t := range p.Tasks {
		if !inv.Task(t).Ended() {
			left = append(left, t)
		}
	}
	return left
}
