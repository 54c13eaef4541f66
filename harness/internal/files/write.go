package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write writes a file that appears under its name only when it is complete and on disk. A symbolic link is followed; a
// pipe or a device, such as /dev/stdout, is written into.
func Write(path string, data []byte) error { return replace(path, data, true) }

// WriteFast is [Write] for files that can be made again after a power failure: it does not wait for the disk.
func WriteFast(path string, data []byte) error { return replace(path, data, false) }

func replace(path string, data []byte, durable bool) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, Reason(err))
		}
	}()
	target, err := Resolve(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return writeInto(target, data)
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.tmp")
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error { _, err := f.Write(data); return err },
		func() error { return f.Chmod(0o644) },
		f.Sync,
		f.Close,
		func() error { return os.Rename(f.Name(), target) },
		func() error { return SyncFolder(filepath.Dir(target)) },
	}
	if !durable {
		steps = append(steps[:2], steps[3:5]...)
	}
	for _, step := range steps {
		if err = step(); err != nil {
			return errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}
	return nil
}

func writeInto(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// Resolve is the absolute path of what a path leads to by symbolic links. The file itself need not exist: then the links of
// its folder, and of the file if it is a link, are followed.
func Resolve(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		resolved, err := filepath.EvalSymlinks(absolute)
		if err == nil {
			return resolved, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(absolute))
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return absolute, nil // its folder is still to be made
			}
			return "", err
		}
		absolute = filepath.Join(dir, filepath.Base(absolute))
		link, err := os.Readlink(absolute)
		if err != nil {
			return absolute, nil // there is nothing under that name
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(dir, link)
		}
		absolute = link
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// maxLinks is how many links that lead nowhere are followed.
const maxLinks = 40

// Reason is what an error of the system says without the path it is about, which may be a temporary name.
func Reason(err error) error {
	var pathError *fs.PathError
	var linkError *os.LinkError
	switch {
	case errors.As(err, &pathError):
		return pathError.Err
	case errors.As(err, &linkError):
		return linkError.Err
	}
	return err
}

// head returns the first bytes of a file, at most n.
func head(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buffer := make([]byte, n)
	n, err = io.ReadFull(f, buffer)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return buffer[:n], err
}
