package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

const (
	queryDataVersion = `PRAGMA data_version`
	queryWholeState  = `SELECT json_array(count(*), max(heartbeat_at), sum(stopped), sum(last_step), max(id),
			count(archived_at), sum(archived_at), count(deleted_at), sum(deleted_at),
			(SELECT group_concat(status || ended_at) FROM (SELECT ` + recordedStatus + ` AS status,
				ended_at FROM runs ORDER BY ended_at DESC LIMIT 20)),
			(SELECT group_concat(notes, char(0)) FROM (SELECT notes FROM runs WHERE notes <> '' ORDER BY id)),
			(SELECT group_concat(tag) FROM run_tags),
			(SELECT max(id) FROM samples), (SELECT max(id) FROM evaluations), (SELECT count(*) FROM sweep_runs))
		FROM runs`
)

// Watch detects that the store file has been changed, by whatever process. Looking costs a few
// microseconds.
type Watch struct {
	conn  *sql.Conn
	store *Store
}

// Watch starts to watch the file. It occupies one of the connections for reading until it is
// closed.
func (s *Store) Watch(ctx context.Context) (*Watch, error) {
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return nil, s.failure("watching the store", err)
	}
	return &Watch{conn: conn, store: s}, nil
}

// Version returns a number that changes whenever something is committed. Numbers of different
// watches cannot be compared.
func (w *Watch) Version(ctx context.Context) (int64, error) {
	var version int64
	err := w.conn.QueryRowContext(ctx, queryDataVersion).Scan(&version)
	return version, w.store.failure("watching the store", err)
}

// Close releases the connection.
func (w *Watch) Close() error { return w.conn.Close() }

// State returns a short text that changes when something about the runs with these ids changes: a
// point, a picture, a line of the log, a tag, or the death of their process. Without ids it covers
// all runs.
func (s *Store) State(ctx context.Context, ids ...string) (string, error) {
	h := sha256.New()
	if len(ids) > 0 {
		states, err := s.States(ctx, ids...)
		if err != nil {
			return "", err
		}
		for _, id := range slices.Sorted(maps.Keys(states)) {
			fmt.Fprintln(h, id, states[id])
		}
	} else {
		const op = "reading the state of all runs"
		dead, err := s.crashedRuns(ctx)
		if err != nil {
			return "", s.failure(op, err)
		}
		var state string
		if err := s.read.QueryRowContext(ctx, queryWholeState).Scan(&state); err != nil {
			return "", s.failure(op, err)
		}
		fmt.Fprintln(h, state, slices.Sorted(maps.Keys(dead)))
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
