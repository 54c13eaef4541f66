// Package store keeps runs in one SQLite file: what was run, on what, every
// metric point, timing, log line and sample grid.
//
// It says what runs, samples, evaluations, tags and sweeps are. Below it, package storefile opens the file, brings its schema
// up to date and knows what can be wrong with it, and package points keeps the points of series.
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
	"sync"

	"github.com/oklog/ulid/v2"

	"flowharness/harness/internal/store/storefile"
)

// Store is an open store. It is safe for concurrent use.
type Store struct {
	file *storefile.File
	read *sql.DB // of the file

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
	return of(storefile.Open(ctx, path, storefile.Options{}))
}

// OpenReadOnly opens an existing store for queries only; it works on a medium
// that cannot be written. An absent file is an error that matches
// [io/fs.ErrNotExist]. Methods that write fail with [ErrReadOnly].
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	return of(storefile.OpenReadOnly(ctx, path, storefile.Options{}))
}

// OpenExisting is [Open] for a store that exists, but where the file cannot be
// written because of its medium, its permissions or a full disk it is opened as by
// [OpenReadOnly]: see [Store.Unwritable]. Methods that write then fail for that
// reason; once a full disk has room again, they no longer do.
func OpenExisting(ctx context.Context, path string) (*Store, error) {
	return of(storefile.OpenExisting(ctx, path, storefile.Options{}))
}

// of is the store of a file.
func of(f *storefile.File, err error) (*Store, error) {
	if err != nil {
		return nil, err
	}
	return &Store{file: f, read: f.Reading(), writers: map[*Writer]struct{}{}}, nil
}

// CheckFile tells, as far as it is known without reading the whole file, whether
// a file is a store that this build can merge or open. Nothing is written.
func CheckFile(ctx context.Context, path string) error { return storefile.CheckFile(ctx, path) }

// Unwritable says why the store was opened for reading only; nil if it was not.
func (s *Store) Unwritable() error { return s.file.Unwritable() }

// ID is the store's own id: what lies beside the file names it, because another
// store may lie in the same folder. A copy of the file has the same.
func (s *Store) ID() string { return s.file.ID() }

// Path is the file that the store was opened from.
func (s *Store) Path() string { return s.file.Path() }

// SchemaVersion is the number of the newest migration applied to the file.
func (s *Store) SchemaVersion() int64 { return s.file.Version() }

// Integrity reads the whole file and checks its structure. Damage is an error
// that matches [ErrCorrupt] and lists what was found.
func (s *Store) Integrity(ctx context.Context) error { return s.file.Integrity(ctx) }

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
	return errors.Join(append(errs, s.file.Close())...)
}

func (s *Store) failure(op string, err error) error { return s.file.Failure(op, err) }

func (s *Store) inReadTx(ctx context.Context, op string, do func(tx *sql.Tx) error) error {
	return s.file.InReadTx(ctx, op, do)
}

func (s *Store) inTx(ctx context.Context, op string, do func(tx *sql.Tx) error) error {
	return s.file.InTx(ctx, op, do)
}
