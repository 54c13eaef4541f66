package points

import (
	"context"
	"database/sql"
)

const (
	queryLaterSeries = `SELECT id FROM series WHERE run_id = ? AND last_step > ?`
	queryTruncate    = `DELETE FROM points WHERE series_id = ? AND step > ?`
)

// Truncate deletes the points of a run after a step.
func Truncate(ctx context.Context, tx *sql.Tx, runID string, step int) error {
	ids, err := seriesIDs(ctx, tx, queryLaterSeries, runID, step)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, queryTruncate, id, step); err != nil {
			return err
		}
		if _, err := rebuildBlocks(ctx, tx, id, int64(step)+1); err != nil {
			return err
		}
		m, err := summarize(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := m.write(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

func seriesIDs(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

const (
	queryDeletePoints = `DELETE FROM points WHERE series_id IN (SELECT id FROM series WHERE run_id = ?)`
	queryDeleteBlocks = `DELETE FROM blocks WHERE series_id IN (SELECT id FROM series WHERE run_id = ?)`
)

// Delete deletes the points and blocks of a run. Its series are deleted together with the row of
// the run. SQLite would delete the points then, too, but it takes longer to follow the reference of
// each series.
func Delete(ctx context.Context, tx *sql.Tx, runID string) error {
	for _, query := range []string{queryDeleteBlocks, queryDeletePoints} {
		if _, err := tx.ExecContext(ctx, query, runID); err != nil {
			return err
		}
	}
	return nil
}

const (
	queryCopySeries = `INSERT INTO series (run_id, name, count, last_step, last, min, max, sum, p50, p95)
		SELECT ?, name, count, last_step, last, min, max, sum, p50, p95 FROM series WHERE run_id = ? AND name <> 'time/sampling' ORDER BY id`
	queryCopyPoints = `INSERT INTO points (series_id, step, value)
		SELECT mine.id, p.step, p.value FROM series AS mine
		JOIN series AS theirs ON theirs.name = mine.name AND theirs.run_id = ?2
		JOIN points AS p ON p.series_id = theirs.id
		WHERE mine.run_id = ?1 ORDER BY mine.id, p.step`
	queryCopyBlocks = `INSERT INTO blocks (series_id, first, last, numbers, low, low_step, high, high_step, sum, nan_step)
		SELECT mine.id, b.first, b.last, b.numbers, b.low, b.low_step, b.high, b.high_step, b.sum, b.nan_step FROM series AS mine
		JOIN series AS theirs ON theirs.name = mine.name AND theirs.run_id = ?2
		JOIN blocks AS b ON b.series_id = theirs.id
		WHERE mine.run_id = ?1 ORDER BY mine.id, b.first`
)

// CopyTraining copies the series of another run to a run that has none. The times of drawing
// samples are left out, since they are not part of training.
func CopyTraining(ctx context.Context, tx *sql.Tx, runID, fromID string) error {
	for _, query := range []string{queryCopySeries, queryCopyPoints, queryCopyBlocks} {
		if _, err := tx.ExecContext(ctx, query, runID, fromID); err != nil {
			return err
		}
	}
	return nil
}
