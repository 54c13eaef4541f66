package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/oklog/ulid/v2"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/points"
)

const (
	queryInsertRun = `INSERT INTO runs (id, slug, name, status, config_hash, seed, process, dataset, notes,
		created_at, started_at, heartbeat_at, pid, pid_started_at, host, boot, code_version, trained_by, parent, parent_step)
		VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	queryInsertRecord = `INSERT INTO run_records (run_id, source_yaml, base_yaml, resolved_yaml, overrides, argv, environment)
		VALUES (?, ?, ?, ?, ?, ?, ?)`
	queryInsertConfig = `INSERT INTO run_config (run_id, path, value, number) VALUES (?, ?, ?, ?)`
	querySelectRecord = `SELECT source_yaml, base_yaml, resolved_yaml, overrides, argv, environment FROM run_records WHERE run_id = ?`
	queryRunExists    = `SELECT status FROM runs WHERE id = ?`

	// These take the ids of crashed runs as JSON; conditions, order and limit are appended.
	querySelectRuns = `SELECT r.id, r.slug, r.name, r.shown_status, r.status_reason, r.config_hash, r.seed, r.process, r.dataset,
		(SELECT json_group_array(tag) FROM (SELECT tag FROM run_tags WHERE run_id = r.id ORDER BY tag)), r.notes,
		r.created_at, r.started_at, r.ended_at, r.heartbeat_at, r.archived_at, r.deleted_at,
		r.last_step, r.total_steps, r.pid, r.host, r.peak_memory_bytes, r.code_version, r.trained_by, r.parent, r.parent_step,
		loss.count, loss.last_step, loss.last, loss.min, loss.max, loss.sum` + fromRuns
	queryChooseRuns = `SELECT r.id` + fromRuns

	fromRuns = ` FROM (SELECT *, ` + shownStatus + ` AS shown_status FROM runs) AS r
		LEFT JOIN series AS loss ON loss.run_id = r.id AND loss.name = 'train/loss' AND loss.count > 0`

	// The status that is shown for a row of the table runs; ?1 is a JSON array of the ids of
	// crashed runs.
	shownStatus    = `iif(status = 'running' AND id IN (SELECT value FROM json_each(?1)), 'crashed', ` + recordedStatus + `)`
	recordedStatus = `iif(status = 'interrupted' AND stopped, 'stopped', status)`
)

// CreateRun records a new run, with status running, that belongs to this process.
func (s *Store) CreateRun(ctx context.Context, n NewRun) (*Run, error) {
	const op = "recording a new run"
	if strings.TrimSpace(n.Name) == "" {
		return nil, fmt.Errorf("%s: it has no name", op)
	}
	values, err := flattenConfig(n.ResolvedYAML)
	if err != nil {
		return nil, fmt.Errorf("%s: its resolved config: %w", op, err)
	}
	tags, err := cleanTags(n.Tags)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	environment, err := json.Marshal(n.Environment)
	if err != nil {
		return nil, fmt.Errorf("%s: its environment: %w", op, err)
	}
	id, err := s.newID()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	err = s.inTx(ctx, op, func(tx *sql.Tx) error {
		if err := insertRun(ctx, tx, id, n); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, queryInsertRecord, id, n.SourceYAML, n.BaseYAML, n.ResolvedYAML, asJSON(n.Overrides),
			asJSON(n.Argv), string(environment)); err != nil {
			return err
		}
		for _, v := range values {
			if _, err := tx.ExecContext(ctx, queryInsertConfig, id, v.path, v.value, v.number); err != nil {
				return err
			}
		}
		return insertTags(ctx, tx, id, tags)
	})
	if err != nil {
		return nil, err
	}
	return s.Run(ctx, id)
}

// insertRun tries slugs until one is free.
func insertRun(ctx context.Context, tx *sql.Tx, id string, n NewRun) error {
	now, p := toMilliseconds(time.Now()), thisProcess()
	for attempt := 0; ; attempt++ {
		_, err := tx.ExecContext(ctx, queryInsertRun, id, slug(id, attempt), n.Name, n.ConfigHash, strconv.FormatUint(n.Seed, 10),
			n.Process, n.Dataset, n.Notes,
			now, now, now, p.pid, p.startedAt, p.host, p.boot, n.CodeVersion, n.TrainedBy, n.Parent, n.ParentStep)
		if e, ok := errors.AsType[sqlite3.Error](err); ok && e.ExtendedCode == sqlite3.ErrConstraintUnique && attempt < maxSlugAttempts {
			continue
		}
		return err
	}
}

// newID makes ids that sort in the order in which they were made; within this process even in the
// same millisecond.
func (s *Store) newID() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entropy == nil {
		s.entropy = ulid.Monotonic(rand.Reader, 0)
	}
	id, err := ulid.New(ulid.Now(), s.entropy)
	return id.String(), err
}

// Run returns the run with exactly this id. An unknown id is a [*NotFoundError]. [Store.Resolve]
// finds a run by what a user types.
func (s *Store) Run(ctx context.Context, id string) (*Run, error) {
	const op = "reading a run"
	infos, err := s.selectRuns(ctx, " WHERE r.id = ?", id)
	if err != nil {
		return nil, s.failure(op, err)
	}
	if len(infos) == 0 {
		return nil, &NotFoundError{Ref: id}
	}
	run := &Run{RunInfo: infos[0]}
	var overrides, argv, environment string
	err = s.read.QueryRowContext(ctx, querySelectRecord, id).Scan(&run.SourceYAML, &run.BaseYAML, &run.ResolvedYAML, &overrides,
		&argv, &environment)
	run.Environment = json.RawMessage(environment)
	if err == nil {
		err = errors.Join(json.Unmarshal([]byte(overrides), &run.Overrides), json.Unmarshal([]byte(argv), &run.Argv))
	}
	return run, s.failure(op, err)
}

// selectRuns reads runs with their status as of now.
func (s *Store) selectRuns(ctx context.Context, rest string, args ...any) ([]RunInfo, error) {
	dead, err := s.crashedRuns(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, querySelectRuns+rest, append([]any{dead.ids()}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var runs []RunInfo
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, err
		}
		if r.Status == record.StatusCrashed {
			r.StatusReason = dead[r.ID]
		}
		runs = append(runs, r)
	}
	return runs, rows.Err()
}

func scanRun(rows *sql.Rows) (RunInfo, error) {
	var r RunInfo
	var seed, tags string
	var created, started, heartbeat milliseconds
	var ended, archived, deleted sql.Null[milliseconds]
	var count, lastStep sql.NullInt64
	var last, lowest, highest, sum points.Number
	err := rows.Scan(&r.ID, &r.Slug, &r.Name, &r.Status, &r.StatusReason, &r.ConfigHash, &seed, &r.Process, &r.Dataset,
		&tags, &r.Notes, &created, &started, &ended, &heartbeat, &archived, &deleted,
		&r.LastStep, &r.TotalSteps, &r.PID, &r.Host, &r.PeakMemoryBytes, &r.CodeVersion, &r.TrainedBy, &r.Parent, &r.ParentStep,
		&count, &lastStep, &last, &lowest, &highest, &sum)
	if err != nil {
		return r, err
	}
	r.CreatedAt, r.StartedAt, r.HeartbeatAt = created.time(), started.time(), heartbeat.time()
	for _, at := range []struct {
		read sql.Null[milliseconds]
		to   *time.Time
	}{{ended, &r.EndedAt}, {archived, &r.ArchivedAt}, {deleted, &r.DeletedAt}} {
		if at.read.Valid {
			*at.to = at.read.V.time()
		}
	}
	if count.Valid {
		loss := SeriesSummary{Name: record.TrainLoss, Count: int(count.Int64), LastStep: int(lastStep.Int64),
			Last: float64(last), Min: float64(lowest), Max: float64(highest), Sum: float64(sum)}
		r.Loss = &loss
	}
	if err := json.Unmarshal([]byte(tags), &r.Tags); err != nil {
		return r, err
	}
	r.Seed, err = strconv.ParseUint(seed, 10, 64)
	return r, err
}

// mustExist returns an error if there is no run with this id.
func mustExist(ctx context.Context, tx *sql.Tx, id string) error {
	var status string
	err := tx.QueryRowContext(ctx, queryRunExists, id).Scan(&status)
	if errors.Is(err, sql.ErrNoRows) {
		return &NotFoundError{Ref: id}
	}
	return err
}

// milliseconds is a time as the store keeps it: milliseconds since 1970.
type milliseconds int64

func toMilliseconds(t time.Time) milliseconds { return milliseconds(t.UnixMilli()) }
func (m milliseconds) time() time.Time        { return time.UnixMilli(int64(m)) }
