package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/points"
)

// EvaluationRecord is what was measured on samples that were drawn with one sampler, number of
// steps and guidance scale.
type EvaluationRecord struct {
	record.Drawing
	Dataset    string // the samples were compared with its test split
	Classifier string // SHA-256 of the weights of the classifier that was used
	// Correct says for each image whether the classifier recognized the class that was asked for.
	// Evaluations with the same seed draw image i from the same noise, so two of them can be
	// compared image by image.
	Correct []bool
	Metrics []Metric
}

// Metric is a value measured on many samples.
type Metric struct {
	Name   string
	Value  float64 // NaN where it is not defined
	StdErr float64 // NaN where it has none
}

// Evaluation is a recorded evaluation. Its metrics are sorted by name.
type Evaluation struct {
	EvaluationRecord
	ID        int64
	CreatedAt time.Time
}

const (
	queryInsertEvaluation = `INSERT INTO evaluations (run_id, step, epoch, sampler, sampler_json, steps, guidance, seed, nfe, images,
		seconds, used_ema,
		weights_file, weights_sha256, warnings, dataset, classifier, correct, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	queryInsertMetric = `INSERT INTO evaluation_metrics (evaluation_id, name, value, standard_error) VALUES (?, ?, ?, ?)`
	queryEvaluations  = `SELECT id, step, epoch, sampler, sampler_json, steps, guidance, seed, nfe, images, seconds, used_ema,
		weights_file, weights_sha256, warnings, dataset, classifier, correct, created_at FROM evaluations WHERE run_id = ? ORDER BY step, id`
	queryMetrics = `SELECT m.evaluation_id, m.name, m.value, m.standard_error FROM evaluation_metrics m
		JOIN evaluations e ON e.id = m.evaluation_id WHERE e.run_id = ? ORDER BY m.evaluation_id, m.name`
	queryDeleteEvaluations = `DELETE FROM evaluations WHERE run_id = ? AND step > ?`
)

// AddEvaluation records what was measured on samples of a run.
func (s *Store) AddEvaluation(ctx context.Context, runID string, r EvaluationRecord) error {
	return s.inTx(ctx, "recording an evaluation", func(tx *sql.Tx) error {
		if err := mustExist(ctx, tx, runID); err != nil {
			return err
		}
		values := slices.Concat([]any{runID}, drawingColumns(r.Drawing), []any{r.Dataset, r.Classifier, asBytes(r.Correct),
			toMilliseconds(time.Now())})
		result, err := tx.ExecContext(ctx, queryInsertEvaluation, values...)
		if err != nil {
			return err
		}
		id, err := result.LastInsertId()
		if err != nil {
			return err
		}
		for _, m := range r.Metrics {
			if _, err := tx.ExecContext(ctx, queryInsertMetric, id, m.Name, m.Value, m.StdErr); err != nil {
				return fmt.Errorf("metric %s: %w", m.Name, err)
			}
		}
		return nil
	})
}

// Evaluations returns the evaluations of a run, ordered by step and then by time of recording.
func (s *Store) Evaluations(ctx context.Context, runID string) ([]Evaluation, error) {
	list, err := s.evaluations(ctx, runID)
	if err != nil {
		return nil, s.failure("reading the evaluations of a run", err)
	}
	return list, nil
}

func (s *Store) evaluations(ctx context.Context, runID string) ([]Evaluation, error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	rows, err := tx.QueryContext(ctx, queryEvaluations, runID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Evaluation
	index := map[int64]int{}
	for rows.Next() {
		var e Evaluation
		var correct []byte
		var created milliseconds
		finish, fields := drawingFields(&e.Drawing)
		if err := rows.Scan(slices.Concat([]any{&e.ID}, fields, []any{&e.Dataset, &e.Classifier, &correct, &created})...); err != nil {
			return nil, err
		}
		if err := finish(); err != nil {
			return nil, err
		}
		e.Correct, e.CreatedAt = asBools(correct), created.time()
		index[e.ID] = len(list)
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, readMetrics(ctx, tx, func(id int64, m Metric) {
		e := &list[index[id]]
		e.Metrics = append(e.Metrics, m)
	}, queryMetrics, runID)
}

// readMetrics runs a query that returns metrics, each with the id of its evaluation.
func readMetrics(ctx context.Context, tx *sql.Tx, add func(id int64, m Metric), query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name string
		var value, stdErr points.Number
		if err := rows.Scan(&id, &name, &value, &stdErr); err != nil {
			return err
		}
		add(id, Metric{name, float64(value), float64(stdErr)})
	}
	return rows.Err()
}

func asBytes(flags []bool) []byte {
	b := make([]byte, len(flags))
	for i, f := range flags {
		if f {
			b[i] = 1
		}
	}
	return b
}

func asBools(b []byte) []bool {
	flags := make([]bool, len(b))
	for i, v := range b {
		flags[i] = v != 0
	}
	return flags
}
