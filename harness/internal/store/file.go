package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"flowharness/harness/internal/files"
)

// prepareFile leaves a file of the newest schema at path.
func prepareFile(ctx context.Context, path string, busy time.Duration) error {
	newest, err := newestVersion()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if current, err := isCurrent(ctx, path, busy, newest); current || err != nil {
		return err
	}

	// Creating and migrating is for one process at a time.
	unlock, err := lockFile(ctx, path+".lock", busy, "creating or upgrading it")
	if err != nil {
		return err
	}
	defer unlock()
	if current, err := isCurrent(ctx, path, busy, newest); current || err != nil {
		return err
	}
	return createOrMigrate(ctx, path, busy)
}

// isCurrent tells whether the file exists and needs no migration. A file that
// is not a store, or a newer one, is an error.
func isCurrent(ctx context.Context, path string, busy time.Duration, newest int64) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := checkHeader(path, info); err != nil {
		return false, err
	}
	// SQLite falls back to reading silently if the file cannot be written.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	f.Close()
	db, err := connect(ctx, path, busy, reading)
	if err != nil {
		return false, err
	}
	defer db.Close()
	version, err := fileVersion(ctx, db)
	if err != nil {
		return false, err
	}
	return version == newest, checkVersion(version, newest)
}

func createOrMigrate(ctx context.Context, path string, busy time.Duration) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() > 0 {
		db, err := connect(ctx, path, busy, writing)
		if err != nil {
			return err
		}
		defer db.Close()
		return migrate(ctx, db)
	}
	return create(ctx, path, busy)
}

const queryEmptyLog = `PRAGMA wal_checkpoint(TRUNCATE)`

// create builds a new store beside path and moves it there when it is whole.
func create(ctx context.Context, path string, busy time.Duration) error {
	temp := path + ".new"
	clear := func() {
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			os.Remove(temp + suffix)
		}
	}
	clear()       // what a killed process left
	defer clear() // nothing, if it went well
	db, err := connect(ctx, temp, busy, writing)
	if err != nil {
		return err
	}
	if err = migrate(ctx, db); err == nil {
		// Closing moves SQLite's log into the file, too, but does not tell
		// whether the disk had space for it.
		_, err = db.ExecContext(ctx, queryEmptyLog)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return files.Place(temp, path)
}

// checkHeader reads SQLite's file header, so that a foreign file is refused
// before SQLite opens, and thereby changes, it.
func checkHeader(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return &Error{Kind: ErrNotAStore, Err: fmt.Errorf("it is a %s", describeMode(info.Mode()))}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const magic, idOffset = "SQLite format 3\x00", 68
	header := make([]byte, 100)
	n, err := io.ReadFull(f, header)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return err
	}
	switch {
	case !strings.HasPrefix(string(header[:n]), magic[:min(n, len(magic))]) || n == 0:
		return &Error{Kind: ErrNotAStore, Err: errors.New("it is not a SQLite database")}
	case n < len(header):
		return &Error{Kind: ErrCorrupt, Err: fmt.Errorf("it ends after %d bytes, within its header", n)}
	case binary.BigEndian.Uint32(header[idOffset:]) != applicationID:
		return &Error{Kind: ErrNotAStore, Err: errors.New("it is a SQLite database of another program")}
	}
	return nil
}

// applicationID is what the migrations write into the file's header.
const applicationID = 1213353555

// lockFile takes a lock between processes, for what they then are doing. Unlocking
// also removes the file.
func lockFile(ctx context.Context, path string, limit time.Duration, doing string) (unlock func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		lock := flock.New(path)
		locked, err := lock.TryLockContext(waiting, 10*time.Millisecond)
		if !locked {
			if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
				return nil, &Error{Kind: ErrLocked, Err: fmt.Errorf("another process has been %s for %v", doing, limit)}
			}
			return nil, err
		}
		// The one who held the lock before has removed the file: then this lock
		// is on a file that others do not see.
		held, err := lock.Stat()
		if err == nil {
			var seen fs.FileInfo
			if seen, err = os.Stat(path); err == nil && os.SameFile(held, seen) {
				return func() { os.Remove(path); lock.Close() }, nil
			}
		}
		lock.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

func describeMode(m fs.FileMode) string {
	if m.IsDir() {
		return "folder"
	}
	return "special file (" + m.Type().String() + ")"
}
