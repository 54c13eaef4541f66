package store

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/record"
)

// recordUntilFull writes points, log lines and pictures until the writer
// reports a failure, as a training loop does, and then finishes the run.
func recordUntilFull(t *testing.T, s *Store, runID string) {
	t.Helper()
	w := openWriter(t, s, runID)
	for step := 1; w.Err() == nil; step++ {
		for range 50 {
			w.Point("train/loss", step, 1/float64(step))
			step++
		}
		w.Progress(step, 1<<30)
		w.Log("info", strings.Repeat("x", 200))
		w.Flush(t.Context()) // its error is the one that Err keeps
	}
	checkError(t, w.Err(), ErrFull, s.Path(), "free some space")
	w.Log("error", "dropped, as nothing more can be recorded")
	reason := w.Err().Error()
	if err := w.Finish(t.Context(), record.StatusFailed, reason); err != nil {
		t.Fatalf("the end of the run was not recorded: %v", err)
	}

	must(t, s.Close())
	for name, s := range map[string]*Store{"a writing process": openAt(t, s.Path()),
		"a reading one": get(OpenReadOnly(t.Context(), s.Path()))(t)} {
		defer s.Close()
		run := get(s.Run(t.Context(), runID))(t)
		if run.Status != record.StatusFailed || run.StatusReason != reason || run.EndedAt.IsZero() {
			t.Errorf("to %s the run reads as %s (%s)", name, run.Status, run.StatusReason)
		}
		points := get(s.Series(t.Context(), runID, "train/loss", SeriesOptions{}))(t)
		if run.Loss == nil || run.Loss.Count != len(points) || len(points) < 1000 {
			t.Fatalf("to %s %d points are left; summary %+v", name, len(points), run.Loss)
		}
		for _, p := range points {
			if p.Value != 1/float64(p.Step) {
				t.Fatalf("to %s step %d has value %g", name, p.Step, p.Value)
			}
		}
		must(t, s.Integrity(t.Context()))
	}
}

func TestARunOnAFullDiskEndsAsFailedAndKeepsWhatItRecorded(t *testing.T) {
	dir := mountSmallDisk(t, 2<<20+64<<10)
	// The disk is full at another point of SQLite's work each time.
	for i, filler := range []int{0, 300 << 10, 601 << 10, 902 << 10, 1003 << 10} {
		t.Run(fmt.Sprintf("%d bytes taken", filler), func(t *testing.T) {
			other := filepath.Join(dir, "filler")
			must(t, os.WriteFile(other, make([]byte, filler), 0o666))
			defer os.Remove(other)
			s := openAt(t, filepath.Join(dir, fmt.Sprint(i), "harness.db"))
			defer os.RemoveAll(filepath.Dir(s.Path()))
			recordUntilFull(t, s, newRun(t, s, "x").ID)
		})
	}
}

func TestAStoreIsNotHalfCreatedOnAFullDisk(t *testing.T) {
	const size = 2 << 20
	dir := mountSmallDisk(t, size)
	created := 0
	for free := 52 << 10; free < 1<<20; free += 8 << 10 { // with less, the migrations library tries for seconds
		filler := filepath.Join(dir, "filler")
		must(t, os.WriteFile(filler, make([]byte, size-free), 0o666))
		path := filepath.Join(dir, "harness.db")
		s, err := Open(t.Context(), path)
		must(t, os.Remove(filler))
		if err != nil {
			checkError(t, err, ErrFull, "opening the store", path, "free some space")
			if entries := get(os.ReadDir(dir))(t); len(entries) != 0 {
				t.Fatalf("with %d bytes free, %v were left behind", free, entries)
			}
			continue
		}
		created++
		newRun(t, s, "x")
		must(t, s.Integrity(t.Context()))
		must(t, s.Close())
		must(t, os.Remove(path))
	}
	if created == 0 {
		t.Error("no disk was large enough")
	}
}

// mountSmallDisk returns a folder that holds so many bytes; options are those of
// tmpfs besides.
func mountSmallDisk(t *testing.T, size int, options ...string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", strings.Join(append(options, fmt.Sprintf("size=%d", size)), ","),
		"tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a small disk needs the right to mount one: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestARunOverItsQuotaEndsAsFailedAndKeepsWhatItRecorded(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	get(writing(t, s).Exec("PRAGMA max_page_count = 300"))(t)
	recordUntilFull(t, s, run.ID)
}
