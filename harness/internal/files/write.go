package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Write writes a file that appears under its name only when it is complete and on disk: see [Create].
func Write(path string, data []byte) error { return write(path, data, false) }

// WriteFast is [Write] for files that can be made again after a power failure: it does not wait for the disk.
func WriteFast(path string, data []byte) error { return write(path, data, true) }

func write(path string, data []byte, fast bool) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	f.fast = fast
	if _, err := f.Write(data); err != nil {
		return f.about(err)
	}
	return f.Commit()
}

// File is a file that is being written. It is under a temporary name until [File.Commit].
type File struct {
	path    string // as the caller says it
	target  string // what it leads to
	pending *renameio.PendingFile
	device  *os.File // in place of pending
	fast    bool
}

// Create begins a file that replaces the one at path, if there is one, when it is complete. A symbolic link is followed; a
// pipe or a device, such as /dev/stdout, is written into. A new file has the permissions that the umask leaves, and one
// that replaces another has the other's.
func Create(path string) (*File, error) {
	f := &File{path: path}
	var err error
	if IsDevice(path) {
		f.device, err = os.OpenFile(path, os.O_WRONLY, 0)
		return f, f.about(err)
	}
	if f.target, err = Resolve(path); err != nil {
		return nil, f.about(err)
	}
	f.pending, err = renameio.NewPendingFile(f.target, renameio.WithTempDir(filepath.Dir(f.target)),
		renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
	return f, f.about(err)
}

// Write implements [io.Writer]. Its error does not name the file, which has another name yet.
func (f *File) Write(data []byte) (n int, err error) {
	if f.device != nil {
		n, err = f.device.Write(data)
	} else {
		n, err = f.pending.Write(data)
	}
	return n, Reason(err)
}

// Commit puts the file, which is complete, on disk and under its name.
func (f *File) Commit() error {
	switch {
	case f.device != nil:
		return f.about(f.device.Close())
	case f.fast:
		if err := f.pending.File.Close(); err != nil {
			return f.about(err)
		}
		return f.about(os.Rename(f.pending.Name(), f.target))
	}
	if err := f.pending.CloseAtomicallyReplace(); err != nil {
		return f.about(err)
	}
	return f.about(SyncFolder(filepath.Dir(f.target)))
}

// Abort removes what was written of a file that is not to be. After [File.Commit] it does nothing.
func (f *File) Abort() {
	if f.device != nil {
		f.device.Close()
		return
	}
	_ = f.pending.Cleanup()
}

func (f *File) about(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("writing %s: %w", f.path, Reason(err))
}

// Place moves a file or a folder that is complete and on disk to its name, which lies on the same file system.
func Place(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// TempDir is a folder for what is needed only while the file at path is made: there is as much space as for the file.
func TempDir(path string) string {
	target, err := Resolve(path)
	if err != nil || IsDevice(path) {
		return os.TempDir()
	}
	return filepath.Dir(target)
}

// IsDevice reports whether a path leads to something that is written into, such as a pipe or a terminal.
func IsDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
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
