package merge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// openStore opens a new store in a folder of its own.
func openStore(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// record records an interrupted run, with checkpoints that are these texts.
func recordOne(t *testing.T, s *store.Store, checkpoints map[string]string) *store.Run {
	t.Helper()
	run, err := s.CreateRun(t.Context(), store.NewRun{Name: "x", ConfigHash: "c0ffee", ResolvedYAML: "name: x"})
	if err != nil {
		t.Fatal(err)
	}
	goOn(t, s, run.ID, 10, record.StatusInterrupted, checkpoints)
	return run
}

// goOn records that a run came to a step, and replaces its checkpoints.
func goOn(t *testing.T, s *store.Store, id string, step int, status record.Status, checkpoints map[string]string) {
	t.Helper()
	w, err := s.OpenWriter(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w.Point("train/loss", step, 1/float64(step))
	w.Progress(step, 100)
	if err := w.Finish(t.Context(), status, ""); err != nil {
		t.Fatal(err)
	}
	write(t, checkpoint.RunDir(s.Path(), id), checkpoints)
}

// write makes a folder hold these files and no others.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	must(t, os.RemoveAll(dir))
	if files == nil {
		return
	}
	must(t, os.MkdirAll(dir, 0o755))
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
}

// list reads all files below the folder of a store, but the store itself.
func list(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	root := filepath.Dir(s.Path())
	found := map[string]string{}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root || strings.HasPrefix(path, s.Path()) {
			return err
		}
		name := strings.TrimPrefix(path, root+string(filepath.Separator))
		if d.IsDir() {
			found[name+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(path)
		found[name] = string(data)
		return err
	}))
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mergeInto(t *testing.T, dst, src *store.Store, want store.MergeResult) {
	t.Helper()
	got, err := Store(t.Context(), dst, src.Path(), store.MergeOptions{})
	if err != nil || got != want {
		t.Fatalf("merging gave %+v and %v, want %+v", got, err, want)
	}
}

func TestCheckpointsComeWithTheirRun(t *testing.T) {
	src, dst := openStore(t, filepath.Join(t.TempDir(), "a.db")), openStore(t, filepath.Join(t.TempDir(), "b.db"))
	run := recordOne(t, src, map[string]string{"step-4": "four", "step-8": "eight", ".step-9.tmp": "half"})
	recordOne(t, src, nil)
	mergeInto(t, dst, src, store.MergeResult{Added: 2})
	want := map[string]string{"checkpoints/": "", "checkpoints/" + run.ID + "/": "", "checkpoints/" + run.ID + "/step-4": "four",
		"checkpoints/" + run.ID + "/step-8": "eight"}
	if diff := cmp.Diff(want, list(t, dst)); diff != "" {
		t.Errorf("wanted and merged files differ:\n%s", diff)
	}

	for _, name := range []string{"step-4", "step-8"} {
		if !same(filepath.Join(checkpoint.RunDir(src.Path(), run.ID), name), filepath.Join(checkpoint.RunDir(dst.Path(), run.ID), name)) {
			t.Errorf("%s takes space twice on one disk", name)
		}
	}

	// Continued: the source's in place of the store's own.
	must(t, src.StartResume(t.Context(), run.ID, 10))
	goOn(t, src, run.ID, 20, record.StatusFinished, map[string]string{"step-20": "twenty"})
	mergeInto(t, dst, src, store.MergeResult{Continued: 1, Same: 1})
	want = map[string]string{"checkpoints/": "", "checkpoints/" + run.ID + "/": "", "checkpoints/" + run.ID + "/step-20": "twenty"}
	if diff := cmp.Diff(want, list(t, dst)); diff != "" {
		t.Errorf("after it was continued, wanted and merged files differ:\n%s", diff)
	}
	mergeInto(t, dst, src, store.MergeResult{Same: 2})
}

func TestARunWhoseSourceHasNoCheckpointsKeepsItsOwn(t *testing.T) {
	src, dst := openStore(t, filepath.Join(t.TempDir(), "a.db")), openStore(t, filepath.Join(t.TempDir(), "b.db"))
	run := recordOne(t, src, map[string]string{"step-8": "eight"})
	mergeInto(t, dst, src, store.MergeResult{Added: 1})
	before := list(t, dst)
	must(t, src.StartResume(t.Context(), run.ID, 10))
	goOn(t, src, run.ID, 20, record.StatusFinished, nil)
	mergeInto(t, dst, src, store.MergeResult{Continued: 1})
	if diff := cmp.Diff(before, list(t, dst)); diff != "" {
		t.Errorf("its files changed:\n%s", diff)
	}
}

func TestStoresInOneFolderShareTheirCheckpoints(t *testing.T) {
	dir := t.TempDir()
	src, dst := openStore(t, filepath.Join(dir, "a.db")), openStore(t, filepath.Join(dir, "b.db"))
	run := recordOne(t, src, map[string]string{"step-8": "eight"})
	mergeInto(t, dst, src, store.MergeResult{Added: 1})
	if got := list(t, dst)["checkpoints/"+run.ID+"/step-8"]; got != "eight" {
		t.Errorf("the checkpoint holds %q", got)
	}
}

func TestSeveralMergeIntoOneStoreAtOnce(t *testing.T) {
	const sources, runs = 3, 6
	path := filepath.Join(t.TempDir(), "all.db")
	openStore(t, path)
	first := openStore(t, filepath.Join(t.TempDir(), "s.db"))
	for i := range runs {
		recordOne(t, first, map[string]string{"step-8": fmt.Sprint(i)})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum store.MergeResult
	for range sources {
		wg.Go(func() {
			dst, err := store.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer dst.Close()
			result, err := Store(t.Context(), dst, first.Path(), store.MergeOptions{})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Added += result.Added
			sum.Same += result.Same
		})
	}
	wg.Wait()
	if sum != (store.MergeResult{Added: runs, Same: runs * (sources - 1)}) {
		t.Errorf("together they gave %+v", sum)
	}
	files := 0
	for name := range entries(t, filepath.Join(filepath.Dir(path), "checkpoints")) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s was left behind", name)
		}
		files++
	}
	if files != runs {
		t.Errorf("there are %d checkpoints, want %d", files, runs)
	}
}

