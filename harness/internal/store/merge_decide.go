package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"flowharness/harness/internal/record"
)

// progressOf is how far a run has come in one store.
type progressOf struct {
	slug      string
	status    record.Status
	created   milliseconds
	hash      string
	seed      string
	lastStep  int64
	heartbeat milliseconds
	process   processIdentity
	deleted   sql.Null[milliseconds]
}

const (
	queryProgressHere = `SELECT slug, ` + recordedStatus + `, created_at, config_hash, seed, last_step, heartbeat_at, pid,
		pid_started_at, host, boot, deleted_at
		FROM main.runs WHERE id = ?`
	queryProgressThere = `SELECT slug, ` + recordedStatus + `, created_at, config_hash, seed, last_step, heartbeat_at, pid,
		pid_started_at, host, boot, deleted_at
		FROM source.runs WHERE id = ?`
)

// decide compares a run of the source with the run of the same id here, if there is one.
func (m *merger) decide(ctx context.Context, tx *sql.Tx, id string) (outcome, error) {
	there, err := readProgress(ctx, tx, queryProgressThere, id)
	if err != nil {
		return 0, err // not that it does not exist: choose has listed it
	}
	if there.deleted.Valid {
		return outcomeTrashed, nil
	}
	if err := m.readable(ctx, tx, id, there); err != nil {
		return 0, err
	}
	here, err := readProgress(ctx, tx, queryProgressHere, id)
	if errors.Is(err, sql.ErrNoRows) {
		if there.live() {
			return outcomeLive, nil
		}
		return outcomeAdded, nil
	}
	if err != nil {
		return 0, err
	}
	if here.live() || there.live() {
		return outcomeLive, nil
	}
	conflict := func(format string, args ...any) error {
		return &ConflictError{RunID: id, Slug: here.slug, Store: m.store.Path(), Source: m.source.Path(), Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case there.hash != here.hash:
		return 0, conflict("its config hash is %.12s there and %.12s here", there.hash, here.hash)
	case there.seed != here.seed:
		return 0, conflict("its seed is %s there and %s here", there.seed, here.seed)
	case there.created != here.created:
		return 0, conflict("it was created at %s there and at %s here", there.created.utc(), here.created.utc())
	case there.status == here.status && there.lastStep == here.lastStep:
		return m.compareContents(ctx, tx, id, conflict)
	case there.lastStep == here.lastStep && stoppedMeanwhile(there, here):
		what, err := m.compareContents(ctx, tx, id, conflict)
		if err == nil && what == outcomeSame && there.status == record.StatusStopped {
			what = outcomeContinued
		}
		return what, err
	case !here.ended() && (there.ended() || there.lastStep > here.lastStep):
		return outcomeContinued, nil
	case !there.ended() && (!here.ended() && there.lastStep < here.lastStep || here.ended() && there.lastStep <= here.lastStep):
		return outcomeBehind, nil
	case !there.ended() && !here.ended() && there.heartbeat > here.heartbeat: // at the same step
		return outcomeContinued, nil
	case !there.ended() && !here.ended() && there.heartbeat < here.heartbeat:
		return outcomeBehind, nil
	}
	return 0, conflict("it is %s at step %d there and %s at step %d here", there.status, there.lastStep, here.status, here.lastStep)
}

const queryUnreadable = `SELECT name FROM source.series WHERE run_id = ? AND
	(typeof(last) NOT IN ('real', 'null') OR typeof(min) NOT IN ('real', 'null') OR typeof(max) NOT IN ('real',
		'null') OR typeof(sum) NOT IN ('real', 'null')
	OR typeof(p50) NOT IN ('real', 'null') OR typeof(p95) NOT IN ('real', 'null'))`

// readable refuses a run that could be stored but would then make reading other runs fail. Only
// another program can have written such a run.
func (m *merger) readable(ctx context.Context, tx *sql.Tx, id string, there progressOf) error {
	if _, err := strconv.ParseUint(there.seed, 10, 64); err != nil {
		return fmt.Errorf("its seed is %q, not a number", there.seed)
	}
	names, err := column[string](ctx, tx, queryUnreadable, id)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("the summary of its series %q is not of numbers", names[0])
	}
	return err
}

// compareContents compares what is recorded of a run that is equally far in both stores.
func (m *merger) compareContents(ctx context.Context, tx *sql.Tx, id string, conflict func(string, ...any) error) (outcome, error) {
	var more, fewer []string // tables in which the source has more, and tables in which the store has more
	for _, t := range m.tables.owned {
		if t.kept() {
			continue
		}
		moreThere, err := t.more(ctx, tx, "source", "main", id)
		if err != nil {
			return 0, err
		}
		moreHere, err := t.more(ctx, tx, "main", "source", id)
		if err != nil {
			return 0, err
		}
		if t.name == tableSeries && (moreThere || moreHere) {
			return 0, conflict("at the same step and status, its series differ")
		}
		if moreThere {
			more = append(more, t.name)
		}
		if moreHere {
			fewer = append(fewer, t.name)
		}
	}
	switch {
	case len(more) > 0 && len(fewer) > 0:
		return 0, conflict("at the same step and status, each has something recorded that the other lacks (%v there, %v here)", more, fewer)
	case len(more) > 0:
		return outcomeContinued, nil
	case len(fewer) > 0:
		return outcomeBehind, nil
	}
	return outcomeSame, nil
}

// tableSeries holds summaries of the points. If the summaries are equal, the points are too.
const tableSeries = "series"

// more tells whether store a has rows of a run that store b lacks.
func (t ownedTable) more(ctx context.Context, tx *sql.Tx, a, b, id string) (found bool, err error) {
	err = tx.QueryRowContext(ctx, t.fill(templateMore, "{a}", a, "{b}", b), id).Scan(&found)
	if t.name == tableSeries {
		return found, err
	}
	for _, p := range t.parts {
		if err != nil || found {
			break
		}
		err = tx.QueryRowContext(ctx, t.fillPart(p, templateMoreParts, "{a}", a, "{b}", b), id).Scan(&found)
	}
	return found, err
}

// ended tells whether the run has come to its end. A run that diverged has: resuming it would make
// it diverge again.
func (p progressOf) ended() bool {
	return p.status == record.StatusFinished || p.status == record.StatusDiverged
}

// stoppedMeanwhile tells whether a search has stopped a run in one of two stores but not in the
// other.
func stoppedMeanwhile(a, b progressOf) bool {
	return a.status == record.StatusStopped && b.status == record.StatusInterrupted ||
		a.status == record.StatusInterrupted && b.status == record.StatusStopped
}

func (p progressOf) live() bool {
	return p.status == record.StatusRunning && p.process.mayWrite(p.heartbeat.time())
}

func readProgress(ctx context.Context, tx *sql.Tx, query, id string) (p progressOf, err error) {
	err = tx.QueryRowContext(ctx, query, id).Scan(&p.slug, &p.status, &p.created, &p.hash, &p.seed, &p.lastStep, &p.heartbeat,
		&p.process.pid, &p.process.startedAt, &p.process.host, &p.process.boot, &p.deleted)
	return p, err
}

func (m milliseconds) utc() string { return m.time().UTC().Format(time.RFC3339) }
