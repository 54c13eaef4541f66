package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"flowharness/harness/internal/fault"
)

// Shelf is where a run lies. A run is active until the user archives it or puts it into the trash.
// An archived run that is put into the trash is archived again when it is restored.
type Shelf int

// The shelves, as [Filter] asks for them.
const (
	ShelfActive   Shelf = iota // neither archived nor in the trash
	ShelfArchived              // archived and not in the trash
	ShelfTrash                 // in the trash
	ShelfAll                   // all runs, wherever they lie
)

// ErrTrashed is returned for an operation that is not possible while the run is in the trash.
var ErrTrashed = fault.New(fault.Conflict, "the run is in the trash")

const (
	queryArchive   = `UPDATE runs SET archived_at = coalesce(archived_at, ?2) WHERE id = ?1`
	queryUnarchive = `UPDATE runs SET archived_at = NULL WHERE id = ?1`
	queryTrash     = `UPDATE runs SET deleted_at = coalesce(deleted_at, ?2) WHERE id = ?1`
	queryRestore   = `UPDATE runs SET deleted_at = NULL WHERE id = ?1`
	queryDeletedAt = `SELECT slug, deleted_at FROM runs WHERE id = ?`
)

// Archive hides runs from lists. In everything else an archived run is like any other: it is found
// by its name, it is compared, and a sweep does not make it again. The time of archiving stays if
// the run was archived already.
//
// Either all of the runs are archived or none: an id that does not exist is a [*NotFoundError]. The
// same is true of Unarchive, Trash and Restore.
func (s *Store) Archive(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "archiving runs", ids, mustExist, queryArchive, toMilliseconds(time.Now()))
}

// Unarchive undoes Archive. It is no error if a run is not archived.
func (s *Store) Unarchive(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "taking runs out of the archive", ids, mustExist, queryUnarchive)
}

// Trash puts runs into the trash. Nothing is deleted, but the runs are found only by their whole id
// or slug, a sweep makes them again, and they are neither merged nor resumed. If one of them is
// live, none is put into the trash, and the error is [ErrRunning].
func (s *Store) Trash(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "putting runs into the trash", ids, mustNotLive, queryTrash, toMilliseconds(time.Now()))
}

// Restore undoes Trash. It is no error if a run is not in the trash.
func (s *Store) Restore(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "taking runs out of the trash", ids, mustExist, queryRestore)
}

// shelve runs a query for each run, once check has had no objection to it. The first parameter of
// the query is the id.
func (s *Store) shelve(ctx context.Context, op string, ids []string, check func(context.Context, *sql.Tx, string) error,
	query string, args ...any) error {
	return s.inTx(ctx, op, func(tx *sql.Tx) error {
		for _, id := range ids {
			if err := check(ctx, tx, id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, query, append([]any{id}, args...)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// mustNotTrashed returns an error if a run is in the trash.
func mustNotTrashed(ctx context.Context, tx *sql.Tx, id string) error {
	var slug string
	var deleted sql.Null[milliseconds]
	err := tx.QueryRowContext(ctx, queryDeletedAt, id).Scan(&slug, &deleted)
	if err == nil && deleted.Valid {
		err = trashed(slug)
	}
	return err
}

func trashed(slug string) error {
	return fault.WithRemedy(fmt.Errorf("run %s: %w", slug, ErrTrashed), fault.TakeOutOfTrash, slug)
}

// addShelf adds the condition that a run lies on a shelf.
func (q *conditions) addShelf(shelf Shelf) error {
	switch shelf {
	case ShelfActive:
		q.add("r.archived_at IS NULL AND r.deleted_at IS NULL")
	case ShelfArchived:
		q.add("r.archived_at IS NOT NULL AND r.deleted_at IS NULL")
	case ShelfTrash:
		q.add("r.deleted_at IS NOT NULL")
	case ShelfAll:
	default:
		return fmt.Errorf("there is no shelf %d", shelf)
	}
	return nil
}
