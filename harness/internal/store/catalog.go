package store

import (
	"context"
	"crypto/sha256"
	"math"

	"flowharness/harness/internal/store/points"
)

// ConfigValue is a value of a resolved config. Number is NaN if the value is not a number.
type ConfigValue struct {
	Text   string
	Number float64
}

// CatalogState tells whether the results of the other methods of this file may have changed. Each
// text changes when what it stands for has changed.
type CatalogState struct {
	Runs        string // which runs there are; their configs never change
	Evaluations string // which evaluations there are
	Settled     string // everything about runs that are not recorded as running
}

const (
	queryCatalogState = `SELECT json_array((SELECT count(*) FROM runs), (SELECT max(id) FROM runs)),
		json_array((SELECT count(*) FROM evaluations), (SELECT max(id) FROM evaluations), (SELECT count(*) FROM runs)),
		(SELECT json_array(count(*), max(id), max(heartbeat_at), sum(last_step), max(ended_at), sum(ended_at),
			count(archived_at), sum(archived_at), count(deleted_at), sum(deleted_at)) FROM runs WHERE status <> 'running')
		|| json_array((SELECT json_group_array(notes) FROM (SELECT notes FROM runs WHERE notes <> '' ORDER BY id)),
			(SELECT json_group_array(run_id || tag) FROM run_tags))`
	queryMatchRuns = `SELECT r.id FROM (SELECT *, ` + shownStatus + ` AS shown_status FROM runs) AS r`

	// Half a million values have about fifty different paths; this takes one seek for each path.
	queryConfigPaths = `WITH RECURSIVE p(path) AS (SELECT min(path) FROM run_config
		UNION ALL SELECT (SELECT min(path) FROM run_config WHERE path > p.path) FROM p WHERE p.path IS NOT NULL)
		SELECT path FROM p WHERE path IS NOT NULL`
	queryConfigValues = `SELECT run_id, value, number FROM run_config WHERE path = ?`
	// The rows of a run lie in the order of their paths.
	queryConfigKeys = `SELECT run_id, group_concat(json_array(path, value)) FROM run_config
		WHERE path NOT IN (SELECT value FROM json_each(?)) GROUP BY run_id`
	queryConfigKeysOf = `SELECT run_id, group_concat(json_array(path, value)) FROM run_config
		WHERE run_id IN (SELECT value FROM json_each(?)) AND path NOT IN (SELECT value FROM json_each(?)) GROUP BY run_id`

	queryLatestMetric = `SELECT e.run_id, m.value FROM evaluations e
		JOIN evaluation_metrics m ON m.evaluation_id = e.id AND m.name = ?
		WHERE e.id = (SELECT id FROM evaluations WHERE run_id = e.run_id ORDER BY step DESC, id DESC LIMIT 1)`
	queryMetricNames = `SELECT DISTINCT name FROM evaluation_metrics ORDER BY name`
)

// CatalogState returns the state of the catalog.
func (s *Store) CatalogState(ctx context.Context) (c CatalogState, err error) {
	err = s.read.QueryRowContext(ctx, queryCatalogState).Scan(&c.Runs, &c.Evaluations, &c.Settled)
	return c, s.failure("reading the state of the catalog", err)
}

// MatchRuns returns the ids of the runs that pass a filter. The order and the limit of the filter
// are ignored.
func (s *Store) MatchRuns(ctx context.Context, f Filter) (map[string]bool, error) {
	const op = "looking for runs"
	f.Sort, f.Limit = "", 0
	q, _, err := f.compile()
	if err != nil {
		return nil, err
	}
	dead, err := s.crashedRuns(ctx)
	if err != nil {
		return nil, s.failure(op, err)
	}
	ids := map[string]bool{}
	err = s.eachRow(ctx, queryMatchRuns+q.sql(), append([]any{dead.ids()}, q.args...), func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids[id] = true
		return err
	})
	return ids, s.failure(op, err)
}

