package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/sqlitefile"
)

// RecoverOptions say how a store is recovered.
type RecoverOptions struct {
	// ConfigHash is the hash of a resolved config: that of a run whose own row is lost.
	// nil: such a run has none.
	ConfigHash func(resolvedYAML string) (string, error)
	Progress   func(done, total int) // pages of the file; may be nil
}

// Recovery says what was salvaged, and what was not.
type Recovery struct {
	Runs       []RecoveredRun // oldest first
	Pages      int            // of the damaged file
	Unreadable int            // pages of which nothing could be read
	// Dropped names what was read and belongs to nothing that was, such as
	// "312 rows of points".
	Dropped []string
}

// RecoveredRun is a run that was salvaged.
type RecoveredRun struct {
	ID, Slug, Name string
	Lost           []string // what of it is known to be lost; empty: nothing
}

// errNothingFound says that a file holds no run of a store.
var errNothingFound = errors.New("no run of a store can be found in it")

// Recover reads what can be read of a damaged store and writes it to a new one, which
// must not exist and appears only when it is whole. The damaged file is not written,
// nor need SQLite be able to read it; no process may be writing it.
//
// Whatever is on pages that are intact is salvaged. What only refers to something
// lost is put together again where that can be done: a run's row from its config, its
// config from the values that runs are found by, the sums of a series from its points.
// A run's losses are told as far as they leave a trace: points, log lines and pictures
// are counted, a lost tag or grid is not missed.
func Recover(ctx context.Context, from, to string, o RecoverOptions) (*Recovery, error) {
	op := fmt.Sprintf("recovering %s", from)
	if _, err := os.Lstat(to); err == nil {
		return nil, fmt.Errorf("%s: %s exists: name a file that is yet to be made", op, to)
	}
	file, err := sqlitefile.Open(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, files.Reason(err))
	}
	defer file.Close()
	dir, err := os.MkdirTemp(filepath.Dir(to), "."+filepath.Base(to)+".recover-*")
	if err != nil {
		return nil, fmt.Errorf("%s: writing %s: %w", op, to, files.Reason(err))
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, "store.db")
	result, err := recoverInto(ctx, file, temp, o)
	if err != nil {
		return nil, failure(op, to, err)
	}
	if len(result.Runs) == 0 {
		return nil, fmt.Errorf("%s: %w", op, errNothingFound)
	}
	if err := errors.Join(os.Chmod(temp, 0o644), os.Link(temp, to)); err != nil { // never over another file
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%s: %s exists: name a file that is yet to be made", op, to)
		}
		if err := files.Place(temp, to); err != nil { // a disk without hard links
			return nil, fmt.Errorf("%s: writing %s: %w", op, to, files.Reason(err))
		}
	}
	return result, files.SyncFolder(filepath.Dir(to))
}

// queryNoReferences lets rows be written before those that they refer to.
const queryNoReferences = `PRAGMA foreign_keys = 0`

func recoverInto(ctx context.Context, file *sqlitefile.File, path string, o RecoverOptions) (*Recovery, error) {
	if err := create(ctx, path, defaultBusyTimeout); err != nil {
		return nil, err
	}
	db, err := connect(ctx, path, defaultBusyTimeout, writing)
	if err != nil {
		return nil, err
	}
	defer db.Close() // again, without effect, where all went well
	if _, err := db.ExecContext(ctx, queryNoReferences); err != nil {
		return nil, err
	}
	result, err := fillRecovered(ctx, db, file, o)
	if err != nil {
		return nil, err
	}
	if err := checkIntegrity(ctx, db, queryIntegrity); err != nil {
		return nil, fmt.Errorf("the new store is not sound: %w", err)
	}
	if _, err := db.ExecContext(ctx, queryEmptyLog); err != nil {
		return nil, err
	}
	return result, db.Close()
}

// fillRecovered writes what was read, and what follows from it, in one transaction.
func fillRecovered(ctx context.Context, db *sql.DB, file *sqlitefile.File, o RecoverOptions) (*Recovery, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // without effect after Commit
	s := &salvage{tx: tx, file: file, options: o, lost: map[string][]string{}, series: map[int64]seriesName{},
		inserts: map[insertion]*sql.Stmt{}}
	for _, step := range []func(context.Context) error{s.readTables, s.readSchema, s.rows, s.repair} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	result := &Recovery{Pages: file.Pages(), Unreadable: file.Unreadable(), Dropped: s.dropped}
	if result.Runs, err = s.runs(ctx); err != nil {
		return nil, err
	}
	return result, tx.Commit()
}

const queryRecoveredRuns = `SELECT id, slug, name FROM runs ORDER BY id`

func (s *salvage) runs(ctx context.Context) ([]RecoveredRun, error) {
	rows, err := s.tx.QueryContext(ctx, queryRecoveredRuns)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []RecoveredRun
	for rows.Next() {
		var r RecoveredRun
		if err := rows.Scan(&r.ID, &r.Slug, &r.Name); err != nil {
			return nil, err
		}
		r.Lost = slices.Clone(s.lost[r.ID])
		list = append(list, r)
	}
	return list, rows.Err()
}
