package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"flowharness/harness/internal/store/points"
)

// ReferenceKind says what reference values were measured on.
type ReferenceKind string

// The kinds of reference values.
const (
	ReferenceReal  ReferenceKind = "real"  // training images
	ReferenceNoise ReferenceKind = "noise" // Gaussian noise
)

// Reference holds the metrics of images that were not drawn by a model, compared with the test
// split of a dataset.
type Reference struct {
	Dataset, Classifier string
	Kind                ReferenceKind
	Images              int
	Metrics             []Metric // sorted by name when read
}

const (
	queryInsertReference = `INSERT INTO reference_metrics (dataset, classifier, kind, images, name, value, standard_error)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, standard_error = excluded.standard_error`
	queryReferences = `SELECT kind, images, name, value, standard_error FROM reference_metrics
		WHERE dataset = ? AND classifier = ? ORDER BY kind, images, name`
)

// AddReference records reference values, replacing earlier ones.
func (s *Store) AddReference(ctx context.Context, r Reference) error {
	const op = "recording reference values"
	if r.Kind != ReferenceReal && r.Kind != ReferenceNoise {
		return fmt.Errorf("%s: unknown kind %q", op, r.Kind)
	}
	if len(r.Metrics) == 0 {
		return fmt.Errorf("%s: %w", op, errors.New("there are none"))
	}
	return s.inTx(ctx, op, func(tx *sql.Tx) error {
		for _, m := range r.Metrics {
			if _, err := tx.ExecContext(ctx, queryInsertReference, r.Dataset, r.Classifier, r.Kind, r.Images, m.Name, m.Value,
				m.StdErr); err != nil {
				return err
			}
		}
		return nil
	})
}

// References returns the reference values for a dataset and a classifier.
func (s *Store) References(ctx context.Context, dataset, classifier string) ([]Reference, error) {
	const op = "reading reference values"
	rows, err := s.read.QueryContext(ctx, queryReferences, dataset, classifier)
	if err != nil {
		return nil, s.failure(op, err)
	}
	defer rows.Close()
	var list []Reference
	for rows.Next() {
		var kind ReferenceKind
		var images int
		var name string
		var value, stdErr points.Number
		if err := rows.Scan(&kind, &images, &name, &value, &stdErr); err != nil {
			return nil, s.failure(op, err)
		}
		if n := len(list); n == 0 || list[n-1].Kind != kind || list[n-1].Images != images {
			list = append(list, Reference{Dataset: dataset, Classifier: classifier, Kind: kind, Images: images})
		}
		last := &list[len(list)-1]
		last.Metrics = append(last.Metrics, Metric{name, float64(value), float64(stdErr)})
	}
	return list, s.failure(op, rows.Err())
}
