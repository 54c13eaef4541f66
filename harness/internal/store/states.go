package store

import "context"

const queryStates = `SELECT id, json_array(status, stopped, last_step, total_steps, heartbeat_at, ended_at, notes, name,
		archived_at, deleted_at,
		(SELECT max(id) FROM samples WHERE run_id = r.id),
		(SELECT max(id) FROM evaluations WHERE run_id = r.id),
		(SELECT max(line) FROM logs WHERE run_id = r.id),
		(SELECT group_concat(tag) FROM run_tags WHERE run_id = r.id))
	FROM runs r WHERE id IN (SELECT value FROM json_each(?))`

// States returns a text for each of the runs with these ids. It changes when something about that
// run changes, and only then.
func (s *Store) States(ctx context.Context, ids ...string) (map[string]string, error) {
	const op = "reading the states of runs"
	dead, err := s.crashedRuns(ctx)
	if err != nil {
		return nil, s.failure(op, err)
	}
	rows, err := s.read.QueryContext(ctx, queryStates, asJSON(ids))
	if err != nil {
		return nil, s.failure(op, err)
	}
	defer rows.Close()
	states := make(map[string]string, len(ids))
	for rows.Next() {
		var id, state string
		if err := rows.Scan(&id, &state); err != nil {
			return nil, s.failure(op, err)
		}
		states[id] = state + dead[id]
	}
	return states, s.failure(op, rows.Err())
}

// SweepInfos returns the runs of a sweep, oldest first, without those in the trash. For an unknown
// sweep it returns none.
func (s *Store) SweepInfos(ctx context.Context, sweep string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.id IN (SELECT run_id FROM sweep_runs WHERE sweep = ?) AND r.deleted_at IS NULL ORDER BY r.id",
		sweep)
	return runs, s.failure("listing the runs of a sweep", err)
}
