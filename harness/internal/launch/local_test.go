package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/sweep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWorkersRunSoManyAtOnceAndAllEnd(t *testing.T) {
	dir := t.TempDir()
	// Each notes how many there are while it runs.
	l := local(t, dir, 2, `touch $DIR/on.$TASK; ls $DIR | grep -c '^on' ; sleep 0.2; rm $DIR/on.$TASK`)
	start(t, l, tasks(5))
	ended := waitFor(t, l, 5)
	for _, e := range ended {
		if e.Err != nil {
			t.Errorf("task %s: %v", e.Task.Key(), e.Err)
		}
		if n := log(t, dir, e.Task); n != "1\n" && n != "2\n" {
			t.Errorf("with task %s there were %q at once", e.Task.Key(), n)
		}
	}
}

func TestAWorkerThatFailsOrIsKilledIsTold(t *testing.T) {
	dir := t.TempDir()
	l := local(t, dir, 2, `case $TASK in *0) exit 3;; *1) kill -9 $$;; *) echo fine;; esac`)
	start(t, l, tasks(3))
	want := map[string]string{key(0): "exit status 3", key(1): "its process was ended by a signal (signal: killed)", key(2): "<nil>"}
	for _, e := range waitFor(t, l, 3) {
		if got := fmt.Sprint(e.Err); got != want[e.Task.Key()] {
			t.Errorf("task %s ended with %q, want %q", e.Task.Key(), got, want[e.Task.Key()])
		}
	}
}

func TestAProgramThatIsNotThereIsTold(t *testing.T) {
	l := &Local{Jobs: 1, CPUs: CPUs(), Worker: func(sweep.Task, int) Worker {
		return Worker{Argv: []string{"/no/such/program"}, Log: filepath.Join(t.TempDir(), "log")}
	}}
	start(t, l, tasks(1))
	if e := waitFor(t, l, 1)[0]; e.Err == nil || !strings.Contains(e.Err.Error(), "starting a worker") {
		t.Errorf("error is %v", e.Err)
	}
}

func TestStopTellsWorkersToStopAndWaits(t *testing.T) {
	dir := t.TempDir()
	l := local(t, dir, 2, `trap 'echo stopped; exit 130' TERM; touch $DIR/ready.$TASK; while :; do sleep 0.05; done`)
	start(t, l, tasks(4))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if ready, _ := filepath.Glob(filepath.Join(dir, "ready.*")); len(ready) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the workers do not start")
		}
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, task := range tasks(4) {
		got, _ := os.ReadFile(filepath.Join(dir, task.Key()+".log"))
		if want := map[bool]string{true: "stopped\n", false: ""}[i < 2]; string(got) != want {
			t.Errorf("worker %d says %q, want %q", i, got, want)
		}
	}
}

func TestAWorkerSeesTheEndOfWhatStartedIt(t *testing.T) {
	dir := t.TempDir()
	l := local(t, dir, 1, `cat; echo over`)
	start(t, l, tasks(1))
	l.mu.Lock()
	p := l.running[0]
	l.mu.Unlock()
	if err := p.stdin.Close(); err != nil { // as the system does when this process ends
		t.Fatal(err)
	}
	waitFor(t, l, 1)
	if got := log(t, dir, tasks(1)[0]); got != "over\n" {
		t.Errorf("it says %q", got)
	}
}

func TestProcessorsAndMemoryAreDividedAmongWorkers(t *testing.T) {
	cpus := CPUs()
	if len(cpus) < 2 {
		t.Skip("there is one processor only")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("which processors a process may use cannot be chosen here")
	}
	dir := t.TempDir()
	l := local(t, dir, 2, `grep Cpus_allowed_list /proc/self/status; echo $GOMAXPROCS $GOMEMLIMIT; sleep 0.3`)
	l.CPUs, l.Memory = cpus[:2], 1<<30
	start(t, l, tasks(2))
	var seen []string
	for _, e := range waitFor(t, l, 2) {
		seen = append(seen, strings.Join(strings.Fields(log(t, dir, e.Task)), " "))
	}
	slices.Sort(seen)
	for i, got := range seen {
		if want := fmt.Sprintf("Cpus_allowed_list: %d 1 536870912", cpus[i]); got != want {
			t.Errorf("worker has %q, want %q", got, want)
		}
	}
	if after := CPUs(); !slices.Equal(after, cpus) {
		t.Errorf("this process may use %v afterwards, before %v", after, cpus)
	}
}

// local runs a shell script for each task; its output is in KEY.log.
func local(t *testing.T, dir string, jobs int, script string) *Local {
	t.Helper()
	t.Setenv("DIR", dir)
	return &Local{Jobs: jobs, CPUs: CPUs(), Worker: func(task sweep.Task, _ int) Worker {
		return Worker{Argv: []string{"/bin/sh", "-c", "TASK=" + task.Key() + "; " + script}, Log: filepath.Join(dir, task.Key()+".log")}
	}}
}

func key(i int) string { return fmt.Sprintf("%016d", i) }

func tasks(n int) []sweep.Task {
	list := make([]sweep.Task, n)
	for i := range list {
		list[i] = sweep.Task{Index: i, Runs: []sweep.PlannedRun{{Config: &config.Resolved{Hash: key(i) + "0000"}}}}
	}
	return list
}

func start(t *testing.T, l *Local, tasks []sweep.Task) {
	t.Helper()
	if err := l.Start(t.Context(), tasks, 0); err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, l *Local, n int) []sweep.Ended {
	t.Helper()
	var all []sweep.Ended
	for deadline := time.Now().Add(20 * time.Second); len(all) < n; {
		ended, err := l.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ended...)
		if time.Now().After(deadline) {
			t.Fatalf("%d tasks have ended, want %d", len(all), n)
		}
	}
	return all
}

func log(t *testing.T, dir string, task sweep.Task) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, task.Key()+".log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
