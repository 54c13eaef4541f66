package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
  train.steps: [150]
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
		p.waitFor(t, regexp.MustCompile(`^0 tasks submitted, 4 in the queue already$`))
		p.mustEnd(t, 0)
	})
	t.Run("nor does another launcher", func(t *testing.T) {
		p := h.start(t, "sweep", "sweep.yaml", "--launcher", "local")
		p.waitFor(t, regexp.MustCompile(`4 tasks of sweep cluster are in Slurm's queue`))
		p.mustEnd(t, exitFailure)
	})

	job := h.submitted(t)
	var disturbed []string
	for _, disturb := range []func(s taskStatus) error{
		func(s taskStatus) error { return syscall.Kill(s.Status.PID, syscall.SIGKILL) },
		func(s taskStatus) error { return cluster.Signal(job.ID, job.index(s.Task), "TERM") },
		func(s taskStatus) error { return cluster.Requeue(job.ID, job.index(s.Task)) },
	} {
		// One that ends just now cannot be disturbed any more; then it is another's turn.
		s := h.waitForTask(t, func(s taskStatus) bool {
			return !slices.Contains(disturbed, s.Task) && s.State == "running" && s.Status.Step > 5 && disturb(s) == nil
		})
		disturbed = append(disturbed, s.Task)
	}

	if out := h.mustRun(t, "sweep", "cancel", "cluster"); !strings.Contains(out, "stopped: job "+job.ID) {
		t.Errorf("cancelling printed %s", out)
	}
	h.waitForTask(t, func(taskStatus) bool { return !h.anyRunning(t) })
	p := h.start(t, "sweep", "sweep.yaml") // what was cancelled is not in the queue any more
	p.waitFor(t, regexp.MustCompile(`^[1-4] tasks? submitted, 0 in the queue already$`))
	p.mustEnd(t, 0)
	p = h.start(t, "sweep", "sweep.yaml", "--wait")
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

	t.Run("what sbatch refuses is said in its words, and leaves nothing in the queue", func(t *testing.T) {
		h.write(t, "sweep.yaml", strings.NewReplacer("cpus: 1", "partition: nowhere", "name: cluster", "name: refused", "[150]",
			"[151]").Replace(slurmSweep))
		p := h.start(t, "sweep", "sweep.yaml")
		p.waitFor(t, regexp.MustCompile(`^harness: submitting job "refused-.*[Ii]nvalid partition`))
		p.mustEnd(t, exitFailure)
		p = h.start(t, "sweep", "sweep.yaml", "--launcher", "local", "--jobs", "0")
		p.mustEnd(t, exitUsage)
		if out := h.mustRun(t, "sweep", "cancel", "refused"); !strings.Contains(out, "nothing of sweep refused is running") {
			t.Errorf("cancelling it printed %s", out)
		}
	})
	t.Run("shards that are damaged or another sweep's are refused, the others merged", func(t *testing.T) {
		shards := filepath.Join(h.dir, "runs", "sweeps", "cluster", "shards")
		damaged, foreign := filepath.Join(shards, disturbed[0], "harness.db"), filepath.Join(shards, disturbed[1], "harness.db")
		if err := os.Truncate(damaged, 5000); err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(shards, disturbed[2], "harness.db"))
		if err == nil {
			err = os.WriteFile(foreign, other, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.mustRun(t, "--store", "before.db", "merge", "runs/harness.db")
		var runs []struct{ Slug string }
		h.decode(t, h.mustRun(t, "list", "--json"), &runs)
		rm := []string{"rm", "--yes"}
		for _, r := range runs {
			rm = append(rm, r.Slug)
		}
		h.mustRun(t, rm...)
		out, err := h.command("sweep", "collect", "cluster").CombinedOutput()
		for _, want := range []string{"collecting task " + disturbed[0], "damaged", "collecting task " + disturbed[1], "none of this sweep"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("it does not say %q:\n%s", want, out)
			}
		}
		if err == nil {
			t.Error("collecting succeeded")
		}
		if got := h.sweepLosses(t, "runs/harness.db"); len(got) != 4 {
			t.Errorf("%d runs of the other shards were merged, want 4", len(got))
		}
		h.mustRun(t, "merge", "before.db")
		if got := h.sweepLosses(t, "runs/harness.db"); len(got) != 8 {
			t.Errorf("with those collected before there are %d runs, want 8", len(got))
		}
	})
}

