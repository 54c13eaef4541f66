package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"time"

	"flowharness/harness/internal/store/storefile"
)

// outcome is what happens to a run of the source.
type outcome int

const (
	outcomeAdded outcome = iota
	outcomeContinued
	outcomeSame
	outcomeBehind
	outcomeLive
	outcomeTrashed
)

// takes tells whether the store copies the run of the source.
func (o outcome) takes() bool { return o == outcomeAdded || o == outcomeContinued }

// filesPatience is how long to wait while another process copies the files of a run.
const filesPatience = 10 * time.Minute

// copier is the type of [MergeOptions.CopyFiles].
type copier func(ctx context.Context, runID string) (StagedFiles, error)

// merge merges one run. Its files are prepared before the transaction, during which no other
// process can write, and put in place as its last act.
func (m *merger) merge(ctx context.Context, id string, copyFiles copier) (outcome, error) {
	op := fmt.Sprintf("merging run %s of %s", id, m.source.Path())
	if copyFiles == nil {
		return m.commit(ctx, op, id, noFiles{})
	}
	// Two processes merging into one store at once would use the same temporary names.
	unlock, err := storefile.Lock(ctx, m.store.Path()+".merge.lock", filesPatience, "copying the files of a run")
	if err != nil {
		return 0, m.store.failure(op, err)
	}
	defer unlock()
	what, err := m.foresee(ctx, op, id)
	if err != nil {
		return what, err
	}
	if !what.takes() {
		return m.commit(ctx, op, id, nil)
	}
	files, err := copyFiles(ctx, id)
	if err != nil {
		if storefile.KindOf(err) == ErrFull {
			return what, m.store.failure(op, err)
		}
		return what, fmt.Errorf("%s: copying its files: %w", op, err)
	}
	return m.commit(ctx, op, id, files)
}

// commit merges a run whose files have been prepared; they are nil if none seemed to be needed.
func (m *merger) commit(ctx context.Context, op, id string, files StagedFiles) (what outcome, err error) {
	err = m.inTx(ctx, op, func(tx *sql.Tx) (err error) {
		if what, err = m.decide(ctx, tx, id); err != nil || what == outcomeLive || what == outcomeTrashed {
			return err
		}
		if !what.takes() {
			return m.join(ctx, tx, id)
		}
		if files == nil {
			return fmt.Errorf("%s: it changed meanwhile: try again", op)
		}
		if err := m.take(ctx, tx, id, what); err != nil {
			return err
		}
		return files.Place()
	})
	switch {
	case files == nil:
		return what, err
	case err != nil || !what.takes():
		return what, errors.Join(err, files.Undo())
	}
	files.Keep()
	return what, nil
}

// foresee returns what will happen to a run if nothing changes until it is merged.
func (m *merger) foresee(ctx context.Context, op, id string) (what outcome, err error) {
	err = m.inTx(ctx, op, func(tx *sql.Tx) error {
		what, err = m.decide(ctx, tx, id)
		return err
	})
	return what, err
}

