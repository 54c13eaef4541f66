package launch

import (
	"path/filepath"
	"testing"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/sweep"
)

// TestTrialsThatAnEarlierVersionStoppedAreTakenOver: it kept them in a file of the sweep's folder.
func TestTrialsThatAnEarlierVersionStoppedAreTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "harness.db")
	s := &Session{Path: path, Store: openStore(t, path), Memory: sweep.Memory{Stopped: []string{"behind", "ahead"}}}
	plan := &sweep.Plan{File: &sweep.File{Name: "lr"}, Variants: []sweep.Variant{{Label: "behind"}, {Label: "ahead"}, {Label: "other"}}}
	statuses := []record.Status{record.StatusInterrupted, record.StatusFinished, record.StatusInterrupted}
	var ids, hashes []string
	for i, status := range statuses {
		hash := plan.Variants[i].Label
		hashes, ids = append(hashes, hash), append(ids, recordAs(t, s.Store, hash, status))
		plan.Tasks = append(plan.Tasks, sweep.Task{Runs: []sweep.PlannedRun{{Variant: i, Config: &config.Resolved{Hash: hash}}}})
	}
	s.Plan = plan
	states := func(r sweep.Recognition) (list [3]sweep.State) {
		t.Helper()
		var err error
		if s.Inventory, err = sweep.Inspect(t.Context(), s.Store, hashes, r); err != nil {
			t.Fatal(err)
		}
		for i, task := range plan.Tasks {
			list[i] = s.State(task, task.Runs[0])
		}
		return list
	}
	want := [3]sweep.State{sweep.StateStopped, sweep.StateDone, sweep.StateInterrupted}
	if got := states(sweep.Recognition{StopsTrials: true}); got != want {
		t.Errorf("before, they are %v, want %v", got, want)
	}
	if err := s.adoptStopped(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := states(sweep.Recognition{StopsTrials: true}); got != want || len(s.Memory.Stopped) > 0 {
		t.Errorf("then they are %v, want %v; the file keeps %v", got, want, s.Memory.Stopped)
	}
	run, err := s.Store.Run(t.Context(), ids[0])
	if err != nil || run.Status != record.StatusStopped || run.StatusReason != "sweep lr stopped it" {
		t.Errorf("the trial is recorded as %s (%s): %v", run.Status, run.StatusReason, err)
	}
}
