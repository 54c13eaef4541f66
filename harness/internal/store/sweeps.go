package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/label"
)

// Sweep is a family of runs that one sweep file describes.
type Sweep struct {
	Name       string
	SourceYAML string // the sweep file as the user wrote it
	CreatedAt  time.Time
	Runs       []SweepRun // ordered by variant and id, without the trash; lists leave it empty
}

// SweepRun is a run as part of a sweep.
type SweepRun struct {
	RunID   string
	Variant string            // label of the variant; runs of the same variant differ only in their seed
	Values  map[string]string // what distinguishes the variant: config path → value
}

const (
	queryPutSweep = `INSERT INTO sweeps (name, source_yaml, created_at)
		VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET source_yaml = excluded.source_yaml`
	queryPutSweepRun = `INSERT INTO sweep_runs (sweep, run_id, variant, setting) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET variant = excluded.variant, setting = excluded.setting`
	querySweeps    = `SELECT name, source_yaml, created_at FROM sweeps ORDER BY created_at, name`
	querySweep     = `SELECT name, source_yaml, created_at FROM sweeps WHERE name = ?`
	querySweepRuns = `SELECT run_id, variant, setting FROM sweep_runs
		WHERE sweep = ? AND run_id IN (SELECT id FROM runs WHERE deleted_at IS NULL) ORDER BY variant, run_id`
)

// ErrNoSweep says that the store has no sweep of a given name.
var ErrNoSweep = fault.New(fault.NotFound, "no such sweep")

// PutSweep records a sweep, or replaces the text of its file.
func (s *Store) PutSweep(ctx context.Context, name, sourceYAML string) error {
	return s.inTx(ctx, "recording a sweep", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, queryPutSweep, name, sourceYAML, toMilliseconds(time.Now()))
		return err
	})
}

// PutSweepRuns records that runs belong to a sweep.
func (s *Store) PutSweepRuns(ctx context.Context, sweep string, runs []SweepRun) error {
	return s.inTx(ctx, "recording the runs of a sweep", func(tx *sql.Tx) error {
		for _, r := range runs {
			values, err := json.Marshal(r.Values)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, queryPutSweepRun, sweep, r.RunID, r.Variant, string(values)); err != nil {
				return fmt.Errorf("run %s: %w", r.RunID, err)
			}
		}
		return nil
	})
}

// Sweeps lists the sweeps, oldest first.
func (s *Store) Sweeps(ctx context.Context) ([]Sweep, error) {
	rows, err := s.read.QueryContext(ctx, querySweeps)
	if err != nil {
		return nil, s.failure("listing sweeps", err)
	}
	defer rows.Close()
	var list []Sweep
	for rows.Next() {
		sweep, err := scanSweep(rows.Scan)
		if err != nil {
			return nil, s.failure("listing sweeps", err)
		}
		list = append(list, sweep)
	}
	return list, s.failure("listing sweeps", rows.Err())
}

// Sweep returns a sweep with its runs. An unknown name is [ErrNoSweep].
func (s *Store) Sweep(ctx context.Context, name string) (*Sweep, error) {
	const op = "reading a sweep"
	sweep, err := scanSweep(s.read.QueryRowContext(ctx, querySweep, label.Normal(name)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %q", ErrNoSweep, name)
	}
	if err != nil {
		return nil, s.failure(op, err)
	}
	rows, err := s.read.QueryContext(ctx, querySweepRuns, name)
	if err != nil {
		return nil, s.failure(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r SweepRun
		var values string
		if err := rows.Scan(&r.RunID, &r.Variant, &values); err != nil {
			return nil, s.failure(op, err)
		}
		if err := json.Unmarshal([]byte(values), &r.Values); err != nil {
			return nil, s.failure(op, err)
		}
		sweep.Runs = append(sweep.Runs, r)
	}
	return &sweep, s.failure(op, rows.Err())
}

func scanSweep(scan func(...any) error) (Sweep, error) {
	var sweep Sweep
	var created milliseconds
	err := scan(&sweep.Name, &sweep.SourceYAML, &created)
	sweep.CreatedAt = created.time()
	return sweep, err
}