// take copies a run from the source.
func (m *merger) take(ctx context.Context, tx *sql.Tx, id string, what outcome) error {
	columns := quotedNames("", without(m.tables.runs, append([]string{"id"}, labelColumns...)...))
	if what == outcomeContinued {
		if err := m.clear(ctx, tx, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, fill(templateUpdateRun, "{columns}", columns), id); err != nil {
			return err
		}
	} else if err := m.insertRun(ctx, tx, id); err != nil {
		return err
	}
	for _, t := range m.tables.shared {
		if _, err := tx.ExecContext(ctx, t.fill(templateShare), id); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if err := m.join(ctx, tx, id); err != nil {
		return err
	}
	for _, t := range m.tables.owned {
		if t.joins || what == outcomeContinued && t.kept() {
			continue
		}
		if err := copyOwned(ctx, tx, t, id); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	_, err := tx.ExecContext(ctx, queryMergeRunReferences, id)
	return err
}

// join copies what a run of the source belongs to, such as its sweeps. The run then belongs to
// those of both stores.
func (m *merger) join(ctx context.Context, tx *sql.Tx, id string) error {
	for _, owner := range m.tables.owned {
		if !owner.joins {
			continue
		}
		for _, t := range m.tables.shared {
			if t.from != owner.name {
				continue
			}
			if _, err := tx.ExecContext(ctx, t.fill(templateShare), id); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
		}
		if _, err := tx.ExecContext(ctx, owner.fill(templateJoin), id); err != nil {
			return fmt.Errorf("table %s: %w", owner.name, err)
		}
	}
	return nil
}

const (
	querySlugTaken          = `SELECT EXISTS (SELECT 1 FROM main.runs WHERE slug = ?)`
	querySourceSlug         = `SELECT slug FROM source.runs WHERE id = ?`
	queryMergeRunReferences = `INSERT INTO main.reference_metrics SELECT * FROM source.reference_metrics
		WHERE (dataset, classifier) IN (SELECT dataset, classifier FROM source.evaluations WHERE run_id = ?) ON CONFLICT DO NOTHING`
)

var slugForm = regexp.MustCompile(`^[a-z]+-[a-z]+-[0-9]+$`)

// insertRun keeps the slug of the run, if it is a proper one and not taken here.
func (m *merger) insertRun(ctx context.Context, tx *sql.Tx, id string) error {
	var name string
	if err := tx.QueryRowContext(ctx, querySourceSlug, id).Scan(&name); err != nil {
		return err
	}
	for attempt := 0; attempt <= maxSlugAttempts; attempt++ {
		var taken bool
		if err := tx.QueryRowContext(ctx, querySlugTaken, name).Scan(&taken); err != nil {
			return err
		}
		if !taken && slugForm.MatchString(name) {
			break
		}
		name = slug(id, attempt)
	}
	columns := quotedNames("", without(m.tables.runs, "id", "slug"))
	_, err := tx.ExecContext(ctx, fill(templateInsertRun, "{columns}", columns), id, name)
	return err
}

// copyOwned copies the rows of a table that belong to a run, and their parts.
func copyOwned(ctx context.Context, tx *sql.Tx, t ownedTable, id string) error {
	if t.id == "" {
		_, err := tx.ExecContext(ctx, t.fill(templateCopy), id)
		return err
	}
	// One by one, since each gets a new number that its parts refer to.
	rows, err := column[int64](ctx, tx, t.fill(templateIDs), id)
	if err != nil || len(rows) == 0 {
		return err
	}
	row, err := tx.PrepareContext(ctx, t.fill(templateCopyRow))
	if err != nil {
		return err
	}
	defer row.Close()
	parts := make([]*sql.Stmt, len(t.parts))
	for i, p := range t.parts {
		if parts[i], err = tx.PrepareContext(ctx, t.fillPart(p, templateCopyPart)); err != nil {
			return err
		}
		defer parts[i].Close()
	}
	for _, there := range rows {
		result, err := row.ExecContext(ctx, there)
		if err != nil {
			return err
		}
		here, err := result.LastInsertId()
		if err != nil {
			return err
		}
		for _, part := range parts {
			if _, err := part.ExecContext(ctx, there, here); err != nil {
				return err
			}
		}
	}
	return nil
}

// clear deletes everything that is recorded about a run, except its labels.
func (m *merger) clear(ctx context.Context, tx *sql.Tx, id string) error {
	const beforeTheFirst = -1
	if err := deleteSamples(ctx, tx, id, beforeTheFirst); err != nil { // and the pictures that no other run uses
		return err
	}
	for _, t := range m.tables.owned {
		if t.kept() {
			continue
		}
		for _, p := range t.parts {
			if _, err := tx.ExecContext(ctx, t.fillPart(p, templateDeletePart), id); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, t.fill(templateDelete), id); err != nil {
			return err
		}
	}
	return nil
}

// noFiles stands for a run without files beside the store.
type noFiles struct{}

func (noFiles) Place() error { return nil }
func (noFiles) Keep()        {}
func (noFiles) Undo() error  { return nil }
