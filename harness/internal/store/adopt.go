package store

import (
	"context"
	"database/sql"

	"flowharness/harness/internal/store/points"
)

const (
	queryAdoptTimes    = `INSERT INTO step_times (run_id, step, at) SELECT ?1, step, at FROM step_times WHERE run_id = ?2 ORDER BY step`
	queryAdoptProgress = `UPDATE runs SET (last_step, total_steps, peak_memory_bytes) =
		(SELECT last_step, total_steps, peak_memory_bytes FROM runs WHERE id = ?2) WHERE id = ?1`
)

// AdoptTraining copies the series of another run to a run that has none, as if it had been trained
// itself. Samples and evaluations are not copied.
func (s *Store) AdoptTraining(ctx context.Context, runID, fromID string) error {
	return s.inTx(ctx, "taking over the training of a run", func(tx *sql.Tx) error {
		for _, id := range []string{runID, fromID} {
			if err := mustExist(ctx, tx, id); err != nil {
				return err
			}
		}
		if err := points.CopyTraining(ctx, tx, runID, fromID); err != nil {
			return err
		}
		for _, query := range []string{queryAdoptTimes, queryAdoptProgress} {
			if _, err := tx.ExecContext(ctx, query, runID, fromID); err != nil {
				return err
			}
		}
		return nil
	})
}
