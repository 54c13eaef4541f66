package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowharness/harness/internal/record"
)

const (
	roleVariable  = "HARNESS_STORE_TEST_ROLE"
	storeVariable = "HARNESS_STORE_TEST_PATH"
)

// roles are what a second process of this test binary can do.
var roles = map[string]func(path string) error{
	"record":        recordRun,
	"recordEndless": recordEndless,
	"readOnly":      tryReadOnly,
	"merge":         mergeSource,
}

// child starts this binary again in a role.
func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(get(os.Executable())(t))
	cmd.Env = append(os.Environ(), roleVariable+"="+role, storeVariable+"="+path)
	cmd.Stderr = t.Output()
	return cmd
}

const (
	childPoints = 3000
	childLogs   = 50
)

// recordRun opens the store, which may not exist yet, and records a whole run
// into it.
func recordRun(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	run, err := s.CreateRun(ctx, NewRun{Name: "child", ResolvedYAML: "seed: 1"})
	if err != nil {
		return err
	}
	w, err := s.OpenWriter(ctx, run.ID)
	if err != nil {
		return err
	}
	for step := 1; step <= childPoints; step++ {
		w.Point("train/loss", step, float64(step))
		if step%(childPoints/childLogs) == 0 {
			w.Log("info", fmt.Sprint("step ", step))
			if err := w.Flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := w.Sample(ctx, SampleRecord{Drawing: record.Drawing{Sampler: "euler", SamplerJSON: "{}"},
		PNG: []byte("the same in all")}); err != nil {
		return err
	}
	return w.Finish(ctx, record.StatusFinished, "")
}

func TestSeveralProcessesCreateAndWriteOneStoreAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs", "harness.db")
	const processes = 4
	children := make([]*exec.Cmd, processes)
	for i := range children {
		children[i] = child(t, "record", path)
		must(t, children[i].Start())
	}
	for _, c := range children {
		if err := c.Wait(); err != nil {
			t.Errorf("a process failed: %v", err)
		}
	}
	s := openAt(t, path)
	runs := get(s.ListRuns(t.Context(), Filter{}))(t)
	if len(runs) != processes {
		t.Fatalf("%d runs, want %d", len(runs), processes)
	}
	slugs := map[string]bool{}
	for _, r := range runs {
		slugs[r.Slug] = true
		points := get(s.Series(t.Context(), r.ID, "train/loss", SeriesOptions{}))(t)
		for i, p := range points {
			if p != (Point{Step: i + 1, Value: float64(i + 1)}) {
				t.Fatalf("point %d is %v", i, p)
			}
		}
		logs := get(s.Logs(t.Context(), r.ID, LogOptions{}))(t)
		if len(points) != childPoints || len(logs) != childLogs || r.Status != record.StatusFinished {
			t.Errorf("run %s: %d points, %d log lines, %s", r.Slug, len(points), len(logs), r.Status)
		}
	}
	var images int
	must(t, s.read.QueryRow("SELECT count(*) FROM images").Scan(&images))
	if len(slugs) != processes || images != 1 {
		t.Errorf("%d different slugs and %d pictures, want %d and 1", len(slugs), images, processes)
	}
	must(t, s.Integrity(t.Context()))
}

// recordEndless records a point every millisecond, telling the step on stdout
// after each, until it is killed.
func recordEndless(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	run, err := s.CreateRun(ctx, NewRun{Name: "endless", ResolvedYAML: "seed: 1"})
	if err != nil {
		return err
	}
	w, err := s.OpenWriter(ctx, run.ID)
	if err != nil {
		return err
	}
	for step := 1; w.Err() == nil; step++ {
		w.Point("train/loss", step, float64(step))
		w.Progress(step, 1<<30)
		fmt.Println(step)
		time.Sleep(time.Millisecond)
	}
	return w.Err()
}

func TestKillLosesAtMostOneSecondAndTheStoreOpensClean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "harness.db")
	for _, life := range []time.Duration{700 * time.Millisecond, 1130 * time.Millisecond} {
		cmd := child(t, "recordEndless", path)
		out := get(cmd.StdoutPipe())(t)
		must(t, cmd.Start())
		time.AfterFunc(life, func() { cmd.Process.Kill() })
		lines := strings.Fields(string(get(io.ReadAll(out))(t)))
		cmd.Wait()
		if len(lines) == 0 {
			t.Fatal("the process was killed before its first step")
		}
		last := get(strconv.Atoi(lines[len(lines)-1]))(t)

		s := openAt(t, path)
		must(t, s.Integrity(t.Context()))
		run := get(s.Resolve(t.Context(), "@1"))(t)
		points := get(s.Series(t.Context(), run.ID, "train/loss", SeriesOptions{}))(t)
		t.Logf("killed after step %d; %d points kept", last, len(points))
		if lost := last - len(points); lost > 1000 || len(points) == 0 {
			t.Errorf("lost %d points of 1 ms each, kept %d", lost, len(points))
		}
		if run.Status != record.StatusCrashed || !strings.Contains(run.StatusReason, strconv.Itoa(cmd.Process.Pid)) {
			t.Errorf("the killed run reads as %s (%s)", run.Status, run.StatusReason)
		}
		if run.Loss == nil || run.Loss.Count != len(points) || run.LastStep != points[len(points)-1].Step {
			t.Errorf("summary %+v and last step %d do not fit %d points", run.Loss, run.LastStep, len(points))
		}
		must(t, s.Close())
	}
}

