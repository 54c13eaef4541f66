package points

import (
	"context"
	"database/sql"
	"math"

	"flowharness/harness/internal/record"
)

// Phase says how long a phase of a run took. All times are in seconds. Percentiles are exact, by
// the nearest-rank definition, with one exception: while a run with more than 200,000 times of the
// phase has not ended, they are those of every 64th time.
type Phase struct {
	Name  string
	Count int // number of steps at which it ran
	Total float64
	P50   float64 // median
	P95   float64
	Max   float64
}

const queryPhases = `SELECT id, name, count, max, sum, p50, p95 FROM series
	WHERE run_id = ? AND count > 0 AND name GLOB 'time/*' ORDER BY name`

// maxRanked is the largest number of times that are ranked exactly while a run has not ended.
const maxRanked = 200_000

// Phases returns the timing of a run by phase. If something runs several times in one step, such as
// drawing a grid with each of several samplers, its times are added and count as one.
func Phases(ctx context.Context, tx *sql.Tx, runID string) ([]Phase, error) {
	rows, err := tx.QueryContext(ctx, queryPhases, runID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var phases []Phase
	var ids []int64
	for rows.Next() {
		var id int64
		var p Phase
		var highest, total, p50, p95 Number
		if err := rows.Scan(&id, &p.Name, &p.Count, &highest, &total, &p50, &p95); err != nil {
			return nil, err
		}
		p.Max, p.Total, p.P50, p.P95 = float64(highest), float64(total), float64(p50), float64(p95)
		p.Name, _ = record.Phase(p.Name)
		phases, ids = append(phases, p), append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range phases {
		if p := &phases[i]; math.IsNaN(p.P50) || math.IsNaN(p.P95) {
			if err := p.rank(ctx, tx, ids[i]); err != nil {
				return nil, err
			}
		}
	}
	return phases, nil
}

// rank ranks the times of a phase of a run that has not ended.
func (p *Phase) rank(ctx context.Context, tx *sql.Tx, seriesID int64) (err error) {
	if p.Count <= maxRanked {
		p.P50, p.P95, err = percentiles(ctx, tx, seriesID, p.Count)
		return err
	}
	if p.P50, err = sampledStatistic(ctx, tx, seriesID, p.Count, nearestRank(50, p.Count)); err == nil {
		p.P95, err = sampledStatistic(ctx, tx, seriesID, p.Count, nearestRank(95, p.Count))
	}
	return err
}
