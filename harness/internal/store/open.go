package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"

	"flowharness/harness/internal/fault"
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

// openExisting is [OpenExisting]. What keeps it from being written is kept for who
// tries to.
func openExisting(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, absent(path)
	}
	s, err := open(ctx, path, busy)
	if errors.Is(err, ErrReadOnly) || errors.Is(err, ErrFull) {
		if reading, e := openReadOnly(ctx, path, busy); e == nil {
			reading.unwritable = err
			if full, ok := errors.AsType[*Error](err); ok && full.Kind == ErrFull {
				full.Help = fault.Do(fault.DeleteRuns, path)
			}
			return reading, nil
		}
	}
	return s, err
}

func absent(path string) error {
	return fault.WithRemedy(fmt.Errorf("there is no store at %s: %w", path, fs.ErrNotExist), fault.CreateStore)
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
		return nil, absent(path)
	case err != nil:
		return nil, failure(op, path, err)
	}
	if err := checkHeader(path, info); err != nil {
		return nil, failure(op, path, err)
	}
	s := &Store{path: path, busy: busy, writers: map[*Writer]struct{}{}, unwritable: errOpenedForReading}
	s.read, s.version, s.reading, err = connectReadOnly(ctx, path, busy)
	if err != nil {
		return nil, failure(op, path, err)
	}
	newest, err := newestVersion()
	if err == nil {
		err = checkVersion(s.version, newest)
	}
	if err == nil && s.version < newest {
		err = &Error{Kind: ErrReadOnly, Err: fmt.Errorf("its schema version %d must be brought to %d first", s.version, newest),
			Help: fault.Do(fault.UpgradeStore, path)}
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

// connectReadOnly reads the file as it is. Reading a WAL file needs an index of its
// log, which SQLite shares between processes by a file. On a full disk this cannot
// grow, and each connection makes an index of its own. On a read-only medium it
// cannot be made at all; there, with no log left to replay, nobody can be writing
// and the file is read as unchanging.
func connectReadOnly(ctx context.Context, path string, busy time.Duration) (*sql.DB, int64, *connector, error) {
	m := readingOnly
	for {
		c := newConnector(path, busy, m)
		db, version, err := readVersion(ctx, c)
		if err == nil {
			return db, version, c, nil
		}
		_, noLog := os.Stat(path + "-wal")
		switch {
		case m == readingOnly && kindOf(err) == ErrFull:
			m = readingOwnIndex
		case m == readingOnly && cannotOpen(err) && noLog != nil:
			m = readingImmutable
		default:
			return nil, 0, nil, err
		}
	}
}

// readVersion opens a pool and reads the schema version of the file.
func readVersion(ctx context.Context, c *connector) (*sql.DB, int64, error) {
	db, err := c.connect(ctx)
	if err != nil {
		return nil, 0, err
	}
	version, err := fileVersion(ctx, db)
	if err != nil {
		db.Close()
		return nil, 0, err
	}
	return db, version, nil
}

// mode says what a pool of connections is for.
type mode int

const (
	writing mode = iota
	reading
	readingOnly      // the file is not to be written, not even by recovery
	readingOwnIndex  // as readingOnly; nothing is written beside the file, either
	readingImmutable // the file cannot change and has no log
)

func connect(ctx context.Context, path string, busy time.Duration, m mode) (*sql.DB, error) {
	return newConnector(path, busy, m).connect(ctx)
}

// connector opens the connections of a pool. Its mode can change: see
// [Store.writer].
type connector struct {
	path string
	busy time.Duration
	now  atomic.Int32 // a mode
}

func newConnector(path string, busy time.Duration, m mode) *connector {
	c := &connector{path: path, busy: busy}
	c.now.Store(int32(m))
	return c
}

func (c *connector) mode() mode { return mode(c.now.Load()) }

// Connect and Driver implement [driver.Connector].
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(dataSource(c.path, c.busy, c.mode()))
}

func (c *connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// connect opens a pool, and one connection to see that it can be.
func (c *connector) connect(ctx context.Context) (*sql.DB, error) {
	db := sql.OpenDB(c)
	if c.mode() == writing {
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
	case readingOwnIndex:
		q.Set("_query_only", "on")
		q.Set("mode", "ro")
		q.Set("readonly_shm", "1")
	case readingImmutable:
		q.Set("_query_only", "on")
		q.Set("immutable", "1")
	}
	uri := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return uri.String()
}