// smallSweep has eight tasks of a second each.
const smallSweep = `
name: small
base: tiny.yaml
matrix:
  train.lr: [1e-3, 2e-3, 3e-3, 4e-3]
seeds: [0, 1]
launcher: slurm
jobs: 2
`

// TestTasksOfAClusterBeginWithARunOfTheStore has runs that begin with the weights of another on a real Slurm, and checks
// them against those made on this machine.
func TestTasksOfAClusterBeginWithARunOfTheStore(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	slurmtest.Start(t)
	const onwards = "name: onwards\nbase: from.yaml\nmatrix: {train.lr: [1e-3, 2e-3]}\nseeds: [0]\nlauncher: slurm\njobs: 2\n"
	h := buildSweep(t, onwards)
	h.mustRun(t, "run", "tiny.yaml", "--set", "name=parent", "--set", "train.steps=4", "--set", "sampling.at_epochs=[]")
	h.write(t, "from.yaml", "base: tiny.yaml\ntrain: {steps: 3, init_from: parent@4}\nsampling: {at_epochs: []}\n")
	if err := os.CopyFS(filepath.Join(h.dir, "quiet"), os.DirFS(filepath.Join(h.dir, "runs"))); err != nil {
		t.Fatal(err)
	}
	h.mustRun(t, "--store", "quiet/harness.db", "sweep", "sweep.yaml", "--launcher", "local", "--jobs", "2")
	want := h.sweepLosses(t, "quiet/harness.db")

	h.start(t, "sweep", "sweep.yaml", "--wait").mustEnd(t, 0)
	if got := h.sweepLosses(t, "runs/harness.db"); len(got) != 3 || !maps.Equal(got, want) {
		t.Errorf("on the cluster the losses are\n%v\nwant\n%v", got, want)
	}
	var runs []struct {
		Parent     string
		ParentStep int `json:"parent_step"`
	}
	h.decode(t, h.mustRun(t, "list", "--json", "-n", "2"), &runs)
	for _, r := range runs {
		if r.Parent == "" || r.ParentStep != 4 {
			t.Errorf("the parent is %+v", r)
		}
	}

	h.write(t, "from.yaml", "base: tiny.yaml\ntrain: {steps: 8, init_from: parent@4, init_step: 4}\n")
	h.write(t, "sweep.yaml", strings.ReplaceAll(onwards, "onwards", "counting"))
	p := h.start(t, "sweep", "sweep.yaml")
	p.waitFor(t, regexp.MustCompile(`launcher: tasks of a cluster cannot count on from an update of another run`))
	p.mustEnd(t, exitUsage)
}

