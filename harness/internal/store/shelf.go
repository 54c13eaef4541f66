package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"flowharness/harness/internal/fault"
)

// Shelf says where a run lies: a run is active until the user archives it or
// throws it into the trash. A run that was archived before it came into the trash
// is in the trash, and archived again when it is restored.
type Shelf int

// The shelves, as [Filter] asks for them.
const (
	ShelfActive   Shelf = iota // neither archived nor in the trash
	ShelfArchived              // archived and not in the trash
	ShelfTrash                 // in the trash
	ShelfAll                   // all runs, wherever they lie
)

// ErrTrashed is returned for what cannot be done with a run in the trash.
var ErrTrashed = fault.New(fault.Conflict, "the run is in the trash")

const (
	queryArchive   = `UPDATE runs SET archived_at = coalesce(archived_at, ?2) WHERE id = ?1`
	queryUnarchive = `UPDATE runs SET archived_at = NULL WHERE id = ?1`
	queryTrash     = `UPDATE runs SET deleted_at = coalesce(deleted_at, ?2) WHERE id = ?1`
	queryRestore   = `UPDATE runs SET deleted_at = NULL WHERE id = ?1`
	queryDeletedAt = `SELECT slug, deleted_at FROM runs WHERE id = ?`
)

// Archive puts runs out of sight of lists. Everything else treats an archived run
// as any other: it is found by its name, it is compared, and it counts as made
// for a sweep. What is archived already stays so since then.
//
// All runs or none: an id that does not exist is a [*NotFoundError], as it is for
// Unarchive, Trash and Restore.
func (s *Store) Archive(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "archiving runs", ids, mustExist, queryArchive, toMilliseconds(time.Now()))
}

// Unarchive undoes Archive. That a run is not archived is no error.
func (s *Store) Unarchive(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "taking runs out of the archive", ids, mustExist, queryUnarchive)
}

// Trash puts runs into the trash, with nothing deleted: they are found by their
// whole id or slug only, do not count as made, and are neither merged nor
// resumed. What is there already stays so since then. If one of them is live none
// is put there, with [ErrRunning].
func (s *Store) Trash(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "putting runs into the trash", ids, mustNotLive, queryTrash, toMilliseconds(time.Now()))
}

// Restore undoes Trash. That a run is not in the trash is no error.
func (s *Store) Restore(ctx context.Context, ids ...string) error {
	return s.shelve(ctx, "taking runs out of the trash", ids, mustExist, queryRestore)
}

// shelve runs a query, of which the first parameter is the id, for each run, after
// check has found nothing against it.
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

// mustNotTrashed is an error if a run is in the trash.
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
