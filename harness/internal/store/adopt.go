package store

import (
	"context"
	"database/sql"
)

const (
	queryAdoptSeries = `INSERT INTO series (run_id, name, count, last_step, last, min, max, sum, p50, p95)
		SELECT ?, name, count, last_step, last, min, max, sum, p50, p95 FROM series WHERE run_id = ? AND name <> 'time/sampling' ORDER BY id`
	queryAdoptPoints = `INSERT INTO points (series_id, step, value)
		SELECT mine.id, p.step, p.value FROM series AS mine
		JOIN series AS theirs ON theirs.name = mine.name AND theirs.run_id = ?2
		JOIN points AS p ON p.series_id = theirs.id
		WHERE mine.run_id = ?1 ORDER BY mine.id, p.step`
	queryAdoptBlocks = `INSERT INTO blocks (series_id, first, last, numbers, low, low_step, high, high_step, sum, nan_step)
		SELECT mine.id, b.first, b.last, b.numbers, b.low, b.low_step, b.high, b.high_step, b.sum, b.nan_step FROM series AS mine
		JOIN series AS theirs ON theirs.name = mine.name AND theirs.run_id = ?2
		JOIN blocks AS b ON b.series_id = theirs.id
		WHERE mine.run_id = ?1 ORDER BY mine.id, b.first`
	queryAdoptTimes    = `INSERT INTO step_times (run_id, step, at) SELECT ?1, step, at FROM step_times WHERE run_id = ?2 ORDER BY step`
	queryAdoptProgress = `UPDATE runs SET (last_step, total_steps, peak_memory_bytes) =
		(SELECT last_step, total_steps, peak_memory_bytes FROM runs WHERE id = ?2) WHERE id = ?1`
)

// AdoptTraining gives a run without series those of another one, as if it had
// been trained itself. What was drawn and measured is not taken over.
func (s *Store) AdoptTraining(ctx context.Context, runID, fromID string) error {
	return s.inTx(ctx, "taking over the training of a run", func(tx *sql.Tx) error {
		for _, id := range []string{runID, fromID} {
			if err := mustExist(ctx, tx, id); err != nil {
				return err
			}
		}
		for _, query := range []string{queryAdoptSeries, queryAdoptPoints, queryAdoptBlocks, queryAdoptTimes, queryAdoptProgress} {
			if _, err := tx.ExecContext(ctx, query, runID, fromID); err != nil {
				return err
			}
		}
		return nil
	})
}
