package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"flowharness/harness/internal/record"
)

// fillDisk takes all the space of the disk that a folder is on, and returns what
// gives it back.
func fillDisk(t *testing.T, dir string) (empty func() error) {
	t.Helper()
	f := get(os.Create(filepath.Join(dir, "filler")))(t)
	defer f.Close()
	for _, size := range []int{1 << 16, 1} { // to the last byte
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
	return func() error { return os.Remove(f.Name()) }
}

func TestAStoreOnAFullDiskIsReadAndRunsAreDeletedFromIt(t *testing.T) {
	for _, c := range []struct {
		name  string
		index bool                                      // an index of its log is there already
		leave func(t *testing.T, s *Store, path string) // the store's files at path, of which s holds a run with points
	}{
		{"closed", false, func(t *testing.T, s *Store, path string) {
			must(t, s.Close())
			copyFiles(t, s.Path(), path, "")
		}},
		{"left by a crash, with its log", false, func(t *testing.T, s *Store, path string) { copyFiles(t, s.Path(), path, "", "-wal") }},
		{"left by a crash, with its log and index", true, func(t *testing.T, s *Store, path string) {
			copyFiles(t, s.Path(), path,
				"", "-wal", "-shm")
		}},
		{"closed, of an older schema", false, func(t *testing.T, s *Store, path string) {
			makeOlder(t, s)
			must(t, s.Close())
			copyFiles(t, s.Path(), path, "")
		}},
		{"open", true, func(t *testing.T, s *Store, path string) {
			must(t, s.Close())
			copyFiles(t, s.Path(), path, "")
			newRun(t, openAt(t, path), "kept open")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			source := openTemp(t)
			gone, kept := newRun(t, source, "gone"), newRun(t, source, "kept")
			for _, run := range []*Run{gone, kept} {
				w := openWriter(t, source, run.ID)
				for step := range 1000 {
					w.Point("train/loss", step, float64(step))
				}
				must(t, w.Finish(t.Context(), record.StatusFinished, ""))
			}
			dir := mountSmallDisk(t, 3<<20)
			path := filepath.Join(dir, "harness.db")
			c.leave(t, source, path)
			empty := fillDisk(t, dir)

			s := get(OpenExisting(t.Context(), path))(t)
			defer s.Close()
			readable := func(id string) {
				t.Helper()
				if points := get(s.Series(t.Context(), id, "train/loss", SeriesOptions{}))(t); len(points) != 1000 {
					t.Errorf("%d points are read", len(points))
				}
			}
			get(s.ListRuns(t.Context(), Filter{}))(t)
			readable(gone.ID)
			readable(kept.ID)
			must(t, s.Integrity(t.Context()))
			if !c.index { // otherwise what the index had taken may be enough
				checkError(t, s.Unwritable(), ErrFull, path, "delete runs")
				checkError(t, s.SetNotes(t.Context(), kept.ID, "x"), ErrFull, path, "free some space")
				stuck := errors.New("it cannot be removed")
				if err := s.DeleteRun(t.Context(), gone.ID, func() error { return stuck }); !errors.Is(err, stuck) {
					t.Errorf("deleted though its checkpoints could not be: %v", err)
				}
				checkError(t, s.DeleteRun(t.Context(), gone.ID, nil), ErrFull, path, "free some space")
			}
			readable(gone.ID)

			must(t, s.DeleteRun(t.Context(), gone.ID, empty))
			if _, err := s.Run(t.Context(), gone.ID); err == nil {
				t.Error("the run is still there")
			}
			must(t, s.SetNotes(t.Context(), kept.ID, "x"))
			readable(kept.ID)
			must(t, s.Integrity(t.Context()))
			must(t, s.Close())
			if left := get(os.ReadDir(os.TempDir()))(t); len(left) > 0 {
				t.Errorf("%s is left behind", left[0].Name())
			}
		})
	}
}

// makeOlder takes back the latest migration.
func makeOlder(t *testing.T, s *Store) {
	t.Helper()
	for _, sql := range []string{"ALTER TABLE samples DROP COLUMN warnings", "ALTER TABLE evaluations DROP COLUMN warnings",
		"DELETE FROM goose_db_version WHERE version_id >= 13"} {
		get(writing(t, s).Exec(sql))(t)
	}
}

func TestAnOlderStoreThatCannotBeWrittenIsReadFromACopy(t *testing.T) {
	source := openTemp(t)
	run := newRun(t, source, "x")
	makeOlder(t, source)
	must(t, source.Close())
	dir := mountSmallDisk(t, 1<<20)
	path := filepath.Join(dir, "harness.db")
	copyFiles(t, source.Path(), path, "")
	fillDisk(t, dir)

	t.Setenv("TMPDIR", t.TempDir())
	s := get(OpenExisting(t.Context(), path))(t)
	get(s.Run(t.Context(), run.ID))(t)
	if s.Path() != path {
		t.Errorf("it is called %s, want %s", s.Path(), path)
	}
	checkError(t, s.SetNotes(t.Context(), run.ID, "x"), ErrFull, path, "free some space")
	must(t, s.Close())

	t.Setenv("TMPDIR", dir) // where there is no room for it either
	_, err := OpenExisting(t.Context(), path)
	checkError(t, err, ErrReadOnly, "schema version 12 must be brought to", dir, "TMPDIR")
	_, err = OpenReadOnly(t.Context(), path)
	checkError(t, err, ErrReadOnly, "schema version 12 must be brought to", "for writing")
}

func TestADiskThatTakesNoFileMoreIsRead(t *testing.T) {
	dir := mountSmallDisk(t, 2<<20, "nr_inodes=3")
	source := openTemp(t)
	run := newRun(t, source, "x")
	must(t, source.Close())
	path := filepath.Join(dir, "harness.db")
	copyFiles(t, source.Path(), path, "")
	must(t, os.WriteFile(filepath.Join(dir, "last"), nil, 0o666))
	s := get(OpenExisting(t.Context(), path))(t)
	defer s.Close()
	get(s.Run(t.Context(), run.ID))(t)
	if s.SetNotes(t.Context(), run.ID, "x") == nil {
		t.Error("it was written, so that this tests nothing")
	}
}

// copyFiles copies a file and what lies beside it under its name with suffixes.
func copyFiles(t *testing.T, from, to string, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		in := get(os.Open(from + suffix))(t)
		out := get(os.Create(to + suffix))(t)
		get(io.Copy(out, in))(t)
		must(t, errors.Join(in.Close(), out.Close()))
	}
}
