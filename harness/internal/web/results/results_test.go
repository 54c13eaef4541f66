package results

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

func TestAComparisonIsComputedOnceAsLongAsNothingChanges(t *testing.T) {
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "harness.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var runs []*store.Run
	for _, name := range []string{"a", "b"} {
		run, err := st.CreateRun(t.Context(), store.NewRun{Name: name, ConfigHash: name, Process: "flow_match", Dataset: "digits",
			ResolvedYAML: "x: " + name + "\n", Environment: map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	c := New(st)
	get := func() *compare.Result {
		r, err := c.Compare(t.Context(), runs, compare.Options{})
		if err != nil {
			t.Error(err)
		}
		return r
	}
	seen := make([]*compare.Result, 8)
	var wait sync.WaitGroup
	for i := range seen {
		wait.Go(func() { seen[i] = get() })
	}
	wait.Wait()
	for _, r := range append(seen, get()) {
		if r != seen[0] {
			t.Error("one of several viewers got a comparison of his own")
		}
	}
	if err := st.SetNotes(t.Context(), runs[1].ID, "changed"); err != nil {
		t.Fatal(err)
	}
	if r := get(); r == seen[0] || r.Runs[1].Notes != "changed" {
		t.Error("a run has changed and the comparison has not")
	}
	for i := range 2 * mostResults {
		if _, err := c.Compare(t.Context(), runs, compare.Options{Notes: []string{string(rune('a' + i))}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.known) != mostResults || len(c.order) != mostResults {
		t.Errorf("%d results are remembered, and %d in order", len(c.known), len(c.order))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Compare(gone, runs, compare.Options{Notes: []string{"new"}}); err == nil {
		t.Error("who has left got an answer")
	}
}
