package sweep

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

func TestOfSeveralRunsTheFurthestCounts(t *testing.T) {
	const (
		running     = record.StatusRunning
		finished    = record.StatusFinished
		diverged    = record.StatusDiverged
		failed      = record.StatusFailed
		interrupted = record.StatusInterrupted
	)
	for _, tc := range []struct {
		name  string
		runs  []record.Status // oldest first
		state State
		which int // index into runs
	}{
		{"no run", nil, StateNew, 0},
		{"one that is done", []record.Status{finished}, StateDone, 0},
		{"done before interrupted", []record.Status{finished, interrupted}, StateDone, 0},
		{"done before diverged", []record.Status{finished, diverged}, StateDone, 0},
		{"diverged before running", []record.Status{diverged, running}, StateDiverged, 0},
		{"running before failed", []record.Status{running, failed}, StateRunning, 0},
		{"of failed and interrupted the latest", []record.Status{interrupted, failed}, StateFailed, 1},
		{"of interrupted and failed the latest", []record.Status{failed, interrupted}, StateInterrupted, 1},
		{"of those that are done the latest", []record.Status{finished, failed, finished}, StateDone, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st := openStore(t)
			var ids []string
			for _, status := range tc.runs {
				ids = append(ids, recordRun(t, st, "a", "v1", status))
			}
			recordRun(t, st, "other", "v1", finished)
			found := inspect(t, st, Recognition{}).Of(PlannedRun{Config: &config.Resolved{Hash: "a"}})
			if found.State != tc.state {
				t.Errorf("it is %s, want %s", found.State, tc.state)
			}
			if len(ids) > 0 && found.Run.ID != ids[tc.which] {
				t.Errorf("it is run %s of %v, want the one at %d", found.Run.ID, ids, tc.which)
			}
		})
	}
}

func TestAStoppedTrialHasEndedForItsSearchAlone(t *testing.T) {
	st := openStore(t)
	id := recordRun(t, st, "a", "v1", record.StatusInterrupted)
	if err := st.StopRun(t.Context(), id, "it was behind"); err != nil {
		t.Fatal(err)
	}
	run := PlannedRun{Config: &config.Resolved{Hash: "a"}}
	sharing := PlannedRun{Config: &config.Resolved{Hash: "shares the training"}}
	task := Task{Runs: []PlannedRun{run, sharing}}
	search, other := inspect(t, st, Recognition{StopsTrials: true}), inspect(t, st, Recognition{})
	for _, tc := range []struct {
		inventory Inventory
		run       PlannedRun
		want      State
	}{{search, run, StateStopped}, {search, sharing, StateStopped}, {other, run, StateInterrupted}, {other, sharing, StateNew}} {
		if got := tc.inventory.State(task, tc.run); got != tc.want {
			t.Errorf("%s is %s, want %s", tc.run.Config.Hash, got, tc.want)
		}
	}
	if !search.Task(task).Ended() || other.Task(task).Ended() {
		t.Errorf("the task is %s to its search and %s to another sweep", search.Task(task), other.Task(task))
	}
}

func TestOnlyRunsOfTheSameCodeAndTimeCount(t *testing.T) {
	st := openStore(t)
	old := recordRun(t, st, "a", "v1", record.StatusFinished)
	run, err := st.Run(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		r    Recognition
		want State
	}{
		{"any code at any time", Recognition{}, StateDone},
		{"the same code", Recognition{Code: "v1"}, StateDone},
		{"other code", Recognition{Code: "v2"}, StateNew},
		{"made at that time", Recognition{Since: run.CreatedAt}, StateDone},
		{"made before that time", Recognition{Since: run.CreatedAt.Add(time.Millisecond)}, StateNew},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := inspect(t, st, tc.r).Of(PlannedRun{Config: &config.Resolved{Hash: "a"}}).State; got != tc.want {
				t.Errorf("it is %s, want %s", got, tc.want)
			}
		})
	}
}

func TestARunInTheTrashIsToBeMadeAgainAndAnArchivedOneIsNot(t *testing.T) {
	st := openStore(t)
	id := recordRun(t, st, "a", "v1", record.StatusFinished)
	for _, tc := range []struct {
		name   string
		change func(context.Context, ...string) error
		want   State
	}{
		{"archived", st.Archive, StateDone},
		{"in the trash", st.Trash, StateNew},
		{"taken out of it", st.Restore, StateDone},
	} {
		if err := tc.change(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := inspect(t, st, Recognition{}).Of(PlannedRun{Config: &config.Resolved{Hash: "a"}}).State; got != tc.want {
			t.Errorf("%s: it is %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestATaskIsAsFarAsTheRunThatIsLeastFar(t *testing.T) {
	task := Task{Runs: []PlannedRun{{Config: &config.Resolved{Hash: "a"}}, {Config: &config.Resolved{Hash: "b"}}}}
	for _, tc := range []struct {
		name          string
		first, second State // "" is new
		want          State
	}{
		{"nothing done", "", "", StateNew},
		{"trained but not drawn", StateDone, "", StateNew},
		{"being drawn", StateDone, StateRunning, StateRunning},
		{"all done", StateDone, StateDone, StateDone},
		{"the training failed", StateFailed, "", StateNew},
		{"the training diverged", StateDiverged, "", StateDiverged},
		{"the drawing failed", StateDone, StateFailed, StateFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inventory := Inventory{}
			for hash, state := range map[string]State{"a": tc.first, "b": tc.second} {
				if state != "" {
					inventory[hash] = Found{State: state}
				}
			}
			if got := inventory.Task(task); got != tc.want {
				t.Errorf("it is %s, want %s", got, tc.want)
			}
			left := len(inventory.Left(&Plan{Tasks: []Task{task}}))
			if ended := tc.want == StateDone || tc.want == StateDiverged; ended != (left == 0) {
				t.Errorf("%d tasks are left", left)
			}
		})
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "harness.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// recordRun records a run that has ended in some way, or is running.
func recordRun(t *testing.T, st *store.Store, hash, code string, status record.Status) string {
	t.Helper()
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "x", ResolvedYAML: "seed: 0", ConfigHash: hash, CodeVersion: code,
		Environment: struct{}{}})
	if err != nil {
		t.Fatal(err)
	}
	if status == record.StatusRunning {
		return run.ID
	}
	w, err := st.OpenWriter(t.Context(), run.ID)
	if err == nil {
		err = w.Finish(t.Context(), status, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return run.ID
}

func inspect(t *testing.T, st *store.Store, r Recognition) Inventory {
	t.Helper()
	inventory, err := Inspect(t.Context(), st, []string{"a"}, r)
	if err != nil {
		t.Fatal(err)
	}
	return inventory
}
