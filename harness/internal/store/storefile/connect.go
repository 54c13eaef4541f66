package storefile

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"
)

// connectReadOnly opens a file without changing it. To read a file in WAL mode SQLite needs an
// index of its log, a file that processes share. On a full disk the index cannot grow, so each
// connection makes its own. On a read-only medium it cannot be created; if there is no log left to
// replay, then nobody can be writing, and the file is opened as immutable.
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
		case m == readingOnly && KindOf(err) == ErrFull:
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

// mode is the purpose of a pool of connections.
type mode int

const (
	writing mode = iota
	reading
	readingOnly      // the file must not be written, not even to replay its log
	readingOwnIndex  // like readingOnly, and nothing is written beside the file
	readingImmutable // the file cannot change and has no log
)

func connect(ctx context.Context, path string, busy time.Duration, m mode) (*sql.DB, error) {
	return newConnector(path, busy, m).connect(ctx)
}

// connector opens the connections of a pool. Its target can change: see
// [File.Writing].
type connector struct {
	busy time.Duration
	now  atomic.Pointer[target]
}

// target is a file, and what it is opened for.
type target struct {
	path string
	mode mode
}

func newConnector(path string, busy time.Duration, m mode) *connector {
	c := &connector{busy: busy}
	c.now.Store(&target{path, m})
	return c
}

func (c *connector) mode() mode { return c.now.Load().mode }

// Connect and Driver implement [driver.Connector].
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	now := c.now.Load()
	return c.Driver().Open(dataSource(now.path, c.busy, now.mode))
}

func (c *connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// connect opens a pool, and one connection to find out whether that works.
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
		// With NORMAL, a power failure could undo commits. A checkpoint on the disk would then be
		// ahead of the points that led to it.
		q.Set("_synchronous", "FULL")
		q.Set("_txlock", "immediate")
		// Enough for the statements of a flush, which would spend a quarter of its time preparing
		// them.
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
