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

// Write writes a file that appears under its name only when it is complete and on the disk; see
// [Create].
func Write(path string, data []byte) error { return write(path, data, false) }

// WriteFast is [Write] for files that can be made again after a power failure. It does not wait for
// the disk.
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

// File is a file that is being written. It has a temporary name until [File.Commit].
type File struct {
	path    string // as given by the caller
	target  string // after following links
	pending *renameio.PendingFile
	device  *os.File // if set, it is used instead of pending
	fast    bool
}

// Create starts to write a file that will replace the one at path, if there is one, when it is
// complete. Symbolic links are followed. If path is a pipe or a device, such as /dev/stdout, the
// data are written directly to it. A new file has the permissions that the umask allows; one that
// replaces another has that file's permissions.
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

// Write implements [io.Writer]. Its errors do not name the file, which still has a temporary name.
func (f *File) Write(data []byte) (n int, err error) {
	if f.device != nil {
		n, err = f.device.Write(data)
	} else {
		n, err = f.pending.Write(data)
	}
	return n, Reason(err)
}

// Commit writes the complete file to the disk and gives it its name.
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

// Abort discards the file. After [File.Commit] it does nothing.
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

// Place moves a file or folder, complete and on the disk, to its final name on the same file
// system.
func Place(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// TempDir is a folder for what is needed only while the file at path is made. It has as much space
// as the file.
func TempDir(path string) string {
	target, err := Resolve(path)
	if err != nil || IsDevice(path) {
		return os.TempDir()
	}
	return filepath.Dir(target)
}

// IsDevice tells whether a path leads to something that is written to directly, such as a pipe or a
// terminal.
func IsDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// Resolve returns the absolute path that a path leads to, with symbolic links followed. If the file
// does not exist, the links of its folder are followed, and the path itself if it is a link.
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
				return absolute, nil // its folder does not exist yet
			}
			return "", err
		}
		absolute = filepath.Join(dir, filepath.Base(absolute))
		link, err := os.Readlink(absolute)
		if err != nil {
			return absolute, nil // the file does not exist
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(dir, link)
		}
		absolute = link
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// maxLinks limits how many links are followed if they lead to nothing.
const maxLinks = 40

// Reason returns a system error without its path, which may be a temporary name.
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
