package store

import (
	"context"
	"database/sql"
	"fmt"
)

const queryBinsWithin = `SELECT min(step), max(step), count(*), count(value), min(value), max(value), sum(value)
	FROM points WHERE series_id = ?1 AND step BETWEEN ?2 AND ?3 GROUP BY (step - ?2) / ?4 ORDER BY 1`

// BinsWithin is [Store.Bins] of the points from one step to another, both
// included. With as many bins as there are steps each point is a bin of its own.
// SQLite reads the points between the two steps, only the bins come out of it.
func (s *Store) BinsWithin(ctx context.Context, runID, name string, from, to, limit int) ([]Bin, error) {
	op := fmt.Sprintf("summing up a part of series %s", name)
	if to < from {
		return nil, nil
	}
	var bins []Bin
	err := s.withSeries(ctx, runID, name, func(tx *sql.Tx, id int64) (err error) {
		width := (to-from)/max(limit, 1) + 1
		bins, err = readBins(ctx, tx, queryBinsWithin, id, from, to, width)
		return err
	})
	return bins, s.failure(op, err)
}
