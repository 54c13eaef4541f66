package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"flowharness/harness/internal/record"
)

// staleAfter is the age of the last heartbeat at which a run counts as crashed.
const staleAfter = 30 * time.Second

// clockTolerance is how far the clocks of two hosts may be apart. A sign of life
// from further in the future was given by a clock that was wrong, and would
// otherwise count as recent until then.
const clockTolerance = 5 * time.Minute

// recent tells whether a sign of life is one of a process that may be alive.
func recent(heartbeat, now time.Time) bool {
	age := now.Sub(heartbeat)
	return age <= staleAfter && age >= -clockTolerance
}

const queryRunning = `SELECT id, heartbeat_at, pid, pid_started_at, host, boot FROM runs WHERE status = 'running'`

// crashedRuns finds the runs that are recorded as running but whose process is
// gone, with the reason. Every reading of a status goes through it.
func (s *Store) crashedRuns(ctx context.Context) (crashed, error) {
	rows, err := s.read.QueryContext(ctx, queryRunning)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	dead := crashed{}
	here, now := thisHost(), time.Now()
	for rows.Next() {
		var id string
		var heartbeat milliseconds
		var p processIdentity
		if err := rows.Scan(&id, &heartbeat, &p.pid, &p.startedAt, &p.host, &p.boot); err != nil {
			return nil, err
		}
		if reason := crashReason(p, heartbeat.time(), here, now); reason != "" {
			dead[id] = reason
		}
	}
	return dead, rows.Err()
}

// crashed maps the ids of crashed runs to the reason.
type crashed map[string]string

// ids is a JSON array for json_each.
func (c crashed) ids() string {
	ids := make([]string, 0, len(c))
	for id := range c {
		ids = append(ids, id)
	}
	return asJSON(ids)
}

// crashReason says why the process of a running run counts as dead; "" if it
// does not.
func crashReason(p processIdentity, heartbeat time.Time, here hostIdentity, now time.Time) string {
	if p.hostIdentity == here && here.boot != "" && !p.alive() {
		return fmt.Sprintf("its process %d is gone; last sign of life %s", p.pid, heartbeat.UTC().Format(time.RFC3339))
	}
	if !recent(heartbeat, now) && heartbeat.After(now) {
		return fmt.Sprintf("the last sign of life from process %d on %s is of the future, %s: the clock there was wrong", p.pid,
			p.host, heartbeat.UTC().Format(time.RFC3339))
	}
	if !recent(heartbeat, now) {
		return fmt.Sprintf("no sign of life from process %d on %s since %s", p.pid, p.host, heartbeat.UTC().Format(time.RFC3339))
	}
	return ""
}

const queryProcess = `SELECT slug, status, heartbeat_at, pid, pid_started_at, host, boot FROM runs WHERE id = ?`

// mustNotLive is an error if a run does not exist or may still be written by
// its process. It is stricter than crashReason: a process that has been
// suspended for long reads as crashed, but can wake up.
func mustNotLive(ctx context.Context, tx *sql.Tx, runID string) error {
	var slug string
	var status record.Status
	var heartbeat milliseconds
	var p processIdentity
	err := tx.QueryRowContext(ctx, queryProcess, runID).Scan(&slug, &status, &heartbeat, &p.pid, &p.startedAt, &p.host, &p.boot)
	if errors.Is(err, sql.ErrNoRows) {
		return &NotFoundError{Ref: runID}
	}
	if err != nil {
		return err
	}
	if status == record.StatusRunning && p.mayWrite(heartbeat.time()) {
		return fmt.Errorf("run %s: %w: stop process %d on %s first", slug, ErrRunning, p.pid, p.host)
	}
	return nil
}

// mayWrite tells whether a process that has not ended its run could still do so,
// judged by its last sign of life where nothing better is known.
func (p processIdentity) mayWrite(heartbeat time.Time) bool {
	if here := thisHost(); p.hostIdentity == here && here.boot != "" {
		return p.alive()
	}
	return recent(heartbeat, time.Now())
}

// hostIdentity is what a process id means something within.
type hostIdentity struct {
	host string
	boot string // changes with every boot and differs between containers; "" if unknown
}

type processIdentity struct {
	hostIdentity
	pid       int
	startedAt int64 // milliseconds since 1970; 0 if unknown
}

func thisHost() hostIdentity {
	var h hostIdentity
	h.host, _ = os.Hostname()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return h // not Linux: only the heartbeat tells
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return h
	}
	h.boot = strings.TrimSpace(string(boot)) + " " + namespace
	return h
}

func thisProcess() processIdentity {
	p := processIdentity{hostIdentity: thisHost(), pid: os.Getpid()}
	p.startedAt, _ = startTime(p.pid)
	return p
}

// alive tells whether a process of this host still exists and is the one that
// was recorded, not a later one with the same number. One that has ended and
// whose parent has not asked how, as in a container without an init, does not.
func (p processIdentity) alive() bool {
	started, err := startTime(p.pid)
	if err != nil || ended(p.pid) {
		return false
	}
	// Start times are computed from the boot time, which moves a little when
	// the clock is adjusted.
	const tolerance = 10 * time.Second
	return p.startedAt == 0 || time.Duration(abs(started-p.startedAt))*time.Millisecond <= tolerance
}

func startTime(pid int) (int64, error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return 0, err
	}
	return p.CreateTime()
}

// ended tells whether all that is left of a process is its entry in the table of
// processes: its state is Z (zombie) or X (dead).
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // not Linux, or gone
	}
	// PID (NAME) STATE …, and a name can hold anything.
	_, rest, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(" "))
	return found && len(rest) > 0 && bytes.IndexByte([]byte("ZXx"), rest[0]) >= 0
}

func abs(n int64) int64 { return max(n, -n) }

// asJSON encodes what always can be encoded: strings and whole numbers.
func asJSON[T string | int64](list []T) string {
	if list == nil {
		list = []T{}
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(b)
}
