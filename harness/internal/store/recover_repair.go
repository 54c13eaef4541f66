package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"flowharness/harness/internal/store/points"
)

// repair turns what was read into a consistent store: it restores what rows refer to, drops what
// refers to nothing, and makes summaries fit.
func (s *salvage) repair(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.keepIdentity, s.lostConfigs, s.lostRecords, s.lostSeries, s.lostRuns, s.lostTags, s.lostSweeps, s.lostPictures, s.drop, s.sums, s.logs,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvage) lose(runID, format string, args ...any) {
	s.lost[runID] = append(s.lost[runID], fmt.Sprintf(format, args...))
}

const queryNewIdentity = `INSERT INTO identity (id) SELECT lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM identity)`

func (s *salvage) keepIdentity(ctx context.Context) error {
	_, err := s.tx.ExecContext(ctx, queryNewIdentity)
	return err
}

const queryRestoreSeries = `INSERT OR IGNORE INTO series (id, run_id, name) VALUES (?, ?, ?)`

// lostSeries restores the rows of series from the index, so that their points are kept. Their
// summaries are computed later.
func (s *salvage) lostSeries(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(s.series)) {
		of := s.series[id]
		if _, err := s.tx.ExecContext(ctx, queryRestoreSeries, id, of.runID, of.name); err != nil {
			return err
		}
	}
	return nil
}

const queryRestoreTag = `INSERT OR IGNORE INTO run_tags (run_id, tag) SELECT ?1, ?2
	WHERE NOT EXISTS (SELECT 1 FROM sweep_runs WHERE run_id = ?1 AND sweep = ?2)`

// lostTags keeps tags from pages that nothing refers to any more, unless they are names of sweeps.
func (s *salvage) lostTags(ctx context.Context) error {
	for _, t := range s.tags {
		if _, err := s.tx.ExecContext(ctx, queryRestoreTag, t.runID, t.tag); err != nil {
			return err
		}
	}
	return nil
}

const queryRestoreSweeps = `INSERT INTO sweeps (name, source_yaml, created_at)
	SELECT w.sweep, '', coalesce(min(r.created_at), 0) FROM sweep_runs AS w LEFT JOIN runs AS r ON r.id = w.run_id
	WHERE w.sweep NOT IN (SELECT name FROM sweeps) GROUP BY w.sweep`

// lostSweeps restores sweeps whose text is lost, so that their runs stay together.
func (s *salvage) lostSweeps(ctx context.Context) error {
	_, err := s.tx.ExecContext(ctx, queryRestoreSweeps)
	return err
}

const (
	queryPictureless = `SELECT run_id, count(*) FROM samples WHERE image_sha256 NOT IN (SELECT sha256 FROM images) GROUP BY run_id`
	queryDropSamples = `DELETE FROM samples WHERE image_sha256 NOT IN (SELECT sha256 FROM images)`
	queryDropImages  = `DELETE FROM images WHERE sha256 NOT IN (SELECT image_sha256 FROM samples)`
)

func (s *salvage) lostPictures(ctx context.Context) error {
	counts, err := pairs(ctx, s.tx, queryPictureless)
	if err != nil {
		return err
	}
	for id, n := range counts {
		s.lose(id, "grids of samples: %s", n)
	}
	if _, err := s.tx.ExecContext(ctx, queryDropSamples); err != nil {
		return err
	}
	result, err := s.tx.ExecContext(ctx, queryDropImages)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if n > 0 {
		s.dropped = append(s.dropped, fmt.Sprintf("%d rows of %s", n, tableImages))
	}
	return err
}

const templateHomeless = `DELETE FROM main."{table}" WHERE "{by}" NOT IN (SELECT "{key}" FROM main."{to}")`

// drop removes rows that refer to something lost, until there are none.
func (s *salvage) drop(ctx context.Context) error {
	rows, err := s.tx.QueryContext(ctx, queryForeignKeys)
	if err != nil {
		return err
	}
	var references []reference
	for rows.Next() {
		var r reference
		if err := rows.Scan(&r.table, &r.column, &r.to, &r.toColumn); err != nil {
			rows.Close()
			return err
		}
		references = append(references, r)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	dropped := map[string]int64{}
	for again := true; again; {
		again = false
		for _, r := range references {
			result, err := s.tx.ExecContext(ctx, fill(templateHomeless, "{table}", r.table, "{by}", r.column, "{to}", r.to, "{key}", r.toColumn))
			if err != nil {
				return fmt.Errorf("table %s: %w", r.table, err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			dropped[r.table] += n
			again = again || n > 0
		}
	}
	for _, table := range slices.Sorted(maps.Keys(dropped)) {
		if n := dropped[table]; n > 0 {
			s.dropped = append(s.dropped, fmt.Sprintf("%d rows of %s", n, table))
		}
	}
	return nil
}

// sums makes the summaries of all series fit their points.
func (s *salvage) sums(ctx context.Context) error {
	differ, err := points.Repair(ctx, s.tx)
	for _, r := range differ {
		switch {
		case r.Found < r.Recorded:
			s.lose(r.RunID, "%s: %d of %d points", r.Name, r.Recorded-r.Found, r.Recorded)
		case r.Recorded == 0:
			s.lose(r.RunID, "%s: perhaps some of its points (there are %d)", r.Name, r.Found)
		}
	}
	return err
}

const queryMissingLines = `SELECT run_id, max(line) - count(*) FROM logs GROUP BY run_id HAVING max(line) > count(*)`

func (s *salvage) logs(ctx context.Context) error {
	counts, err := pairs(ctx, s.tx, queryMissingLines)
	for id, n := range counts {
		s.lose(id, "log lines: %s", n)
	}
	return err
}

// pairs returns the two columns of a query as keys and values.
func pairs(ctx context.Context, tx *sql.Tx, query string) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		found[key] = value
	}
	return found, rows.Err()
}
