package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flowharness/harness/internal/record"
)

func TestExtractingARunTwiceGivesTheSameBytes(t *testing.T) {
	s := openTemp(t)
	recordFully(t, s, "first", 1, record.StatusFinished)
	run := recordFully(t, s, "second", 2, record.StatusInterrupted)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")
	must(t, s.Extract(t.Context(), run.ID, a))
	recordFully(t, s, "third", 3, record.StatusFinished)
	time.Sleep(1100 * time.Millisecond) // the clock of the migrations' table counts seconds
	must(t, s.Extract(t.Context(), run.ID, b))
	if string(get(os.ReadFile(a))(t)) != string(get(os.ReadFile(b))(t)) {
		t.Error("the two files differ")
	}
	if len(listFolder(t, dir)) != 2 {
		t.Errorf("the folder holds %v", listFolder(t, dir))
	}
	// From a store that it was merged into, too.
	other := openTemp(t)
	recordFully(t, other, "own", 4, record.StatusFinished)
	checkMerge(t, other, a, MergeResult{Added: 1})
	c := filepath.Join(dir, "c.db")
	must(t, other.Extract(t.Context(), run.ID, c))
	if string(get(os.ReadFile(a))(t)) != string(get(os.ReadFile(c))(t)) {
		t.Error("extracted from another store, it differs")
	}
	if err := s.Extract(t.Context(), run.ID, a); err == nil {
		t.Error("a file that exists was overwritten")
	}
	live := newRun(t, s, "live")
	if err := s.Extract(t.Context(), live.ID, filepath.Join(dir, "d.db")); !errors.Is(err, ErrRunning) {
		t.Errorf("the error about a live run is %v", err)
	}
}
