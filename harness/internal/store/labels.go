package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/label"
)

const (
	queryInsertTag = `INSERT INTO run_tags (run_id, tag) VALUES (?, ?) ON CONFLICT DO NOTHING`
	queryDeleteTag = `DELETE FROM run_tags WHERE run_id = ? AND tag IN (SELECT value FROM json_each(?))`
	querySetNotes  = `UPDATE runs SET notes = ? WHERE id = ?`
)

// UpdateTags adds tags to a run and removes others. It is no error to add a tag that is there
// already, or to remove one that is not.
func (s *Store) UpdateTags(ctx context.Context, runID string, add, remove []string) error {
	add, err := cleanTags(add)
	if err != nil {
		return fmt.Errorf("tagging a run: %w", err)
	}
	return s.inTx(ctx, "tagging a run", func(tx *sql.Tx) error {
		if err := mustExist(ctx, tx, runID); err != nil {
			return err
		}
		for _, tag := range remove {
			if _, err := tx.ExecContext(ctx, queryDeleteTag, runID, spellings(tag)); err != nil {
				return err
			}
		}
		return insertTags(ctx, tx, runID, add)
	})
}

// SetNotes replaces the notes of a run.
func (s *Store) SetNotes(ctx context.Context, runID, notes string) error {
	return s.inTx(ctx, "writing a run's notes", func(tx *sql.Tx) error {
		if err := mustExist(ctx, tx, runID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, querySetNotes, notes, runID)
		return err
	})
}

func insertTags(ctx context.Context, tx *sql.Tx, runID string, tags []string) error {
	for _, tag := range tags {
		if _, err := tx.ExecContext(ctx, queryInsertTag, runID, tag); err != nil {
			return err
		}
	}
	return nil
}

// cleanTags brings tags into their normal form, sorted.
func cleanTags(tags []string) ([]string, error) {
	clean := make([]string, 0, len(tags))
	for _, tag := range tags {
		t, err := label.Tag(tag)
		if err != nil {
			return nil, err
		}
		clean = append(clean, t)
	}
	slices.Sort(clean)
	return slices.Compact(clean), nil
}

// spellings are the ways in which a tag may be recorded: normalized or, in a store of an older
// version, as it was typed.
func spellings(tag string) string {
	tag = strings.TrimSpace(tag)
	return asJSON([]string{tag, label.Normal(tag)})
}