func TestFilesThatCannotBeCopiedLeaveNothingBehind(t *testing.T) {
	src, dst := openStore(t, filepath.Join(t.TempDir(), "a.db")), openStore(t, filepath.Join(t.TempDir(), "b.db"))
	recordOne(t, src, map[string]string{"step-4": "four", "step-8": "eight"})
	blocked := filepath.Join(filepath.Dir(dst.Path()), "checkpoints")
	must(t, os.WriteFile(blocked, []byte("a file where the folder should be"), 0o644))
	result, err := Store(t.Context(), dst, src.Path(), store.MergeOptions{})
	if err == nil || !strings.Contains(err.Error(), "copying its files") || result != (store.MergeResult{Refused: 1}) {
		t.Errorf("merging gave %+v and %v", result, err)
	}
	if runs, err := dst.ListRuns(t.Context(), store.Filter{}); err != nil || len(runs) != 0 {
		t.Errorf("the store has %v, %v", runs, err)
	}
	must(t, os.Remove(blocked))
	mergeInto(t, dst, src, store.MergeResult{Added: 1})
}

func TestStagedFilesCanBeTakenBackAtEveryMoment(t *testing.T) {
	for _, had := range []map[string]string{nil, {"step-4": "old"}} {
		for _, placed := range []bool{false, true} {
			dir := t.TempDir()
			from, to := filepath.Join(dir, "from"), filepath.Join(dir, "checkpoints", "id")
			write(t, from, map[string]string{"step-8": "new"})
			write(t, to, had)
			before := entries(t, dir)
			files, err := stage(t.Context(), from, to)
			must(t, err)
			if placed {
				must(t, files.Place())
			}
			must(t, files.Undo())
			if diff := cmp.Diff(before, entries(t, dir)); diff != "" {
				t.Errorf("had %v, placed %v: the folder changed:\n%s", had, placed, diff)
			}
		}
	}
}

func TestWhatAKilledMergeLeftIsPutRight(t *testing.T) {
	for _, c := range []struct {
		name string
		left map[string]map[string]string // folder → files
		want string
	}{
		{"before it placed the files", map[string]map[string]string{"id": {"step-4": "old"}, ".id.merging": {"step-8": "half"}}, "old"},
		{"between the two renames", map[string]map[string]string{".id.replaced": {"step-4": "old"}, ".id.merging": {"step-8": "new"}}, "old"},
		{"after it placed the files", map[string]map[string]string{"id": {"step-4": "placed"}, ".id.replaced": {"step-4": "old"}}, "placed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for folder, files := range c.left {
				write(t, filepath.Join(dir, folder), files)
			}
			_, err := stage(t.Context(), filepath.Join(dir, "without files"), filepath.Join(dir, "id"))
			must(t, err)
			want := map[string]string{"id/step-4": c.want}
			if diff := cmp.Diff(want, entries(t, dir)); diff != "" {
				t.Errorf("the folder differs:\n%s", diff)
			}
		})
	}
}

func TestCopyingStopsWhenItIsCancelled(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "from"), map[string]string{"step-8": "eight"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := copyFile(ctx, filepath.Join(dir, "from", "step-8"), filepath.Join(dir, "copy")); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	must(t, copyFile(t.Context(), filepath.Join(dir, "from", "step-8"), filepath.Join(dir, "whole")))
	if data, err := os.ReadFile(filepath.Join(dir, "whole")); err != nil || string(data) != "eight" {
		t.Errorf("the copy holds %q, %v", data, err)
	}
}

// entries reads all files below a folder.
func entries(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		found[path] = string(data)
		return err
	}))
	return found
}
