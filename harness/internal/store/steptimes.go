package store

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// StepTimes says at what time a run had done which step, ordered by step.
type StepTimes []StepTime

// StepTime is the time by which a run had done a step, to within 0.25 s, the interval of writing.
type StepTime struct {
	Step int
	At   time.Time
}

// At returns the time by which a step was done. Between two recorded steps it interpolates. The
// error is at most the time between them: one second or, if that is longer, 1/500 of the time that
// the process had been training. Before the first recorded step and after the last one it returns
// the zero time.
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

// WallTimes returns the times at which a run did its steps. There are none if the run recorded no
// progress, or is older than the recording of times. A point carries no time of its own; the time
// of its step is [StepTimes.At].
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

// clock decides for which steps a writer keeps the time: the first, the last, those around a pause,
// and in between so few that days of training have a few thousand.
type clock struct {
	began, kept time.Time // time of the first step, and of the latest one that was kept because it was due
	step        int       // the latest step whose time was kept; -1: none yet
	seen        int       // the latest step of the run; -1: none yet
	seenAt      time.Time
}

const (
	keepTimeEvery = time.Second
	keepTimePart  = 500 // recorded steps may be 1/500 of the time since the first step apart
)

// keepTime records the time of the step that the run has reached; -1 means that the step has not
// changed. It returns the clock as it is to be after the commit.
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

// pause is the longest time between two recorded steps.
func (c clock) pause(now time.Time) time.Duration {
	return max(keepTimeEvery, now.Sub(c.began)/keepTimePart)
}
