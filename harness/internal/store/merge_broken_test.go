package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
)

func TestACancelledMergeKeepsTheRunsDoneAndIsContinued(t *testing.T) {
	src, dst := openTemp(t), openTemp(t)
	for i := range 4 {
		recordFully(t, src, fmt.Sprint(i), i, record.StatusFinished)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result, err := dst.Merge(ctx, src.Path(), MergeOptions{Observe: func(done, _ int) {
		if done == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || result != (MergeResult{Added: 2}) || !strings.Contains(err.Error(), "2 of 4 runs are done") {
		t.Errorf("merging gave %+v and %v", result, err)
	}
	must(t, dst.Integrity(t.Context()))
	checkMerge(t, dst, src.Path(), MergeResult{Added: 2, Same: 2})
	if diff := cmp.Diff(dump(t, src), dump(t, dst)); diff != "" {
		t.Errorf("source and store differ:\n%s", diff)
	}
}

// mergeSource merges the store source.db beside a store.
func mergeSource(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Merge(ctx, filepath.Join(filepath.Dir(path), "source.db"), MergeOptions{})
	return err
}

func TestAKilledMergeIsContinuedByTheNextOne(t *testing.T) {
	dir := t.TempDir()
	src := openAt(t, filepath.Join(dir, "source.db"))
	for i := range 30 {
		run := newRun(t, src, fmt.Sprint(i))
		w := openWriter(t, src, run.ID)
		for step := range 5000 {
			w.Point("train/loss", step, 1/float64(step+i+1))
		}
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	}
	dst := openAt(t, filepath.Join(dir, "harness.db"))
	merging := child(t, "merge", dst.Path())
	must(t, merging.Start())
	for limit := time.Now().Add(20 * time.Second); len(get(dst.ListRuns(t.Context(), Filter{}))(t)) < 3 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	must(t, merging.Process.Kill())
	merging.Wait() // its error is that it was killed
	must(t, dst.Integrity(t.Context()))
	there := len(get(dst.ListRuns(t.Context(), Filter{}))(t))
	if there < 3 || there == 30 {
		t.Fatalf("the merge was killed after %d runs", there)
	}
	checkMerge(t, dst, src.Path(), MergeResult{Added: 30 - there, Same: there})
	if diff := cmp.Diff(dump(t, src), dump(t, dst)); diff != "" {
		t.Errorf("source and store differ:\n%s", diff)
	}
}

func TestAMergeOntoAFullDiskKeepsTheRunsDone(t *testing.T) {
	src := openTemp(t)
	for i := range 40 {
		run := newRun(t, src, fmt.Sprint(i))
		w := openWriter(t, src, run.ID)
		for step := range 3000 {
			w.Point("train/loss", step, 1/float64(step+1))
		}
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	}
	dst := openAt(t, filepath.Join(mountSmallDisk(t, 2<<20), "harness.db"))
	defer dst.Close()
	result, err := dst.Merge(t.Context(), src.Path(), MergeOptions{})
	checkError(t, err, ErrFull, dst.Path(), "free some space")
	runs := get(dst.ListRuns(t.Context(), Filter{}))(t)
	if result.Added < 3 || result.Added == 40 || len(runs) != result.Added {
		t.Errorf("%+v and %d runs in the store", result, len(runs))
	}
	for _, r := range runs {
		if points := get(dst.Series(t.Context(), r.ID, "train/loss", SeriesOptions{}))(t); len(points) != 3000 {
			t.Errorf("run %s has %d points", r.Slug, len(points))
		}
	}
	must(t, dst.Integrity(t.Context()))
}

// stagedLog records what is asked of staged files.
type stagedLog struct {
	log       *[]string
	placing   error
	beforeEnd func()
}

func (f stagedLog) Place() error {
	*f.log = append(*f.log, "place")
	if f.beforeEnd != nil {
		f.beforeEnd()
	}
	return f.placing
}
func (f stagedLog) Keep()       { *f.log = append(*f.log, "keep") }
func (f stagedLog) Undo() error { *f.log = append(*f.log, "undo"); return nil }

func TestFilesArePlacedBeforeTheCommitAndTakenBackIfItFails(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name    string
		copying error
		staged  stagedLog
		want    []string
		added   int
	}{
		{"all goes well", nil, stagedLog{}, []string{"copy", "place", "keep"}, 1},
		{"copying fails", broken, stagedLog{}, []string{"copy"}, 0},
		{"placing fails", nil, stagedLog{placing: broken}, []string{"copy", "place", "undo"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst := openTemp(t), openTemp(t)
			recordFully(t, src, "x", 1, record.StatusFinished)
			var log []string
			c.staged.log = &log
			result, err := dst.Merge(t.Context(), src.Path(), MergeOptions{CopyFiles: func(context.Context, string) (StagedFiles, error) {
				log = append(log, "copy")
				return c.staged, c.copying
			}})
			if !slices.Equal(log, c.want) || result.Added != c.added || result.Refused != 1-c.added || (err == nil) != (c.added == 1) {
				t.Errorf("the log is %v, the result %+v, the error %v", log, result, err)
			}
			if runs := get(dst.ListRuns(t.Context(), Filter{}))(t); len(runs) != c.added {
				t.Errorf("there are %d runs", len(runs))
			}
		})
	}
	t.Run("the merge is cancelled before the commit", func(t *testing.T) {
		src, dst := openTemp(t), openTemp(t)
		recordFully(t, src, "x", 1, record.StatusFinished)
		ctx, cancel := context.WithCancel(t.Context())
		var log []string
		_, err := dst.Merge(ctx, src.Path(), MergeOptions{CopyFiles: func(context.Context, string) (StagedFiles, error) {
			return stagedLog{log: &log, beforeEnd: cancel}, nil
		}})
		if !errors.Is(err, context.Canceled) || !slices.Equal(log, []string{"place", "undo"}) {
			t.Errorf("the log is %v, the error %v", log, err)
		}
	})
	t.Run("nothing is to be taken over", func(t *testing.T) {
		src, dst, _ := twoStores(t, record.StatusFinished)
		get(dst.Merge(t.Context(), src.Path(), MergeOptions{CopyFiles: func(context.Context, string) (StagedFiles, error) {
			t.Error("files were copied")
			return nil, broken
		}}))(t)
	})
}
