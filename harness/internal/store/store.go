// Package store keeps runs in one SQLite file: what was run, on what, every
// metric point, timing, log line and sample grid.
//
// It defines runs, samples, evaluations, tags and sweeps. Two packages lie below it: storefile
// opens the file, migrates its schema and reports what is wrong with it; points keeps the points of
// series.
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

// OpenReadOnly opens an existing store for reading only; this works on a read-only medium. If there
// is no file, the error matches [io/fs.ErrNotExist]. Methods that write fail with [ErrReadOnly].
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	return of(storefile.OpenReadOnly(ctx, path, storefile.Options{}))
}

// OpenExisting is [Open] for a store that must exist already. Where the file cannot be written,
// because of its medium, its permissions or a full disk, it is opened for reading only, and
// [Store.Unwritable] says why. Methods that write then fail for the same reason, until a full disk
// has room again.
func OpenExisting(ctx context.Context, path string) (*Store, error) {
	return of(storefile.OpenExisting(ctx, path, storefile.Options{}))
}

// of makes the store of an open file.
func of(f *storefile.File, err error) (*Store, error) {
	if err != nil {
		return nil, err
	}
	return &Store{file: f, read: f.Reading(), writers: map[*Writer]struct{}{}}, nil
}

// CheckFile tells whether this build can open or merge the store at path, as far as that can be
// told without reading the whole file. It writes nothing.
func CheckFile(ctx context.Context, path string) error { return storefile.CheckFile(ctx, path) }

// Unwritable says why the store was opened for reading only; nil if it was not.
func (s *Store) Unwritable() error { return s.file.Unwritable() }

// ID is the id of the store. Files beside the store carry it, since another store may lie in the
// same folder. A copy of the store has the same id.
func (s *Store) ID() string { return s.file.ID() }

// Path is the absolute path of the store's file.
func (s *Store) Path() string { return s.file.Path() }

// SchemaVersion is the number of the newest migration applied to the file.
func (s *Store) SchemaVersion() int64 { return s.file.Version() }

// Integrity reads the whole file and checks its structure. Damage is an error
// that matches [ErrCorrupt] and lists what was found.
func (s *Store) Integrity(ctx context.Context) error { return s.file.Integrity(ctx) }

// Close flushes and stops the writers that have not been finished, and closes the file. The runs of
// those writers keep their status.
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
