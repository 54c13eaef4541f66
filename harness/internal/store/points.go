package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// rowsPerInsert is how many points one statement inserts. Passing statements to
// SQLite costs more than inserting a row.
const rowsPerInsert = 512

var (
	queryInsertPoint  = insertPoints(1)
	queryInsertPoints = insertPoints(rowsPerInsert)
)

const (
	queryReplacePoint = `INSERT INTO points (series_id, step, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`
	queryAddToPoint   = `INSERT INTO points (series_id, step, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value`
)

func insertPoints(rows int) string {
	return `INSERT INTO points (series_id, step, value) VALUES (?1, ?, ?)` + strings.Repeat(`, (?1, ?, ?)`, rows-1)
}

// pointInserter inserts points by the hundred.
type pointInserter struct {
	one, many *sql.Stmt
	args      []any
}

func newPointInserter(ctx context.Context, db *sql.DB) (p *pointInserter, err error) {
	p = &pointInserter{args: make([]any, 0, 1+2*rowsPerInsert)}
	if p.one, err = db.PrepareContext(ctx, queryInsertPoint); err != nil {
		return nil, err
	}
	if p.many, err = db.PrepareContext(ctx, queryInsertPoints); err != nil {
		p.one.Close()
		return nil, err
	}
	return p, nil
}

func (p *pointInserter) close() error { return errors.Join(p.one.Close(), p.many.Close()) }

// insert adds points that are not there yet. SQLite stores NaN as NULL by
// itself.
func (p *pointInserter) insert(ctx context.Context, tx *sql.Tx, seriesID int64, points []Point) error {
	many, one := tx.StmtContext(ctx, p.many), tx.StmtContext(ctx, p.one)
	for len(points) > 0 {
		stmt, n := one, 1
		if len(points) >= rowsPerInsert {
			stmt, n = many, rowsPerInsert
		}
		args := append(p.args[:0], seriesID)
		for _, point := range points[:n] {
			args = append(args, int64(point.Step), point.Value)
		}
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
		points = points[n:]
	}
	return nil
}

// replacePoints writes points some of which may be there already.
func replacePoints(ctx context.Context, tx *sql.Tx, st *seriesState) error {
	query := queryReplacePoint
	if st.sums {
		query = queryAddToPoint
	}
	for _, p := range st.batch {
		if _, err := tx.ExecContext(ctx, query, st.id, p.Step, p.Value); err != nil {
			return err
		}
	}
	return nil
}
