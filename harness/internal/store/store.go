// Package store keeps runs in one SQLite file: what was run, on what, every
// metric point, timing, log line and sample grid.
//
// Several processes may use one store at once. A training process records
// through a [Writer], which buffers, so that a metric point costs the training
// loop well under a microsecond; all other methods are queries or small
// transactions. Errors that a user can act on are of type [*Error], [*NotFoundError]
// or [*AmbiguousError] and say what was wrong, where, and what to do.
package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Store is an open store file. It is safe for concurrent use.
type Store struct {
	path       string
	read       *sql.DB
	reading    *connector    // of read, where the store was opened for reading
	unwritable error         // why it was
	version    int64         // schema version of the file
	id         string        // see ID
	busy       time.Duration // how long a statement waits for another process's write

	opening sync.Mutex
	write   *sql.DB // one connection: SQLite has one writer at a time anyway; see writer

	mu      sync.Mutex
	writers map[*Writer]struct{}
	entropy *ulid.MonotonicEntropy
}

// Open opens the store at path for reading and writing. It creates the file
// and its folder if they are absent, and brings an older schema up to date.
//
// Errors match [ErrNotAStore], [ErrNewerSchema], [ErrCorrupt], [ErrReadOnly],
// [ErrLocked] or [ErrFull] where one of these is the cause.
func Open(ctx context.Context, path string) (*Store, error) {
	return open(ctx, path, defaultBusyTimeout)
}

// OpenReadOnly opens an existing store for queries only; it works on a medium
// that cannot be written. An absent file is an error that matches
// [io/fs.ErrNotExist]. Methods that write fail with [ErrReadOnly].
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	return openReadOnly(ctx, path, defaultBusyTimeout)
}

// OpenExisting is [Open] for a store that exists, but where the file cannot be
// written because of its medium, its permissions or a full disk it is opened as by
// [OpenReadOnly]: see [Store.Unwritable]. Methods that write then fail for that
// reason; once a full disk has room again, they no longer do.
func OpenExisting(ctx context.Context, path string) (*Store, error) {
	return openExisting(ctx, path, defaultBusyTimeout)
}

// Unwritable says why the store was opened for reading only; nil if it was not.
func (s *Store) Unwritable() error { return s.unwritable }

// ID is the store's own id: what lies beside the file names it, because another
// store may lie in the same folder. A copy of the file has the same.
func (s *Store) ID() string { return s.id }

const queryIdentity = `SELECT id FROM identity`

// identify reads the store's id.
func (s *Store) identify(ctx context.Context) error {
	return s.read.QueryRowContext(ctx, queryIdentity).Scan(&s.id)
}

// Integrity reads the whole file and checks its structure. Damage is an error
// that matches [ErrCorrupt] and lists what was found.
func (s *Store) Integrity(ctx context.Context) error {
	return s.failure("checking the store", checkIntegrity(ctx, s.read, queryIntegrity))
}

// checkIntegrity runs a query that lists damage, or "ok".
func checkIntegrity(ctx context.Context, db *sql.DB, query string) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(found) > 0 {
		return &Error{Kind: ErrCorrupt, Err: errors.New(strings.Join(found, "; "))}
	}
	return nil
}

const queryIntegrity = `PRAGMA integrity_check(10)`

// defaultBusyTimeout is how long a statement waits for another process's write
// before it fails with [ErrLocked].
const defaultBusyTimeout = 10 * time.Second

// Path is the file that the store was opened from.
func (s *Store) Path() string { return s.path }

// SchemaVersion is the number of the newest migration applied to the file.
func (s *Store) SchemaVersion() int64 { return s.version }

// Close stops the writers that were not finished, after flushing them, and
// closes the file. Runs of such writers keep their status.
func (s *Store) Close() error {
	s.mu.Lock()
	writers := make([]*Writer, 0, len(s.writers))
	for w := range s.writers {
		writers = append(writers, w)
	}
	s.mu.Unlock()
	var errs []error
	for _, w := range writers {
		errs = append(errs, w.stop())
	}
	for _, db := range []*sql.DB{s.write, s.read} {
		if db != nil { // it was opened for reading, or opening it has failed halfway
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
