package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	_ "github.com/mattn/go-sqlite3" // the database driver

	"flowharness/harness/internal/files"
)

func open(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	path, err := filepath.Abs(files.FollowLink(path))
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	if err := prepareFile(ctx, path, busy); err != nil {
		return nil, failure("opening the store", path, err)
	}
	s := &Store{path: path, busy: busy, writers: map[*Writer]struct{}{}}
	if s.write, err = connect(ctx, path, busy, writing); err != nil {
		return nil, failure("opening the store", path, err)
	}
	if s.read, err = connect(ctx, path, busy, reading); err == nil {
		s.version, err = fileVersion(ctx, s.read)
	}
	if err == nil {
		err = s.identify(ctx)
	}
	if err != nil {
		s.Close()
		return nil, failure("opening the store", path, err)
	}
	return s, nil
}

func openReadOnly(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	const op = "opening the store for reading"
	path, err := filepath.Abs(files.FollowLink(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no store at %s: the first run creates it; --store or $HARNESS_STORE names another: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, failure(op, path, err)
	}
	if err := checkHeader(path, info); err != nil {
		return nil, failure(op, path, err)
	}
	s := &Store{path: path, busy: busy, writers: map[*Writer]struct{}{}}
	s.read, s.version, _, err = connectReadOnly(ctx, path, busy)
	if err != nil {
		return nil, failure(op, path, err)
	}
	newest, err := newestVersion()
	if err == nil {
		err = checkVersion(s.version, newest)
	}
	if err == nil && s.version < newest {
		err = &Error{Kind: ErrReadOnly, Err: fmt.Errorf("its schema version %d must be brought to %d first", s.version, newest),
			Advice: "open it once with a command that writes, such as harness tag"}
	}
	if err == nil {
		err = s.identify(ctx)
	}
	if err != nil {
		s.Close()
		return nil, failure(op, path, err)
	}
	return s, nil
}

// connectReadOnly reads the file as it is. Reading a WAL file needs its
// shared-memory file, which cannot be made on a read-only medium; there, with
// no log left to replay, nobody can be writing and the file is read as
// unchanging.
func connectReadOnly(ctx context.Context, path string, busy time.Duration) (*sql.DB, int64, mode, error) {
	var firstErr error
	for _, m := range []mode{readingOnly, readingImmutable} {
		if m == readingImmutable {
			if _, err := os.Stat(path + "-wal"); err == nil {
				break
			}
		}
		db, err := connect(ctx, path, busy, m)
		if err == nil {
			var version int64
			if version, err = fileVersion(ctx, db); err == nil {
				return db, version, m, nil
			}
			db.Close()
		}
		if firstErr == nil {
			firstErr = err
		}
		if !cannotOpen(err) {
			break
		}
	}
	return nil, 0, readingOnly, firstErr
}

// mode says what a pool of connections is for.
type mode int

const (
	writing mode = iota
	reading
	readingOnly      // the file is not to be written, not even by recovery
	readingImmutable // the file cannot change and has no log
)

func connect(ctx context.Context, path string, busy time.Duration, m mode) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", dataSource(path, busy, m))
	if err != nil {
		return nil, err
	}
	if m == writing {
		db.SetMaxOpenConns(1)
	} else {
		db.SetMaxOpenConns(4)
	}
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// dataSource is the URI by which SQLite opens a file.
func dataSource(path string, busy time.Duration, m mode) string {
	q := url.Values{}
	q.Set("_busy_timeout", strconv.FormatInt(busy.Milliseconds(), 10))
	q.Set("_foreign_keys", "on")
	switch m {
	case writing:
		q.Set("_journal_mode", "WAL")
		// NORMAL would let a power cut take back what has been committed, and a
		// checkpoint on the disk would be ahead of the points that lead to it.
		q.Set("_synchronous", "FULL")
		q.Set("_txlock", "immediate")
		// The statements of a flush; a quarter of its time was preparing them anew.
		q.Set("_stmt_cache_size", "16")
	case reading:
		q.Set("_query_only", "on")
	case readingOnly:
		q.Set("_query_only", "on")
		q.Set("mode", "ro")
	case readingImmutable:
		q.Set("_query_only", "on")
		q.Set("immutable", "1")
	}
	uri := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return uri.String()
}