// ConfigPaths lists all paths that occur in the configs of runs, sorted.
func (s *Store) ConfigPaths(ctx context.Context) (paths []string, err error) {
	err = s.eachRow(ctx, queryConfigPaths, nil, func(scan func(...any) error) error {
		var path string
		err := scan(&path)
		paths = append(paths, path)
		return err
	})
	return paths, s.failure("listing config paths", err)
}

// ConfigValues returns the values of the runs' configs at a path, by run id.
func (s *Store) ConfigValues(ctx context.Context, path string) (map[string]ConfigValue, error) {
	values := map[string]ConfigValue{}
	err := s.eachRow(ctx, queryConfigValues, []any{path}, func(scan func(...any) error) error {
		var id string
		var v ConfigValue
		var n *float64
		err := scan(&id, &v.Text, &n)
		v.Number = math.NaN()
		if n != nil {
			v.Number = *n
		}
		values[id] = v
		return err
	})
	return values, s.failure("reading config values", err)
}

// ConfigKey identifies a config with some of its paths left out.
type ConfigKey [sha256.Size]byte

// ConfigKeys returns a key for each run, by run id. Two runs have the same key if their configs are
// equal apart from the paths that are left out. Without ids it covers all runs.
func (s *Store) ConfigKeys(ctx context.Context, without []string, ids ...string) (map[string]ConfigKey, error) {
	keys := map[string]ConfigKey{}
	query, args := queryConfigKeys, []any{asJSON(without)}
	if len(ids) > 0 {
		query, args = queryConfigKeysOf, []any{asJSON(ids), asJSON(without)}
	}
	err := s.eachRow(ctx, query, args, func(scan func(...any) error) error {
		var id, values string
		err := scan(&id, &values)
		keys[id] = sha256.Sum256([]byte(values))
		return err
	})
	return keys, s.failure("comparing configs", err)
}

// LatestMetric returns the value of a metric in the latest evaluation of each run, by run id. The
// latest evaluation is the one at the largest step and, among several at that step, the one
// recorded last. Runs whose latest evaluation lacks the metric are left out.
func (s *Store) LatestMetric(ctx context.Context, name string) (map[string]float64, error) {
	values := map[string]float64{}
	err := s.eachRow(ctx, queryLatestMetric, []any{name}, func(scan func(...any) error) error {
		var id string
		var v points.Number
		err := scan(&id, &v)
		values[id] = float64(v)
		return err
	})
	return values, s.failure("reading a metric", err)
}

// MetricNames lists all metrics that occur in evaluations, sorted.
func (s *Store) MetricNames(ctx context.Context) (names []string, err error) {
	err = s.eachRow(ctx, queryMetricNames, nil, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	})
	return names, s.failure("listing metrics", err)
}

// eachRow calls do for each row of a query.
func (s *Store) eachRow(ctx context.Context, query string, args []any, do func(scan func(...any) error) error) error {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// SeriesNames lists the names of all series of all runs, sorted.
func (s *Store) SeriesNames(ctx context.Context) ([]string, error) {
	names, err := points.Names(ctx, s.read)
	return names, s.failure("listing series", err)
}

// LastValues returns the latest value of a series for each run that has it, by run id. With ids it
// only returns those of these runs.
func (s *Store) LastValues(ctx context.Context, name string, ids ...string) (map[string]float64, error) {
	values, err := points.LastValues(ctx, s.read, name, ids...)
	return values, s.failure("reading the latest values of a series", err)
}

// MeanOfLast returns the mean of the latest n points of a series for each run that has it, by run
// id; NaN if one of the points is NaN. With ids it only returns those of these runs.
func (s *Store) MeanOfLast(ctx context.Context, name string, n int, ids ...string) (map[string]float64, error) {
	values, err := points.MeanOfLast(ctx, s.read, name, n, ids...)
	return values, s.failure("reading the latest points of a series", err)
}
