package points

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// rowsPerInsert is how many points one statement inserts. Passing a statement to SQLite costs more
// than inserting a row.
const rowsPerInsert = 512

var (
	queryInsertPoint  = insertPoints(1)
	queryInsertPoints = insertPoints(rowsPerInsert)
)

func insertPoints(rows int) string {
	return `INSERT INTO points (series_id, step, value) VALUES (?1, ?, ?)` + strings.Repeat(`, (?1, ?, ?)`, rows-1)
}

// pointInserter inserts points, many at a time.
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

// insert adds points that are not there yet. SQLite itself stores NaN as NULL.
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

// blocksPerInsert is how many blocks one statement inserts.
const blocksPerInsert = 16

var (
	queryInsertBlock  = insertBlocks(1)
	queryInsertBlocks = insertBlocks(blocksPerInsert)
)

const templateBlockValues = `(?1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

func insertBlocks(rows int) string {
	return `INSERT INTO blocks (series_id, first, last, numbers, low, low_step, high, high_step, sum, nan_step) VALUES ` +
		templateBlockValues + strings.Repeat(", "+templateBlockValues, rows-1)
}

// blockInserter inserts blocks, several at a time.
type blockInserter struct {
	one, many *sql.Stmt
	args      []any
}

func newBlockInserter(ctx context.Context, db *sql.DB) (b *blockInserter, err error) {
	b = &blockInserter{}
	if b.one, err = db.PrepareContext(ctx, queryInsertBlock); err != nil {
		return nil, err
	}
	if b.many, err = db.PrepareContext(ctx, queryInsertBlocks); err != nil {
		b.one.Close()
		return nil, err
	}
	return b, nil
}

func (b *blockInserter) close() error { return errors.Join(b.one.Close(), b.many.Close()) }

func (b *blockInserter) insert(ctx context.Context, tx *sql.Tx, seriesID int64, blocks []block) error {
	for len(blocks) > 0 {
		stmt, n := b.one, 1
		if len(blocks) >= blocksPerInsert {
			stmt, n = b.many, blocksPerInsert
		}
		b.args = append(b.args[:0], seriesID)
		for i := range blocks[:n] {
			b.args = append(b.args, blocks[i].columns()...)
		}
		if _, err := tx.StmtContext(ctx, stmt).ExecContext(ctx, b.args...); err != nil {
			return err
		}
		blocks = blocks[n:]
	}
	return nil
}
