package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowharness/harness/internal/slurm/slurmtest"
)

// slurmSweep has four tasks that train for some seconds each on the pure-Go
// backend, of which two runs share the training.
const slurmSweep = `
name: cluster
base: tiny.yaml
matrix:
  train.steps: [90]
  train.lr: [1e-3, 3e-3]
  sampling.steps: [[2], [4]]
seeds: [0, 1]
launcher: slurm
jobs: 2
retries: 2
slurm: {cpus: 1, time: "00:10:00"}
`

// TestSweepOnACluster runs a sweep on a real Slurm whose tasks are killed,
// requeued and terminated, and checks it against the same sweep on this machine
// that nothing happened to.
func TestSweepOnACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	cluster := slurmtest.Start(t)
	h := buildSweep(t, slurmSweep)

	h.mustRun(t, "--store", "quiet/harness.db", "sweep", "sweep.yaml", "--launcher", "local", "--jobs", "2")
	want := h.sweepLosses(t, "quiet/harness.db")

	if out := h.mustRun(t, "sweep", "sweep.yaml"); out != "" {
		t.Errorf("submitting printed %q", out)
	}
	t.Run("the same command does not submit twice", func(t *testing.T) {
		p := h.start(t, "sweep", "sweep.yaml")
		p.waitFor(t, regexp.MustCompile(`^0 tasks submitted, 4 were in the queue already$`))
		p.mustEnd(t, 0)
	})
	t.Run("nor does another launcher", func(t *testing.T) {
		p := h.start(t, "sweep", "sweep.yaml", "--launcher", "local")
		p.waitFor(t, regexp.MustCompile(`4 tasks of sweep cluster are in Slurm's queue`))
		p.mustEnd(t, exitFailure)
	})

	job := h.submitted(t)
	first := h.waitForTask(t, func(s taskStatus) bool { return s.State == "running" && s.Status.Step > 5 })
	if err := syscall.Kill(first.Status.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := h.waitForTask(t, func(s taskStatus) bool {
		return s.Task != first.Task && s.State == "running" && s.Status.Step > 5
	})
	if err := cluster.Signal(job.ID, job.index(second.Task), "TERM"); err != nil {
		t.Fatal(err)
	}
	third := h.waitForTask(t, func(s taskStatus) bool {
		return s.Task != first.Task && s.Task != second.Task && s.State == "running" && s.Status.Step > 5
	})
	if err := cluster.Requeue(job.ID, job.index(third.Task)); err != nil {
		t.Fatal(err)
	}

	p := h.start(t, "sweep", "sweep.yaml", "--wait")
	p.mustEnd(t, 0)
	if !strings.Contains(p.stderr.String(), "4 of 4 tasks ended") {
		t.Errorf("stderr is\n%s", &p.stderr)
	}
	got := h.sweepLosses(t, "runs/harness.db")
	for name, losses := range want {
		if got[name] != losses {
			t.Errorf("%s was trained to other losses on the cluster:\n%swant\n%s", name, got[name], losses)
		}
	}
	if len(got) != len(want) {
		t.Errorf("there are %d runs, want %d", len(got), len(want))
	}
	out := h.mustRun(t, "sweep", "collect", "cluster")
	if !strings.Contains(out, "8 runs: 8 done") {
		t.Errorf("collecting again printed\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "runs", "sweeps", "cluster", "report.html")); err != nil {
		t.Error(err)
	}
}

// buildSweep builds the program beside tiny.yaml and a sweep file.
func buildSweep(t *testing.T, sweep string) program {
	t.Helper()
	h := program{dir: t.TempDir()}
	h.path = build(t, h.dir)
	tiny, err := os.ReadFile(filepath.Join("testdata", "tiny.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"tiny.yaml": string(tiny), "sweep.yaml": sweep} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// sweepLosses are the losses of the runs of a store, in full precision.
func (h program) sweepLosses(t *testing.T, store string) map[string]string {
	t.Helper()
	var runs []struct {
		ID, Name, Status string
		Seed             int
	}
	h.decode(t, h.mustRun(t, "--store", store, "list", "--json"), &runs)
	losses := map[string]string{}
	for _, r := range runs {
		key := fmt.Sprintf("%s seed %d", r.Name, r.Seed)
		if _, again := losses[key]; again || r.Status != "finished" {
			t.Errorf("%s: %s is %s", store, key, r.Status)
		}
		losses[key] = h.mustRun(t, "--store", store, "show", r.ID, "--series", "train/loss")
	}
	return losses
}

// taskStatus is what sweep status --json says of a task.
type taskStatus struct {
	Task, State string
	Status      struct{ PID, Step int }
}

// waitForTask waits until a task is as wanted.
func (h program) waitForTask(t *testing.T, wanted func(taskStatus) bool) taskStatus {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		var tasks []taskStatus
		h.decode(t, h.mustRun(t, "sweep", "status", "cluster", "--json"), &tasks)
		for _, s := range tasks {
			if wanted(s) {
				return s
			}
		}
	}
	t.Fatalf("no task came as far:\n%s", h.mustRun(t, "sweep", "status", "cluster"))
	return taskStatus{}
}

// jobArray is what was submitted.
type jobArray struct {
	ID    string `json:"job"`
	Tasks []string
}

func (h program) submitted(t *testing.T) jobArray {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "runs", "sweeps", "cluster", "slurm.json"))
	if err != nil {
		t.Fatal(err)
	}
	var jobs []jobArray
	if err := json.Unmarshal(text, &jobs); err != nil || len(jobs) != 1 {
		t.Fatalf("what was submitted is %s (%v)", text, err)
	}
	return jobs[0]
}

func (j jobArray) index(task string) int {
	for i, other := range j.Tasks {
		if other == task {
			return i
		}
	}
	return -1
}
