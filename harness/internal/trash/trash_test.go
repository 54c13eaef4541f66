package trash

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

func TestEmptyingTheTrashDeletesItsRunsWithTheirCheckpointsAndNoOther(t *testing.T) {
	st := openStore(t)
	kept, archived, gone := recordOne(t, st, "kept"), recordOne(t, st, "archived"), recordOne(t, st, "gone")
	if err := errors.Join(st.Archive(t.Context(), archived.ID), st.Trash(t.Context(), gone.ID)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} { // the second time there is nothing left
		if n, err := Empty(t.Context(), st); err != nil || n != want {
			t.Fatalf("deleted %d runs: %v", n, err)
		}
	}
	for _, c := range []struct {
		run  store.RunInfo
		left bool
	}{{kept, true}, {archived, true}, {gone, false}} {
		_, err := st.Run(t.Context(), c.run.ID)
		_, statErr := os.Stat(checkpoint.RunDir(st.Path(), c.run.ID))
		if (err == nil) != c.left || (statErr == nil) != c.left {
			t.Errorf("%s: in the store %v, its checkpoints %v, want both there: %v", c.run.Name, err, statErr, c.left)
		}
	}
}

func TestDeletingStopsAtTheFirstRunThatCannotBe(t *testing.T) {
	st := openStore(t)
	first, last := recordOne(t, st, "first"), recordOne(t, st, "last")
	live, err := st.CreateRun(t.Context(), store.NewRun{Name: "live", ResolvedYAML: "seed: 1"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := Delete(t.Context(), st, first, live.RunInfo, last)
	if n != 1 || !errors.Is(err, store.ErrRunning) || !strings.Contains(err.Error(), live.Slug) {
		t.Errorf("deleted %d runs: %v", n, err)
	}
	if _, err := os.Stat(checkpoint.RunDir(st.Path(), last.ID)); err != nil {
		t.Error(err)
	}
	missing := store.RunInfo{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Slug: "no-run-1"}
	if n, err = Delete(t.Context(), st, missing); n != 0 || err == nil {
		t.Errorf("of a run that does not exist, %d were deleted", n)
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// record makes a finished run that has a checkpoint.
func recordOne(t *testing.T, st *store.Store, name string) store.RunInfo {
	t.Helper()
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: name, ResolvedYAML: "seed: 1"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(t.Context(), run.ID)
	if err == nil {
		err = w.Finish(t.Context(), record.StatusFinished, "")
	}
	dir := checkpoint.RunDir(st.Path(), run.ID)
	if err == nil {
		err = os.MkdirAll(dir, 0o777)
	}
	if err == nil {
		err = os.WriteFile(checkpoint.Path(dir, 1), []byte("weights"), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return run.RunInfo
}
