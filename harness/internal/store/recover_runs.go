package store

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/oklog/ulid/v2"
)

const (
	queryRunsByRecord = `SELECT run_id FROM run_records WHERE run_id NOT IN (SELECT id FROM runs) ORDER BY run_id`
	queryValueOf      = `SELECT value FROM run_config WHERE run_id = ? AND path = ?`
	queryResolved     = `SELECT resolved_yaml FROM run_records WHERE run_id = ?`
	queryRestoreRun   = `INSERT INTO runs (id, slug, name, status, status_reason, config_hash, seed, process, dataset, created_at,
		started_at, ended_at, heartbeat_at, last_step, pid, pid_started_at, host, boot)
		VALUES (?1, ?2, ?3, 'interrupted', ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10, ?11, 0, 0, '', '')`
	queryLastSign = `SELECT max(?2, coalesce((SELECT max(at) FROM step_times WHERE run_id = ?1), 0), coalesce((SELECT max(at)
		FROM logs WHERE run_id = ?1), 0))`
	queryLastStep = `SELECT coalesce(max((SELECT max(step) FROM points WHERE series_id = s.id)), 0) FROM series AS s WHERE run_id = ?`
	querySlugOf   = `SELECT EXISTS (SELECT 1 FROM runs WHERE slug = ?)`
)

// lostRuns restores the rows of runs whose config was found.
func (s *salvage) lostRuns(ctx context.Context) error {
	ids, err := column[string](ctx, s.tx, queryRunsByRecord)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.lostRun(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvage) lostRun(ctx context.Context, id string) error {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return nil // it is no id; drop removes what refers to it
	}
	values := map[string]string{}
	for _, path := range []string{"name", "seed", "process.name", "data.name"} {
		var value string
		if err := s.tx.QueryRowContext(ctx, queryValueOf, id, path).Scan(&value); err != nil && err != sql.ErrNoRows {
			return err
		}
		values[path] = value
	}
	if values["name"] == "" {
		values["name"] = "recovered"
	}
	if _, err := strconv.ParseUint(values["seed"], 10, 64); err != nil {
		values["seed"] = "0"
	}
	var resolved, hash string
	if err := s.tx.QueryRowContext(ctx, queryResolved, id).Scan(&resolved); err != nil {
		return err
	}
	if s.options.ConfigHash != nil {
		if hash, err = s.options.ConfigHash(resolved); err != nil {
			hash = ""
			s.lose(id, "the config hash: what was found of the config is not a whole one")
		}
	}
	name := ""
	for attempt, taken := 0, true; taken; attempt++ {
		name = slug(id, attempt)
		if err := s.tx.QueryRowContext(ctx, querySlugOf, name).Scan(&taken); err != nil {
			return err
		}
	}
	var lastSign, lastStep int64
	created := parsed.Time()
	if err := s.tx.QueryRowContext(ctx, queryLastSign, id, int64(created)).Scan(&lastSign); err != nil {
		return err
	}
	if err := s.tx.QueryRowContext(ctx, queryLastStep, id).Scan(&lastStep); err != nil {
		return err
	}
	const reason = "how it ended was lost when the store was damaged"
	if _, err := s.tx.ExecContext(ctx, queryRestoreRun, id, name, values["name"], reason, hash, values["seed"],
		values["process.name"], values["data.name"], created, lastSign, lastStep); err != nil {
		return err
	}
	s.lose(id, "how it ended, its notes and its slug if that was another (the rest of its row follows from its config)")
	return nil
}
