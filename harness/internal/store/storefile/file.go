// Package storefile opens the file of a store: an SQLite database of a known schema.
//
// It creates the file whole or not at all, brings an older schema up to date, refuses what is not a store, finds
// damage, and opens what cannot be written for reading only. Several processes may use one file at once. It knows the
// tables only as far as its migrations make them; what they hold is for the packages above it.
//
// Errors that a user can act on are of type [*Error] and say what was wrong, where, and what to do.
package storefile

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// File is an open store file. It is safe for concurrent use.
type File struct {
	path       string
	read       *sql.DB
	reading    *connector    // of read, where the file was opened for reading
	unwritable error         // why it was
	version    int64         // schema version of the file
	id         string        // see ID
	busy       time.Duration // how long a statement waits for another process's write

	opening sync.Mutex
	write   *sql.DB // one connection: SQLite has one writer at a time anyway; see Writing
}

// Options say how a file is opened.
type Options struct {
	Busy time.Duration // how long a statement waits for another process's write before it fails with [ErrLocked]; 0: 10 s
}

const defaultBusy = 10 * time.Second

func (o Options) busy() time.Duration {
	if o.Busy == 0 {
		return defaultBusy
	}
	return o.Busy
}

// Path is the file that was opened: absolute, and where the name given was a link, what it leads to.
func (f *File) Path() string { return f.path }

// ID is the store's own id: what lies beside the file names it, because another
// store may lie in the same folder. A copy of the file has the same.
func (f *File) ID() string { return f.id }

// Version is the schema version of the file: the number of the newest migration applied to it.
func (f *File) Version() int64 { return f.version }

// Unwritable says why the file was opened for reading only; nil if it was not.
func (f *File) Unwritable() error { return f.unwritable }

const queryIdentity = `SELECT id FROM identity`

// identify reads the store's id.
func (f *File) identify(ctx context.Context) error {
	return f.read.QueryRowContext(ctx, queryIdentity).Scan(&f.id)
}

// Close closes the file.
func (f *File) Close() error {
	var errs []error
	for _, db := range []*sql.DB{f.write, f.read} {
		if db != nil { // it was opened for reading, or opening it has failed halfway
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
