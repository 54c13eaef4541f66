package storefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"flowharness/harness/internal/fault"
)

// Failure turns an error of SQLite or the system into an [*Error] with advice. If there is no
// advice to give, it adds what was being done, op, and the path of the file. Errors that are not
// about the file, such as that a run was not found, are returned as they are. For nil it returns
// nil.
func Failure(op, path string, err error) error {
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
	if isWhole(err) {
		return err
	}
	if kind := KindOf(err); kind != nil {
		return &Error{Kind: kind, Op: op, Path: path, Help: remedyFor(kind, path), Err: err}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %s: %w", op, path, err)
}

// Failure is [Failure] for this file.
func (f *File) Failure(op string, err error) error { return Failure(op, f.path, err) }

var remedies = map[error]fault.Action{
	ErrNotAStore:   fault.NameAnotherStore,
	ErrNewerSchema: fault.UpdateOrName,
	ErrCorrupt:     fault.RecoverStore,
	ErrReadOnly:    fault.MakeWritable,
	ErrLocked:      fault.WaitForLock,
	ErrFull:        fault.FreeSpace,
}

// remedyFor returns what helps against a kind of error.
func remedyFor(kind error, path string) fault.Remedy { return fault.Do(remedies[kind], path) }

// KindOf returns the kind of an error of SQLite or the system, such as [ErrFull]; nil if it is none
// of the kinds of this package.
func KindOf(err error) error {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		switch e.Code {
		case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
			return ErrLocked
		case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen:
			// The file itself could be opened, so it is the folder, where SQLite keeps its log,
			// that cannot be written.
			return ErrReadOnly
		case sqlite3.ErrFull:
			return ErrFull
		case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
			return ErrCorrupt
		case sqlite3.ErrIoErr:
			if e.SystemErrno != 0 {
				return KindOf(e.SystemErrno)
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

// isWhole tells whether err is a complete message already, about what a store contains and not
// about its file.
func isWhole(err error) bool {
	switch fault.Of(err) {
	case fault.NotFound, fault.Ambiguous, fault.Conflict:
		return true
	}
	return false
}

func cannotOpen(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && (e.Code == sqlite3.ErrCantOpen || e.Code == sqlite3.ErrReadonly)
}

var errOpenedForReading = &Error{Kind: ErrReadOnly, Err: errors.New("it was opened for reading")}
