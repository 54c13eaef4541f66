package launch

import (
	"os"
	"path/filepath"
	"testing"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

func TestARunInTheTrashDoesNotCountInTheStoreOfItsTask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "harness.db")
	s := &Session{Path: path, Folder: sweep.FolderOf(path, "", "x"), Store: openStore(t, path)}
	task := sweep.Task{Runs: []sweep.PlannedRun{{Config: &config.Resolved{Hash: "0123456789abcdef0123"}}}}
	hash := task.Runs[0].Config.Hash
	var err error
	gone, kept := recordOne(t, s.Store, hash), recordOne(t, s.Store, hash)
	if s.Inventory, err = sweep.Inspect(t.Context(), s.Store, []string{hash}, sweep.Recognition{}); err != nil {
		t.Fatal(err)
	}
	shard := s.Folder.ShardPath(task.Key())
	if err := os.MkdirAll(filepath.Dir(shard), 0o755); err != nil {
		t.Fatal(err)
	}
	own := openStore(t, shard)
	if _, err := own.Merge(t.Context(), path, store.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1, 1} { // before, after, and once more
		if err := s.seed(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		runs, err := own.RunsOf(t.Context(), hash)
		if err != nil || len(runs) != want || runs[len(runs)-1].ID != kept {
			t.Fatalf("%v count there, want %d: %v", runs, want, err)
		}
		if err := s.Store.Trash(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
	}
}

func openStore(t *testing.T, path string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func recordOne(t *testing.T, st *store.Store, hash string) string {
	t.Helper()
	return recordAs(t, st, hash, record.StatusFinished)
}

func recordAs(t *testing.T, st *store.Store, hash string, status record.Status) string {
	t.Helper()
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "x", ResolvedYAML: "seed: 0", ConfigHash: hash})
	if err != nil {
		t.Fatal(err)
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
