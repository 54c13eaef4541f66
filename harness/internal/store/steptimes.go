package store

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// StepTimes says when a run had done how many steps, in the order of the steps.
type StepTimes []StepTime

// StepTime is the moment by which a run had done a step; what is recorded is
// written each 0.25 s, and so is this.
type StepTime struct {
	Step int
	At   time.Time
}

// At is the moment by which a step was done. Between two steps whose times were
// recorded it is interpolated, so that it can be off by the time between them: a
// second, or a five-hundredth of the time that the process had been training. It
// is the zero time before the first and after the last of them.
func (t StepTimes) At(step int) time.Time {
	i, found := slices.BinarySearchFunc(t, step, func(s StepTime, step int) int { return s.Step - step })
	if found {
		return t[i].At
	}
	if i == 0 || i == len(t) {
		return time.Time{}
	}
	a, b := t[i-1], t[i]
	part := float64(step-a.Step) / float64(b.Step-a.Step)
	return a.At.Add(time.Duration(part * float64(b.At.Sub(a.At))))
}

const (
	queryStepTimes  = `SELECT step, at FROM step_times WHERE run_id = ? ORDER BY step`
	queryKeepTime   = `INSERT INTO step_times (run_id, step, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at`
	queryLaterTimes = `DELETE FROM step_times WHERE run_id = ? AND step > ?`
)

// WallTimes returns when a run had done its steps; it has none if the run
// recorded no progress, or was recorded before times were kept. Points carry no
// time of their own: that of their step is [StepTimes.At].
func (s *Store) WallTimes(ctx context.Context, runID string) (StepTimes, error) {
	const op = "reading when a run did its steps"
	rows, err := s.read.QueryContext(ctx, queryStepTimes, runID)
	if err != nil {
		return nil, s.failure(op, err)
	}
	defer rows.Close()
	var times StepTimes
	for rows.Next() {
		var step int
		var at milliseconds
		if err := rows.Scan(&step, &at); err != nil {
			return nil, s.failure(op, err)
		}
		times = append(times, StepTime{step, at.time()})
	}
	return times, s.failure(op, rows.Err())
}

// clock decides which steps' times a writer keeps: the first, the last, those
// around a pause, and between them so few that days of training have some
// thousands.
type clock struct {
	began, kept time.Time // of the first step, and of the last whose time was kept as it was due
	step        int       // of the last that was kept; -1: none yet
	seen        int       // the last that the run came to; -1: none yet
	seenAt      time.Time
}

const (
	keepTimeEvery = time.Second
	keepTimePart  = 500 // of the time since the first
)

// keepTime records the time of the step that the run has come to; -1 stands for
// the one it had come to before. It returns the clock as it is after the commit.
func (w *Writer) keepTime(ctx context.Context, tx *sql.Tx, step int, now time.Time, end bool) (clock, error) {
	c := w.clock
	keep := func() error {
		if c.seen == c.step {
			return nil
		}
		c.step = c.seen
		_, err := tx.ExecContext(ctx, queryKeepTime, w.runID, c.seen, toMilliseconds(c.seenAt))
		return err
	}
	if step >= 0 && step != c.seen {
		if c.seen < 0 {
			c.began = now
		}
		if now.Sub(c.seenAt) >= c.pause(now) { // it was doing something else meanwhile
			if err := keep(); err != nil {
				return c, err
			}
		}
		c.seen, c.seenAt = step, now
	}
	if c.seen == c.step || !end && now.Sub(c.kept) < c.pause(now) {
		return c, nil
	}
	c.kept = c.seenAt
	return c, keep()
}

// pause is the longest time between two moments that are kept.
func (c clock) pause(now time.Time) time.Duration {
	return max(keepTimeEvery, now.Sub(c.began)/keepTimePart)
}
