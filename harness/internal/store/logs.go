package store

import (
	"context"
	"slices"
	"time"
)

// LogLine is a line of a run's log.
type LogLine struct {
	Line    int // from 1
	At      time.Time
	Level   string // "info", "warning", "error"
	Message string
}

// LogOptions say which part of a log to read.
type LogOptions struct {
	After int // only lines after this one; pass the last line read to follow a log
	Tail  int // only the last lines; 0: all
}

const (
	queryLogs = `SELECT line, at, level, message FROM logs WHERE run_id = ? AND line > ? ORDER BY line DESC LIMIT ?`

	queryInsertLog = `INSERT INTO logs (run_id, line, at, level, message)
		SELECT ?1, coalesce(max(line), 0) + 1, ?2, ?3, ?4 FROM logs WHERE run_id = ?1`
)

// Logs returns lines of a run's log, oldest first.
func (s *Store) Logs(ctx context.Context, runID string, o LogOptions) ([]LogLine, error) {
	const op = "reading the log of a run"
	limit := o.Tail
	if limit <= 0 {
		limit = -1
	}
	rows, err := s.read.QueryContext(ctx, queryLogs, runID, o.After, limit)
	if err != nil {
		return nil, s.failure(op, err)
	}
	defer rows.Close()
	var lines []LogLine
	for rows.Next() {
		var l LogLine
		var at milliseconds
		if err := rows.Scan(&l.Line, &at, &l.Level, &l.Message); err != nil {
			return nil, s.failure(op, err)
		}
		l.At = at.time()
		lines = append(lines, l)
	}
	slices.Reverse(lines)
	return lines, s.failure(op, rows.Err())
}