// tryReadOnly is run by a user who may read the store, but write neither it nor
// its folder.
func tryReadOnly(path string) error {
	ctx := context.Background()
	if s, err := Open(ctx, path); err == nil {
		s.Close()
		return errors.New("a store that may not be written was opened for writing")
	} else if !errors.Is(err, ErrReadOnly) || !strings.Contains(explained(err), "writable") {
		return fmt.Errorf("opening for writing: %w", err)
	}
	if _, err := Open(ctx, filepath.Join(filepath.Dir(path), "new.db")); !errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("creating: %w", err)
	}
	s, err := OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.CreateRun(ctx, NewRun{Name: "x", ResolvedYAML: "{}"}); !errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("writing to a store opened for reading: %w", err)
	}
	runs, err := s.ListRuns(ctx, Filter{})
	if err == nil && len(runs) != 1 {
		err = fmt.Errorf("%d runs, want 1", len(runs))
	}
	return err
}

func TestAReadOnlyStoreCanBeReadAndSaysWhyItCannotBeWritten(t *testing.T) {
	// A folder that other users can reach, unlike t.TempDir's.
	dir := get(os.MkdirTemp("", "store-"))(t)
	t.Cleanup(func() { os.Chmod(dir, 0o755); os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	binary := filepath.Join(dir, "test")
	must(t, os.WriteFile(binary, get(os.ReadFile(get(os.Executable())(t)))(t), 0o755))
	path := filepath.Join(dir, "harness.db")
	s := openAt(t, path)
	newRun(t, s, "x")
	must(t, s.Close())
	must(t, os.Chmod(path, 0o444))
	must(t, os.Chmod(dir, 0o555))

	cmd := child(t, "readOnly", path)
	cmd.Path = binary
	if os.Getuid() == 0 { // root may write anything
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	must(t, cmd.Run())
}

func TestAnAbsentStoreIsNotCreatedForReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	_, err := OpenReadOnly(t.Context(), path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) || !strings.Contains(explained(err), "name another store") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file was created")
	}
}

// TestAProcessThatNobodyAskedAboutIsGone: without an init, as in many containers, a killed process stays in the table
// of processes.
func TestAProcessThatNobodyAskedAboutIsGone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("zombies are told by /proc")
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Wait() })
	p := processIdentity{hostIdentity: thisHost(), pid: child.Process.Pid}
	p.startedAt, _ = startTime(p.pid)
	if !p.alive() {
		t.Fatal("a living process counts as gone")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !ended(p.pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the killed process does not end")
		}
	}
	if _, err := startTime(p.pid); err != nil {
		t.Fatalf("it is not in the table any more, so that this tests nothing: %v", err)
	}
	if p.alive() || p.mayWrite(time.Now()) {
		t.Error("a killed process that was not waited for counts as alive")
	}
}