// TestSweepOnAClusterWithLimits runs a sweep on a real Slurm that takes arrays of three
// tasks, and four tasks at a time.
func TestSweepOnAClusterWithLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	cluster := slurmtest.Start(t, slurmtest.MaxArraySize(3), slurmtest.MaxSubmitJobs(4, "AssocMaxSubmitJobLimit"))
	h := buildSweep(t, smallSweep)
	if err := cluster.Pause(); err != nil {
		t.Fatal(err)
	}
	t.Run("without scontrol what the cluster takes is found by trying", func(t *testing.T) {
		t.Setenv("PATH", withoutScontrol(t))
		p := h.start(t, "--store", "tried/harness.db", "sweep", "sweep.yaml")
		p.waitFor(t, regexp.MustCompile(`^4 tasks submitted, 0 in the queue already$`))
		p.mustEnd(t, exitFailure)
		if out := h.mustRun(t, "--store", "tried/harness.db", "sweep", "cancel", "small"); strings.Count(out, "with 2 tasks") != 2 {
			t.Errorf("eight tasks, of which four are too many, became\n%s", out)
		}
	})
	p := h.start(t, "sweep", "sweep.yaml")
	p.waitFor(t, regexp.MustCompile(`^4 tasks submitted, 0 in the queue already$`))
	p.waitFor(t, regexp.MustCompile(`^harness: 4 tasks are not submitted: .*AssocMaxSubmitJobLimit.*; `+
		`when some have ended the same command submits more, and with --wait it does so by itself$`))
	p.mustEnd(t, exitFailure)

	p = h.start(t, "sweep", "sweep.yaml", "--wait")
	p.waitFor(t, regexp.MustCompile(`4 tasks are submitted later, as others end: .*AssocMaxSubmitJobLimit`))
	if err := cluster.Resume(); err != nil {
		t.Fatal(err)
	}
	most := 0
	for len(h.submittedTasks(t)) < 8 {
		n, err := cluster.Running()
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
		time.Sleep(100 * time.Millisecond)
	}
	p.mustEnd(t, 0)
	if !strings.Contains(p.stderr.String(), "8 of 8 tasks ended") {
		t.Errorf("stderr is\n%s", &p.stderr)
	}
	if most != 2 {
		t.Errorf("%d tasks ran at once, want the 2 of jobs", most)
	}
	if got := h.sweepLosses(t, "runs/harness.db"); len(got) != 8 {
		t.Errorf("there are %d runs, want 8", len(got))
	}
	if out := h.mustRun(t, "sweep", "cancel", "small"); !strings.Contains(out, "nothing of sweep small is running") {
		t.Errorf("cancelling what has ended printed %s", out)
	}
}

// withoutScontrol is a PATH with Slurm's other commands.
func withoutScontrol(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"sbatch", "squeue", "scancel"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// submittedTasks are the tasks of all arrays that a sweep has submitted, each of which
// must fit the cluster.
func (h program) submittedTasks(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, "runs", "sweeps", "*", "arrays", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // one that was refused
		}
		var tasks []string
		if err == nil {
			err = json.Unmarshal(text, &tasks)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(tasks) > 3 {
			t.Errorf("an array has %d tasks", len(tasks))
		}
		for _, task := range tasks {
			all[task] = true
		}
	}
	return all
}

// TestAClusterThatCannotBeUsed needs none.
func TestAClusterThatCannotBeUsed(t *testing.T) {
	h := buildSweep(t, slurmSweep)
	for _, tc := range []struct {
		name     string
		commands map[string]string // what they print
		want     string
	}{
		{"no sbatch", nil, "no command sbatch in the PATH: run this on a login node of a Slurm cluster (perhaps after module load slurm), " +
			"install Slurm's client (on Debian: apt-get install slurm-client), or use --launcher local"},
		{"an sbatch that answers nonsense", map[string]string{"sbatch": "Good morning", "squeue": "", "scancel": "", "sacct": ""},
			`answered "Good morning", which is not a job number`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := t.TempDir()
			for name, answer := range tc.commands {
				script := "#!/bin/sh\ncat >/dev/null\nprintf '%s' '" + answer + "'\n"
				if name != "sbatch" {
					script = "#!/bin/sh\nprintf '%s' '" + answer + "'\n"
				}
				if err := os.WriteFile(filepath.Join(path, name), []byte(script), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if tc.commands != nil {
				path += ":/bin:/usr/bin"
			}
			cmd := h.command("sweep", "sweep.yaml")
			cmd.Env = append(cmd.Env, "PATH="+path)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("%v: it says\n%s", err, out)
			}
			if out, err := h.command("list").CombinedOutput(); err == nil && strings.Contains(string(out), "cluster") {
				t.Errorf("runs are recorded:\n%s", out)
			}
		})
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
	h.write(t, "tiny.yaml", string(tiny))
	h.write(t, "sweep.yaml", sweep)
	return h
}

func (h program) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
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

// anyRunning tells whether a task of the sweep runs or waits on the cluster.
func (h program) anyRunning(t *testing.T) bool {
	t.Helper()
	var tasks []taskStatus
	h.decode(t, h.mustRun(t, "sweep", "status", "cluster", "--json"), &tasks)
	return slices.ContainsFunc(tasks, func(s taskStatus) bool { return s.State == "running" || s.State == "queued" })
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
