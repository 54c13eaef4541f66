package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"flowharness/harness/internal/store/storefile"
)

// Extract writes a new store file that contains one run and nothing else. The same build writes the
// same bytes for the same run: no clock and nothing about the machine goes into it. A live run is
// refused with [ErrRunning], one in the trash with [ErrTrashed]. It is an error if a file exists at
// path.
func (s *Store) Extract(ctx context.Context, runID, path string) error {
	op := "copying run " + runID + " into a store of its own"
	dir, err := os.MkdirTemp(filepath.Dir(path), ".extract-*")
	if err != nil {
		return storefile.Failure(op, path, err)
	}
	defer os.RemoveAll(dir)
	single, err := Open(ctx, filepath.Join(dir, "run.db"))
	if err != nil {
		return err
	}
	defer single.Close()
	result, err := single.Merge(ctx, s.Path(), MergeOptions{Runs: []string{runID}, trusted: true})
	switch {
	case err != nil:
		return err
	case result.Live > 0:
		return fmt.Errorf("%s: %w: stop it first", op, ErrRunning)
	case result.Trashed > 0:
		return fmt.Errorf("%s: %w: take it out first", op, ErrTrashed)
	case result.Added != 1:
		return fmt.Errorf("%s: %w", op, errors.New("it was not copied"))
	}
	err = single.inTx(ctx, op, func(tx *sql.Tx) error {
		for _, query := range []string{queryForgetMigrations, queryForgetIdentity} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// A copy of the database has no free pages, which would depend on the order of writing.
	if err := single.file.CopyTo(ctx, path); err != nil {
		os.Remove(path)
		return storefile.Failure(op, path, err)
	}
	return nil
}

// These remove what would differ between files of the same schema.
const (
	queryForgetMigrations = `UPDATE goose_db_version SET tstamp = '1970-01-01 00:00:00'`
	queryForgetIdentity   = `UPDATE identity SET id = (SELECT id FROM runs)`
)
