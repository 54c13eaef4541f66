package storefile

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flowharness/harness/internal/files"
)

// prepareFile makes sure that there is a file of the newest schema at path.
func prepareFile(ctx context.Context, path string, busy time.Duration) error {
	newest, err := NewestVersion()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if current, err := isCurrent(ctx, path, busy, newest); current || err != nil {
		return err
	}

	// Only one process at a time may create or migrate the file.
	unlock, err := Lock(ctx, path+".lock", busy, "creating or upgrading it")
	if err != nil {
		return err
	}
	defer unlock()
	if current, err := isCurrent(ctx, path, busy, newest); current || err != nil {
		return err
	}
	return createOrMigrate(ctx, path, busy)
}

// isCurrent tells whether the file exists and needs no migration. It is an error if the file is not
// a store or is newer than this build.
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
	// If the file cannot be written, SQLite would silently open it for reading.
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
	return version == newest, CheckVersion(version)
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

// create makes a new store beside path and moves it there when it is complete.
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
		// Closing also moves the log into the file, but does not report whether the disk had room
		// for it.
		_, err = db.ExecContext(ctx, queryEmptyLog)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return files.Place(temp, path)
}

// queryNoReferences allows writing rows before the rows that they refer to.
const queryNoReferences = `PRAGMA foreign_keys = 0`

// Build makes a new store at path and fills it in one transaction. Rows may be written before the
// rows that they refer to. It is an error if the new file turns out not to be sound. After an
// error, parts of the file may be left.
func Build(ctx context.Context, path string, fill func(ctx context.Context, tx *sql.Tx) error) error {
	if err := create(ctx, path, defaultBusy); err != nil {
		return err
	}
	db, err := connect(ctx, path, defaultBusy, writing)
	if err != nil {
		return err
	}
	defer db.Close() // again, without effect, where all went well
	if _, err := db.ExecContext(ctx, queryNoReferences); err != nil {
		return err
	}
	if err := Transact(ctx, db, func(tx *sql.Tx) error { return fill(ctx, tx) }); err != nil {
		return err
	}
	if err := checkIntegrity(ctx, db, queryIntegrity); err != nil {
		return fmt.Errorf("the new store is not sound: %w", err)
	}
	if _, err := db.ExecContext(ctx, queryEmptyLog); err != nil {
		return err
	}
	return db.Close()
}

// checkHeader reads the header of the file, so that a file of another program is refused before
// SQLite opens it and thereby changes it.
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

// applicationID is what the migrations write into the header of the file.
const applicationID = 1213353555

func describeMode(m fs.FileMode) string {
	if m.IsDir() {
		return "folder"
	}
	return "special file (" + m.Type().String() + ")"
}
