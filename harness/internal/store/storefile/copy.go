package storefile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"flowharness/harness/internal/fault"
)

// largestCopy bounds the time and the room that reading takes of who only wants to see a list.
const largestCopy = 1 << 30

// readCopy has the file, which is of an older schema and cannot be brought up to date where it lies, read from a copy in the
// folder for temporary files. What is recorded in the file from then on by others is not seen.
func (f *File) readCopy(ctx context.Context, size, newest int64) error {
	refuse := func(err error) error {
		why := fmt.Errorf("its schema version %d must be brought to %d first, and it cannot be written; nor can a copy in %s be read: %w",
			f.version, newest, os.TempDir(), err)
		return &Error{Kind: ErrReadOnly, Err: why, Help: fault.Do(fault.MakeRoomForCopy, f.path)}
	}
	if size > largestCopy {
		return refuse(fmt.Errorf("its %d MiB are too many", size>>20))
	}
	dir, err := os.MkdirTemp("", "harness-store-*")
	if err != nil {
		return refuse(err)
	}
	f.clean = func() error { return os.RemoveAll(dir) } // by Close
	copied := filepath.Join(dir, filepath.Base(f.path))
	if err := copyInto(ctx, f.read, copied); err != nil {
		return refuse(err)
	}
	if err := createOrMigrate(ctx, copied, f.busy); err != nil {
		return refuse(err)
	}
	c := newConnector(copied, f.busy, reading)
	db, version, err := readVersion(ctx, c)
	if err != nil {
		return refuse(err)
	}
	f.read.Close()
	f.read, f.reading, f.version = db, c, version
	return nil
}
