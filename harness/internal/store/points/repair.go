package points

import (
	"context"
	"database/sql"
)

// Recount says how many points a series should have according to its summary, and how many it has.
type Recount struct {
	RunID, Name     string
	Recorded, Found int
}

const (
	queryAllSeries  = `SELECT id, run_id, name, count FROM series ORDER BY run_id, name`
	queryDropSeries = `DELETE FROM series WHERE id = ?`
	queryAllRuns    = `SELECT DISTINCT run_id FROM series ORDER BY run_id`
)

// Repair makes the blocks, summaries and percentiles of all series of a store fit their points, and
// drops series without points. It returns the series whose summary had another number of points.
func Repair(ctx context.Context, tx *sql.Tx) ([]Recount, error) {
	list, ids, err := recorded(ctx, tx)
	if err != nil {
		return nil, err
	}
	var differ []Recount
	for i, r := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r.Found, err = repairSeries(ctx, tx, ids[i], r.Recorded); err != nil {
			return nil, err
		}
		if r.Found != r.Recorded {
			differ = append(differ, r)
		}
	}
	return differ, rankAll(ctx, tx)
}

// recorded lists all series with the numbers of points in their summaries, and their ids.
func recorded(ctx context.Context, tx *sql.Tx) (list []Recount, ids []int64, err error) {
	rows, err := tx.QueryContext(ctx, queryAllSeries)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var r Recount
		if err := rows.Scan(&id, &r.RunID, &r.Name, &r.Recorded); err != nil {
			return nil, nil, err
		}
		list, ids = append(list, r), append(ids, id)
	}
	return list, ids, rows.Err()
}

// repairSeries repairs one series and returns how many points it has.
func repairSeries(ctx context.Context, tx *sql.Tx, id int64, recorded int) (found int, err error) {
	m, err := summarize(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	if m.Count == 0 {
		_, err := tx.ExecContext(ctx, queryDropSeries, id)
		return 0, err
	}
	if _, err := rebuildBlocks(ctx, tx, id, beforeAll); err != nil || m.Count == recorded {
		return m.Count, err
	}
	return m.Count, m.write(ctx, tx, id)
}

func rankAll(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, queryAllRuns)
	if err != nil {
		return err
	}
	defer rows.Close()
	var runs []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		runs = append(runs, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range runs {
		if err := RankPhases(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}
