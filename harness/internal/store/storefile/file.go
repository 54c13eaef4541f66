// Package storefile opens the file of a store: an SQLite database with a known schema.
//
// It creates a file completely or not at all, migrates older schemas, refuses files that are not
// stores, detects damage, and opens a file that cannot be written for reading only. Several
// processes may use one file at once. Its migrations create the tables, but what the tables mean is
// known only to the packages that use it.
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
	reading    *connector    // of read, if the file was opened for reading only
	clean      func() error  // removes the copy that is read instead; nil: there is none
	unwritable error         // why it was opened for reading only
	version    int64         // schema version of the file
	id         string        // see ID
	busy       time.Duration // how long a statement waits for another process's write

	opening sync.Mutex
	write   *sql.DB // a single connection, since SQLite allows one writer at a time; see Writing
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

// Path is the absolute path of the file. Links have been followed.
func (f *File) Path() string { return f.path }

// ID is the id of the store. Files beside the store carry it, since another store may lie in the
// same folder. A copy of the file has the same id.
func (f *File) ID() string { return f.id }

// Version is the schema version of the file: the number of the newest migration that was applied to
// it.
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
	if f.clean != nil {
		errs = append(errs, f.clean())
	}
	return errors.Join(errs...)
}
