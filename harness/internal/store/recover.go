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
	"flowharness/harness/internal/store/storefile"
)

// RecoverOptions are options of [Recover].
type RecoverOptions struct {
	// ConfigHash computes the hash of a resolved config, for runs whose own row is lost. If it is
	// nil, such runs have no hash.
	ConfigHash func(resolvedYAML string) (string, error)
	Observe    func(done, total int) // called with numbers of pages; may be nil
}

// Recovery says what was salvaged and what was not.
type Recovery struct {
	Runs       []RecoveredRun // oldest first
	Pages      int            // of the damaged file
	Unreadable int            // pages from which nothing could be read
	// Dropped counts rows that were read but whose owners are lost, such as "312 rows of points".
	Dropped []string
}

// RecoveredRun is a run that was salvaged.
type RecoveredRun struct {
	ID, Slug, Name string
	Lost           []string // what is known to be lost
}

// errNothingFound says that a file contains no run of a store.
var errNothingFound = errors.New("no run of a store can be found in it")

// Recover salvages what can be read of a damaged store. It writes a new store at to, which must not
// exist and appears only when it is complete. The damaged file is not written, and SQLite need not
// be able to read it; no process may be writing it.
//
// Everything on intact pages is salvaged. What is lost is restored if other data allow it: the row
// of a run from its config, its config from the values that runs are found by, the summary of a
// series from its points. Losses are reported as far as they leave a trace: missing points, log
// lines and pictures are counted, but a lost tag or grid goes unnoticed.
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
		return nil, storefile.Failure(op, to, err)
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

// recoverInto fills a new store with what was read and what follows from it.
func recoverInto(ctx context.Context, file *sqlitefile.File, path string, o RecoverOptions) (result *Recovery, err error) {
	err = storefile.Build(ctx, path, func(ctx context.Context, tx *sql.Tx) error {
		s := &salvage{tx: tx, file: file, options: o, lost: map[string][]string{}, series: map[int64]seriesName{},
			inserts: map[insertion]*sql.Stmt{}}
		for _, step := range []func(context.Context) error{s.readTables, s.readSchema, s.rows, s.repair} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		result = &Recovery{Pages: file.Pages(), Unreadable: file.Unreadable(), Dropped: s.dropped}
		result.Runs, err = s.runs(ctx)
		return err
	})
	return result, err
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
