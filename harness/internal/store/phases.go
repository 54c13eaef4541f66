package store

import (
	"context"
	"database/sql"
	"strings"
)

// phasePrefix begins the names of series that hold the seconds a phase took at
// a step.
const phasePrefix = "time/"

// Phase says how long a phase of a run took. All times are in seconds.
type Phase struct {
	Name  string
	Count int // steps at which it ran
	Total float64
	P50   float64 // median
	P95   float64
	Max   float64
}

const (
	queryPhases = `SELECT id, name, count, max, sum FROM series
		WHERE run_id = ? AND count > 0 AND name GLOB 'time/*' ORDER BY name`
	// All are sorted before one is taken: with a limit on the sorting itself,
	// SQLite keeps the smallest so far in order, which takes ten times as long.
	queryOrderStatistic = `WITH sorted AS MATERIALIZED (SELECT value FROM points WHERE series_id = ? AND step % ? = 0 ORDER BY value)
		SELECT value FROM sorted LIMIT 1 OFFSET ?`
	queryCountEvery = `SELECT count(*) FROM points WHERE series_id = ? AND step % ? = 0`
)

// maxRanked is how many durations percentiles are taken from; of a longer
// series every second, third… step is used.
const maxRanked = 200_000

// Phases returns the timing of a run by phase. What runs several times in one
// step (a grid for each sampler, say) counts once, with the sum of its times.
func (s *Store) Phases(ctx context.Context, runID string) ([]Phase, error) {
	phases, err := s.phases(ctx, runID)
	return phases, s.failure("reading the timing of a run", err)
}

func (s *Store) phases(ctx context.Context, runID string) ([]Phase, error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
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
		if err := rows.Scan(&id, &p.Name, &p.Count, &p.Max, &p.Total); err != nil {
			return nil, err
		}
		p.Name = strings.TrimPrefix(p.Name, phasePrefix)
		phases, ids = append(phases, p), append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range phases {
		if err := phases[i].rank(ctx, tx, ids[i]); err != nil {
			return nil, err
		}
	}
	return phases, nil
}

// rank fills in the percentiles, by the nearest-rank definition.
func (p *Phase) rank(ctx context.Context, tx *sql.Tx, seriesID int64) error {
	every := 1 + (p.Count-1)/maxRanked
	n := p.Count
	if every > 1 {
		if err := tx.QueryRowContext(ctx, queryCountEvery, seriesID, every).Scan(&n); err != nil {
			return err
		}
		if n == 0 { // all at other steps
			every, n = 1, p.Count
		}
	}
	for percent, value := range map[int]*float64{50: &p.P50, 95: &p.P95} {
		rank := (percent*n + 99) / 100
		if err := tx.QueryRowContext(ctx, queryOrderStatistic, seriesID, every, rank-1).Scan(value); err != nil {
			return err
		}
	}
	return nil
}
