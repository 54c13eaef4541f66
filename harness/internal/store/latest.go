package store

import (
	"context"
	"slices"
)

const (
	// The newest of a setting is the one of the latest step, and of these the one
	// recorded last.
	queryLatestEvaluations = `SELECT run_id, id, step, epoch, sampler, sampler_json, steps, guidance, seed, nfe, images, seconds, used_ema, dataset, classifier, created_at
		FROM (SELECT *, row_number() OVER (PARTITION BY run_id, sampler, sampler_json, steps, guidance ORDER BY step DESC, id DESC) AS age
			FROM (SELECT run_id, id, step, epoch, sampler, sampler_json, steps, guidance, seed, nfe, images, seconds, used_ema, dataset, classifier, created_at
				FROM evaluations WHERE run_id IN (SELECT value FROM json_each(?))))
		WHERE age = 1 ORDER BY run_id, step, id`
	queryMetricsOf = `SELECT evaluation_id, name, value, standard_error FROM evaluation_metrics
		WHERE evaluation_id IN (SELECT value FROM json_each(?)) ORDER BY evaluation_id, name`
)

// LatestEvaluations returns by run id, of many runs at once, the newest
// evaluation of each sampler, step count and guidance scale, in the order of
// step and recording, so that the last of a run is its newest of all. It leaves
// out which images were correct. Runs without evaluations are not in the map,
// nor are ids of no run.
func (s *Store) LatestEvaluations(ctx context.Context, runIDs []string) (map[string][]Evaluation, error) {
	latest, err := s.latestEvaluations(ctx, runIDs)
	if err != nil {
		return nil, s.failure("reading the newest evaluations of runs", err)
	}
	return latest, nil
}

func (s *Store) latestEvaluations(ctx context.Context, runIDs []string) (map[string][]Evaluation, error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	rows, err := tx.QueryContext(ctx, queryLatestEvaluations, asJSON(runIDs))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	latest := map[string][]Evaluation{}
	type place struct {
		run string
		at  int
	}
	places, ids := map[int64]place{}, []int64{}
	for rows.Next() {
		var run string
		var e Evaluation
		var created milliseconds
		finish, fields := e.Drawing.fields()
		if err := rows.Scan(slices.Concat([]any{&run, &e.ID}, fields, []any{&e.Dataset, &e.Classifier, &created})...); err != nil {
			return nil, err
		}
		if err := finish(); err != nil {
			return nil, err
		}
		e.CreatedAt = created.time()
		places[e.ID] = place{run, len(latest[run])}
		ids = append(ids, e.ID)
		latest[run] = append(latest[run], e)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return latest, readMetrics(ctx, tx, func(id int64, m Metric) {
		e := &latest[places[id].run][places[id].at]
		e.Metrics = append(e.Metrics, m)
	}, queryMetricsOf, asJSON(ids))
}
