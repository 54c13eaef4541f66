package sweep

import (
	"context"
	"time"

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
func (s State) Ended() bool { return s == StateDone || s == StateDiverged || s == StateStopped }

// Recognition says which runs of a store count as runs of a plan.
type Recognition struct {
	Code  string    // only runs of this code version; empty: of any
	Since time.Time // only runs created at or after this time; zero: all
}

// Found is a run of a plan and how far it is.
type Found struct {
	State State
	Run   store.RunInfo // zero if the state is new
}

// Inventory is what a store holds of a plan, by config hash.
type Inventory map[string]Found

// Inspect looks up the runs of a plan. A run is recognised by its config hash,
// which the seed is part of, and by its code version; of several the one counts of
// whose work the least is left by its state, and then the latest.
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
		found := Found{stateOf(run.Status), run}
		if known, ok := inventory[run.ConfigHash]; !ok || rank[found.State] >= rank[known.State] {
			inventory[run.ConfigHash] = found
		}
	}
	return inventory, nil
}

// rank orders states by how much of a run is left to be done.
var rank = map[State]int{StateFailed: 1, StateInterrupted: 1, StateRunning: 2, StateDiverged: 3, StateDone: 4}

func stateOf(status store.Status) State {
	switch status {
	case store.StatusFinished:
		return StateDone
	case store.StatusDiverged:
		return StateDiverged
	case store.StatusRunning:
		return StateRunning
	case store.StatusFailed:
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
// diverged has no run of its own and has diverged with it.
func (inv Inventory) State(t Task, r PlannedRun) State {
	if found := inv.Of(r); found.State != StateNew {
		return found.State
	}
	if inv.Of(t.Runs[0]).State == StateDiverged {
		return StateDiverged
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
