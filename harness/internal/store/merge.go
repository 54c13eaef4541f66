package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/store/storefile"
)

// MergeOptions say what of a store is merged, and how.
type MergeOptions struct {
	Runs []string // only the runs with these ids; empty: all
	// CopyFiles makes ready what lies beside the source for a run that is about
	// to be merged; nil where there is nothing. It is called outside of any
	// transaction, since copying may take long. Its error is that run's alone,
	// except that the disk is full.
	CopyFiles func(ctx context.Context, runID string) (StagedFiles, error)
	Observe   func(done, total int) // called after each run; may be nil

	trusted bool // the source is not searched for damage
}

// StagedFiles are the files of one run, whole, under a temporary name.
type StagedFiles interface {
	// Place moves them to where they belong, just before the run's transaction
	// commits. If it fails, Undo follows.
	Place() error
	// Keep is called after the commit; it removes what Place has replaced, or
	// leaves it to the next time that files of this run are made ready.
	Keep()
	// Undo removes the files, placed or not, and puts back what Place has
	// replaced.
	Undo() error
}

// MergeResult counts what became of the runs of the source.
type MergeResult struct {
	Added     int // new here
	Continued int // were here, and the source has come further or holds more
	Same      int // were here already
	Behind    int // are further here than in the source
	Live      int // running, here or there: left alone
	Trashed   int // in the source's trash: left alone
	Refused   int // see the error
}

// Total is the number of runs that were looked at.
func (r MergeResult) Total() int {
	return r.Added + r.Continued + r.Same + r.Behind + r.Live + r.Trashed + r.Refused
}

// ConflictError says why a run of a source was not merged: the store has a run
// of the same id that it does not continue.
type ConflictError struct {
	RunID, Slug   string // of the run here
	Store, Source string // the files
	Reason        string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("run %s (%s) of %s is not merged into %s: %s", e.Slug, e.RunID, e.Source, e.Store, e.Reason)
}

// Fault is [fault.Conflict].
func (e *ConflictError) Fault() fault.Kind { return fault.Conflict }

// Remedy is to choose one of the two.
func (e *ConflictError) Remedy() fault.Remedy { return fault.Do(fault.LookAtBothAndDrop) }

// Merge brings the runs of another store file into this one, with everything
// recorded about them, each run in a transaction of its own. Merging again
// changes nothing.
//
// A run that is here too is left alone if it is the same, or further than the
// source's. It is replaced if the source continues it; its slug, tags and notes
// stay, and so does the shelf on which it lies here. It belongs to the sweeps of both. If the two differ in another way the run
// is refused with a
// [*ConflictError], and the others go on. Runs that are live, here or there, are
// left alone, and so are those in the source's trash. A new run that is archived
// there is archived here.
//
// The source is only read. One of an older schema is brought up to date in a
// copy; a source that cannot be merged is an error as [OpenReadOnly] gives it,
// and nothing is changed. The errors of single runs are joined. A failure of
// this store, such as a full disk, ends the merging; runs merged before stay.
func (s *Store) Merge(ctx context.Context, src string, o MergeOptions) (MergeResult, error) {
	var result MergeResult
	op := "merging " + src
	if _, err := s.file.Writing(ctx); err != nil {
		return result, s.failure(op, err)
	}
	from, err := s.file.OpenSource(ctx, src, o.trusted)
	if err != nil {
		return result, err
	}
	defer from.Close()
	m, err := s.newMerger(ctx, from)
	if err != nil {
		return result, s.failure(op, err)
	}
	defer m.db.Close()
	ids, err := m.choose(ctx, o.Runs)
	if err != nil {
		return result, s.failure(op, err)
	}
	var refused []error
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return result, errors.Join(append(refused, fmt.Errorf("%s: %d of %d runs are done: %w", op, i, len(ids), err))...)
		}
		outcome, err := m.merge(ctx, id, o.CopyFiles)
		switch {
		case err == nil:
			result.add(outcome)
		case endsMerging(err):
			return result, errors.Join(append(refused, err)...)
		case ctx.Err() != nil:
			return result, errors.Join(append(refused, err)...)
		default:
			result.Refused++
			refused = append(refused, err)
		}
		if o.Observe != nil {
			o.Observe(i+1, len(ids))
		}
	}
	if len(o.Runs) == 0 {
		refused = append(refused, m.inTx(ctx, op, func(tx *sql.Tx) error { return m.rest(ctx, tx) }))
	}
	return result, errors.Join(refused...)
}

func (r *MergeResult) add(o outcome) {
	switch o {
	case outcomeAdded:
		r.Added++
	case outcomeContinued:
		r.Continued++
	case outcomeSame:
		r.Same++
	case outcomeBehind:
		r.Behind++
	case outcomeLive:
		r.Live++
	case outcomeTrashed:
		r.Trashed++
	}
}

// rest brings over what belongs to no run: reference values, and sweeps without
// runs.
func (m *merger) rest(ctx context.Context, tx *sql.Tx) error {
	for _, t := range m.tables.shared {
		if t.name == tableImages {
			continue // all belong to runs, some perhaps to refused ones
		}
		if _, err := tx.ExecContext(ctx, t.fill(templateShareAll)); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	_, err := tx.ExecContext(ctx, queryMergeReferences)
	return err
}

const tableImages = "images"

// endsMerging tells whether an error would meet every other run, too.
func endsMerging(err error) bool {
	return slices.ContainsFunc([]error{ErrFull, ErrLocked, ErrReadOnly, ErrCorrupt}, func(kind error) bool { return errors.Is(err, kind) })
}

// merger holds a connection that has the store as "main" and the source, which
// it cannot write, as "source".
type merger struct {
	store  *Store
	source *storefile.Source
	db     *sql.DB // one connection
	tables tables
}

func (s *Store) newMerger(ctx context.Context, from *storefile.Source) (*merger, error) {
	db, err := s.file.Attach(ctx, from)
	if err != nil {
		return nil, err
	}
	m := &merger{store: s, source: from, db: db}
	if m.tables, err = readTables(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return m, nil
}

// inTx runs f in a transaction that holds the store's write lock and reads the
// source as of its beginning.
func (m *merger) inTx(ctx context.Context, op string, f func(tx *sql.Tx) error) error {
	return m.store.failure(op, storefile.Transact(ctx, m.db, f))
}

const (
	querySourceIDs       = `SELECT id FROM source.runs ORDER BY id`
	queryMergeReferences = `INSERT INTO main.reference_metrics SELECT * FROM source.reference_metrics WHERE true ON CONFLICT DO NOTHING`
)

// choose lists the ids of the runs to merge, in the order of their making.
func (m *merger) choose(ctx context.Context, wanted []string) ([]string, error) {
	rows, err := m.db.QueryContext(ctx, querySourceIDs)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	missing := slices.Clone(wanted)
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		if _, err := ulid.ParseStrict(id); err != nil { // ids name folders
			return nil, m.source.Damaged(fmt.Errorf("%q is no run's id", id))
		}
		missing = slices.DeleteFunc(missing, func(w string) bool { return w == id })
		if len(wanted) == 0 || slices.Contains(wanted, id) {
			ids = append(ids, id)
		}
	}
	if len(missing) > 0 {
		return nil, &NotFoundError{Ref: missing[0], Empty: len(ids) == 0}
	}
	return ids, rows.Err()
}
