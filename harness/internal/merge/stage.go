package merge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/store"
)

// staged is a folder under a temporary name, beside the folder that it will replace.
type staged struct {
	to, temp, replaced string
	made               string // the folder around it, if it was created for this; otherwise ""
	placed, hadOne     bool
}

// stage prepares the files of one folder for another by linking or copying them. If the source has
// no files, there is nothing to prepare.
func stage(ctx context.Context, from, to string) (store.StagedFiles, error) {
	parent, name := filepath.Split(to)
	s := &staged{to: to, temp: filepath.Join(parent, "."+name+".merging"), replaced: filepath.Join(parent, "."+name+".replaced")}
	if err := s.recover(); err != nil {
		return nil, err
	}
	names, err := filesIn(from)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 || same(from, to) {
		return nothing{}, nil
	}
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		s.made = parent
	}
	if err := s.fill(ctx, from, names); err != nil {
		return nil, errors.Join(err, s.Undo())
	}
	return s, nil
}

// recover cleans up after a process that was killed.
func (s *staged) recover() error {
	if err := os.RemoveAll(s.temp); err != nil {
		return err
	}
	if _, err := os.Lstat(s.to); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(s.replaced, s.to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return os.RemoveAll(s.replaced)
}

func (s *staged) fill(ctx context.Context, from string, names []string) error {
	if err := os.MkdirAll(s.temp, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		if err := linkOrCopy(ctx, filepath.Join(from, name), filepath.Join(s.temp, name)); err != nil {
			return err
		}
	}
	return files.SyncFolder(s.temp)
}

// Place implements [store.StagedFiles].
func (s *staged) Place() error {
	err := os.Rename(s.to, s.replaced)
	s.hadOne = err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("moving the old files away: %w", err)
	}
	if err := os.Rename(s.temp, s.to); err != nil {
		if s.hadOne {
			err = errors.Join(err, os.Rename(s.replaced, s.to))
		}
		return fmt.Errorf("moving the files into place: %w", err)
	}
	s.placed = true
	return files.SyncFolder(filepath.Dir(s.to))
}

// Keep implements [store.StagedFiles].
func (s *staged) Keep() { os.RemoveAll(s.replaced) }

// Undo implements [store.StagedFiles].
func (s *staged) Undo() error {
	var err error
	if s.placed {
		if err = os.Rename(s.to, s.temp); err == nil && s.hadOne {
			err = os.Rename(s.replaced, s.to)
		}
	}
	err = errors.Join(err, os.RemoveAll(s.temp))
	if s.made != "" {
		os.Remove(s.made) // if it is empty
	}
	return err
}

// nothing stands for a run without files.
type nothing struct{}

func (nothing) Place() error { return nil }
func (nothing) Keep()        {}
func (nothing) Undo() error  { return nil }

// filesIn lists the files in a folder, or none if the folder does not exist. It skips files that
// are still being written, whose names begin with a dot.
func filesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// linkOrCopy gives a file a second name or, where the file system does not allow that, copies it.
// Checkpoints are never changed, so sharing is safe.
func linkOrCopy(ctx context.Context, from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	return copyFile(ctx, from, to)
}

func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer out.Close() // again, without effect, where all went well
	if _, err := io.Copy(out, files.Reader(ctx, in)); err != nil {
		return err
	}
	return errors.Join(out.Sync(), out.Close())
}

// same tells whether two paths lead to the same folder, as they do if two stores lie in it.
func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
