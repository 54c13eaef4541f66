package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"flowharness/harness/internal/fault"
)

// failure turns what SQLite or the system reported into an [*Error] that knows
// what would help, or wraps it with op and path where there is no advice to
// give. It returns nil for nil.
func failure(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Op != "" {
			return err
		}
		full := *e
		full.Op, full.Path = op, path
		if full.Help.Action == "" {
			full.Help = remedyFor(full.Kind, path)
		}
		return &full
	}
	if isAboutRuns(err) {
		return err
	}
	if kind := kindOf(err); kind != nil {
		return &Error{Kind: kind, Op: op, Path: path, Help: remedyFor(kind, path), Err: err}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %s: %w", op, path, err)
}

func (s *Store) failure(op string, err error) error { return failure(op, s.path, err) }

var remedies = map[error]fault.Action{
	ErrNotAStore:   fault.NameAnotherStore,
	ErrNewerSchema: fault.UpdateOrName,
	ErrCorrupt:     fault.RecoverStore,
	ErrReadOnly:    fault.MakeWritable,
	ErrLocked:      fault.WaitForLock,
	ErrFull:        fault.FreeSpace,
}

// remedyFor is what helps with a file.
func remedyFor(kind error, path string) fault.Remedy { return fault.Do(remedies[kind], path) }

// kindOf classifies an error of SQLite or the system; nil if it is of no kind
// that has advice.
func kindOf(err error) error {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		switch e.Code {
		case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
			return ErrLocked
		case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen:
			// The file itself could be opened when this is asked: it is the
			// folder, where SQLite keeps its log, that could not be written.
			return ErrReadOnly
		case sqlite3.ErrFull:
			return ErrFull
		case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
			return ErrCorrupt
		case sqlite3.ErrIoErr:
			if e.SystemErrno != 0 {
				return kindOf(e.SystemErrno)
			}
			if e.ExtendedCode == sqlite3.ErrIoErrShortRead {
				return ErrCorrupt
			}
		}
		return nil
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	}
	return nil
}

// isAboutRuns tells whether err already is a whole message for the user, about a
// run and not about the file.
func isAboutRuns(err error) bool {
	_, notFound := errors.AsType[*NotFoundError](err)
	_, ambiguous := errors.AsType[*AmbiguousError](err)
	_, conflict := errors.AsType[*ConflictError](err)
	return notFound || ambiguous || conflict || errors.Is(err, ErrRunning) || errors.Is(err, ErrTrashed)
}

func cannotOpen(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && (e.Code == sqlite3.ErrCantOpen || e.Code == sqlite3.ErrReadonly)
}

var errOpenedForReading = &Error{Kind: ErrReadOnly, Err: errors.New("it was opened for reading")}

// writer is the connection that writes. A store that is read because its disk was
// full is tried again.
func (s *Store) writer(ctx context.Context) (*sql.DB, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.write != nil || !errors.Is(s.unwritable, ErrFull) {
		if s.write == nil {
			return nil, s.unwritable
		}
		return s.write, nil
	}
	// As long as one connection of this process does without the shared index, no
	// other can have it.
	s.read.SetMaxIdleConns(-1)
	defer s.read.SetMaxIdleConns(defaultIdle)
	db, err := connect(ctx, s.path, s.busy, writing)
	switch {
	case kindOf(err) == ErrFull:
		return nil, s.unwritable // still
	case err != nil:
		return nil, err
	}
	s.write = db
	s.reading.now.Store(int32(reading))
	return db, nil
}

// defaultIdle is how many idle connections database/sql keeps.
const defaultIdle = 2

// inReadTx runs f in a transaction that only reads.
func (s *Store) inReadTx(ctx context.Context, op string, f func(tx *sql.Tx) error) error {
	t, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return s.failure(op, err)
	}
	defer t.Rollback()
	return s.failure(op, f(t))
}

// inTx runs f in a transaction of the writing connection, which holds the
// file's write lock from its beginning.
func (s *Store) inTx(ctx context.Context, op string, f func(tx *sql.Tx) error) error {
	db, err := s.writer(ctx)
	if err != nil {
		return s.failure(op, err)
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s.failure(op, err)
	}
	defer t.Rollback() // without effect after Commit
	if err := f(t); err != nil {
		return s.failure(op, err)
	}
	return s.failure(op, commit(ctx, t))
}

// commit ends a transaction. When its context ends just before, database/sql has
// rolled it back already and knows no reason any more.
func commit(ctx context.Context, t *sql.Tx) error {
	err := t.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
