package points

import (
	"context"
	"database/sql"
	"math"
)

// Summary describes a series without its points.
type Summary struct {
	Name     string
	Count    int
	LastStep int
	Last     float64
	Min, Max float64 // of the points that are not NaN; NaN if there are none
	Sum      float64 // of the same points; NaN if infinities cancel
}

const (
	querySummaries = `SELECT name, count, last_step, last, min, max, sum FROM series WHERE run_id = ? AND count > 0 ORDER BY name`
	queryAggregate = `SELECT count(*), coalesce(max(step), 0), min(value), max(value), sum(value) FROM points WHERE series_id = ?`
	queryLastValue = `SELECT value FROM points WHERE series_id = ? AND step = ?`

	// Stored percentiles are those of the points before the change.
	querySetSummary = `UPDATE series SET count = ?, last_step = ?, last = ?, min = ?, max = ?, sum = ?, p50 = NULL, p95 = NULL WHERE id = ?`
)

// Summaries returns the summaries of all series of a run, sorted by name. It does not read points.
func Summaries(ctx context.Context, db *sql.DB, runID string) ([]Summary, error) {
	rows, err := db.QueryContext(ctx, querySummaries, runID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Summary
	for rows.Next() {
		var m Summary
		finish, fields := m.fields()
		if err := rows.Scan(append([]any{&m.Name}, fields...)...); err != nil {
			return nil, err
		}
		finish()
		list = append(list, m)
	}
	return list, rows.Err()
}

// fields returns what the columns from the count to the sum are scanned into. Call finish after
// scanning.
func (m *Summary) fields() (finish func(), fields []any) {
	var last, lowest, highest, sum Number
	finish = func() {
		m.Last, m.Min, m.Max, m.Sum = float64(last), float64(lowest), float64(highest), float64(sum)
	}
	return finish, []any{&m.Count, &m.LastStep, &last, &lowest, &highest, &sum}
}

// add adds a point that comes after all others.
func (m *Summary) add(p Point) {
	if m.Count == 0 {
		m.Min, m.Max, m.Sum = math.NaN(), math.NaN(), math.NaN()
	}
	m.Count++
	m.LastStep, m.Last = p.Step, p.Value
	if math.IsNaN(p.Value) {
		return
	}
	if math.IsNaN(m.Min) { // this is the first number
		m.Min, m.Max, m.Sum = p.Value, p.Value, p.Value
		return
	}
	m.Min, m.Max, m.Sum = math.Min(m.Min, p.Value), math.Max(m.Max, p.Value), m.Sum+p.Value
}

// summarize computes a summary, without the name, from the points.
func summarize(ctx context.Context, tx *sql.Tx, seriesID int64) (m Summary, err error) {
	var lowest, highest, sum, last Number
	if err := tx.QueryRowContext(ctx, queryAggregate, seriesID).Scan(&m.Count, &m.LastStep, &lowest, &highest,
		&sum); err != nil || m.Count == 0 {
		return m, err
	}
	err = tx.QueryRowContext(ctx, queryLastValue, seriesID, m.LastStep).Scan(&last)
	m.Last, m.Min, m.Max, m.Sum = float64(last), float64(lowest), float64(highest), float64(sum)
	return m, err
}

// write records the summary of a series.
func (m *Summary) write(ctx context.Context, tx *sql.Tx, seriesID int64) error {
	_, err := tx.ExecContext(ctx, querySetSummary, m.Count, m.LastStep, m.Last, m.Min, m.Max, m.Sum, seriesID)
	return err
}
