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

// clockTolerance is how far apart the clocks of two hosts may be. A heartbeat further in the future
// than this came from a wrong clock; without the limit it would count as recent until that time.
const clockTolerance = 5 * time.Minute

// recent tells whether a heartbeat is recent enough for its process to be alive.
func recent(heartbeat, now time.Time) bool {
	age := now.Sub(heartbeat)
	return age <= staleAfter && age >= -clockTolerance
}

const queryRunning = `SELECT id, heartbeat_at, pid, pid_started_at, host, boot FROM runs WHERE status = 'running'`

// crashedRuns finds the runs that are recorded as running but whose process is gone, each with the
// reason. Whatever reads the status of a run must ask it.
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

// ids returns the ids as a JSON array for json_each.
func (c crashed) ids() string {
	ids := make([]string, 0, len(c))
	for id := range c {
		ids = append(ids, id)
	}
	return asJSON(ids)
}

// crashReason says why the process of a run that is recorded as running counts as dead; "" if it
// counts as alive.
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

// mustNotLive returns an error if a run does not exist, or if its process may still write to it. It
// is stricter than crashReason: a process that was suspended for a long time counts as crashed, but
// it can wake up.
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

// mayWrite tells whether a process that has not ended its run may still write. If nothing better is
// known, the last heartbeat decides.
func (p processIdentity) mayWrite(heartbeat time.Time) bool {
	if here := thisHost(); p.hostIdentity == here && here.boot != "" {
		return p.alive()
	}
	return recent(heartbeat, time.Now())
}

// hostIdentity is the scope in which a process id is unique.
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

// alive tells whether a process of this host still exists and is the one that was recorded, not a
// later one with the same id. A zombie, which a container without an init can have, is not alive.
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

// ended tells whether a process has ended and only its entry in the process table is left: its
// state is Z (zombie) or X (dead).
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // not Linux, or gone
	}
	// The format is PID (NAME) STATE …, and a name can contain anything.
	_, rest, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(" "))
	return found && len(rest) > 0 && bytes.IndexByte([]byte("ZXx"), rest[0]) >= 0
}

func abs(n int64) int64 { return max(n, -n) }

// asJSON encodes a list of strings or integers, which cannot fail.
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
