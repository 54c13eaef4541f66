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

// MergeOptions say what is merged, and how.
type MergeOptions struct {
	Runs []string // only the runs with these ids; empty: all
	// CopyFiles prepares the files beside the source for a run that is about to be merged; nil if
	// there are none. Since copying may take long, it is called outside of any transaction. An
	// error only affects that run, unless the disk is full.
	CopyFiles func(ctx context.Context, runID string) (StagedFiles, error)
	Observe   func(done, total int) // called after each run; may be nil

	trusted bool // the source is not searched for damage
}

// StagedFiles are the complete files of one run under a temporary name.
type StagedFiles interface {
	// Place moves the files to their final place, just before the transaction of the run commits.
	// If it fails, Undo is called.
	Place() error
	// Keep is called after the commit. It removes what Place has replaced, or leaves that to the
	// next time that files of this run are prepared.
	Keep()
	// Undo removes the files, whether placed or not, and restores what Place has replaced.
	Undo() error
}

// MergeResult counts what happened to the runs of the source.
type MergeResult struct {
	Added     int // new here
	Continued int // were here, but the source is further or has more recorded
	Same      int // were here already
	Behind    int // the run here is further than the source's
	Live      int // running here or in the source: left alone
	Trashed   int // in the source's trash: left alone
	Refused   int // see the error
}

// Total is the number of runs that were looked at.
func (r MergeResult) Total() int {
	return r.Added + r.Continued + r.Same + r.Behind + r.Live + r.Trashed + r.Refused
}

// ConflictError says why a run of a source was not merged: the store has a run of the same id, and
// the source does not continue it.
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

// Merge copies the runs of another store into this one, with everything recorded about them, each
// in its own transaction. Merging again changes nothing.
//
// A run that is here already is left alone if it is the same as the source's or further. It is
// replaced if the source continues it, but keeps its slug, tags, notes and shelf. In either case it
// belongs to the sweeps of both stores. If the two runs differ in any other way, the run is refused
// with a [*ConflictError] and merging goes on with the next one. Runs that are live, here or in the
// source, are left alone, and so are runs in the trash of the source. A new run that is archived in
// the source is archived here too.
//
// The source is only read. If its schema is older, a copy is brought up to date. If the source
// cannot be merged, the error is like that of [OpenReadOnly], and nothing is changed. The errors of
// single runs are joined. An error of this store, such as a full disk, ends the merging; runs that
// were merged before stay.
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

// rest copies what belongs to no run: reference values, and sweeps without runs.
func (m *merger) rest(ctx context.Context, tx *sql.Tx) error {
	for _, t := range m.tables.shared {
		if t.name == tableImages {
			continue // each belongs to a run, which may have been refused
		}
		if _, err := tx.ExecContext(ctx, t.fill(templateShareAll)); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	_, err := tx.ExecContext(ctx, queryMergeReferences)
	return err
}

const tableImages = "images"

// endsMerging tells whether an error would also occur with every other run.
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

// newMerger prepares to merge a source; the caller closes its connection.
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

// inTx runs f in a transaction that holds the write lock of the store and sees the source as it was
// at the beginning.
func (m *merger) inTx(ctx context.Context, op string, f func(tx *sql.Tx) error) error {
	return m.store.failure(op, storefile.Transact(ctx, m.db, f))
}

const (
	querySourceIDs       = `SELECT id FROM source.runs ORDER BY id`
	queryMergeReferences = `INSERT INTO main.reference_metrics SELECT * FROM source.reference_metrics WHERE true ON CONFLICT DO NOTHING`
)

// choose lists the ids of the runs to merge, oldest first.
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
		if _, err := ulid.ParseStrict(id); err != nil { // ids become names of folders
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
