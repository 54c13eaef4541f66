package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowharness/harness/internal/plugin"
)

// endToEndConfig is a tiny UNet on the real MNIST, with everything that has to
// survive an interruption: averaged weights, a learning rate that changes,
// clipping, flips, dropped labels, several epochs, grids on the way.
const endToEndConfig = `
seed: 3
backend: {name: BACKEND}
data: {name: mnist, dir: "DIR", limit: 48, flip: true}
model:
  block_out_channels: [4, 4]
  layers_per_block: 1
  down_block_types: [DownBlock2D, DownBlock2D]
  up_block_types: [UpBlock2D, UpBlock2D]
  norm_num_groups: 2
  attention_head_dim: 4
process: {name: flow_match}
train: {batch_size: 4, steps: 30, lr: 2e-3, lr_schedule: cosine, warmup_steps: 3, grad_clip: 1, ema_decay: 0.9, log_every_seconds: 1e-3}
sampling: {samplers: [euler], steps: [2], guidance: [2], rows: 1, at_epochs: [1, 2]}
metrics: {validation_images: 8}
checkpoint: {every_steps: 4, every_epochs: 0, keep: 2}
`

const endToEndSteps = 30

// compiling is the line after which a program spends seconds before its first
// step.
var compiling = regexp.MustCompile(`^compiling the training step`)

// TestEndToEnd runs the built program as a user does: it trains on MNIST with
// XLA on the CPU, looks at the runs, interrupts and kills some, and resumes
// them.
func TestEndToEnd(t *testing.T) {
	needEndToEnd(t)
	h := buildHarness(t, "xla:cpu")

	whole := h.mustRun(t, "run", h.config, "--set", "name=whole", "--json")
	var summary struct{ Status, Grid string }
	h.decode(t, whole, &summary)
	if _, err := os.Stat(filepath.Join(h.dir, summary.Grid)); err != nil || summary.Status != "finished" {
		t.Errorf("the run ended as %s, with the grid %q: %v", summary.Status, summary.Grid, err)
	}
	series := h.series(t, "whole")
	if n := strings.Count(series, "\n"); n != endToEndSteps {
		t.Fatalf("the series has %d lines:\n%s", n, series)
	}

	t.Run("an interrupted run is resumed to the bit", func(t *testing.T) {
		p := h.start(t, "run", h.config, "--set", "name=stopped")
		p.waitForStep(t, 5)
		p.signal(t, syscall.SIGINT)
		p.mustEnd(t, exitInterrupted)
		if !regexp.MustCompile(`interrupted after step \d+; to go on, type: harness run --resume ` +
			`[a-z]+-[a-z]+-\d+`).MatchString(p.stderr.String()) {
			t.Errorf("stderr does not say how to go on:\n%s", &p.stderr)
		}
		h.checkStatus(t, "interrupted")
		if left := h.series(t, "@1"); !strings.HasPrefix(series, left) || left == series {
			t.Errorf("the interrupted run has the losses\n%swant a beginning of\n%s", left, series)
		}
		h.mustRun(t, "run", "--resume", "@1")
		h.checkStatus(t, "finished")
		h.sameAs(t, "whole")
	})

	t.Run("a killed run reads as crashed and is resumed to the bit", func(t *testing.T) {
		random := seeded(t)
		p := h.start(t, "run", h.config, "--set", "name=killed")
		p.waitFor(t, compiling)
		h.checkStatus(t, "running")
		for _, args := range [][]string{{"rm", "@1", "--yes"}, {"run", "--resume", "@1"}} {
			if out, err := h.command(args...).CombinedOutput(); err == nil || !strings.Contains(string(out), "running") {
				t.Errorf("harness %s while it runs: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		p.waitForStep(t, 1+random.IntN(endToEndSteps-2))
		p.kill(t, time.Duration(random.Int64N(int64(20*time.Millisecond))))
		h.checkStatus(t, "crashed")
		h.mustRun(t, "run", "--resume", "@1")
		h.checkStatus(t, "finished")
		h.sameAs(t, "whole")
	})

	t.Run("a second signal ends the program at once", func(t *testing.T) {
		p := h.start(t, "run", h.config, "--set", "name=hurried")
		p.waitFor(t, compiling)
		p.signal(t, syscall.SIGTERM)
		time.Sleep(100 * time.Millisecond)
		p.signal(t, syscall.SIGTERM)
		second := time.Now()
		p.mustEnd(t, exitInterrupted)
		if took := time.Since(second); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		h.checkStatus(t, "crashed") // nothing was recorded any more
		h.mustRun(t, "rm", "@1", "--yes")
	})

	t.Run("runs are listed, shown, compared and sampled from", func(t *testing.T) {
		var runs []struct{ ID, Name, Status, ConfigHash string }
		h.decode(t, h.mustRun(t, "list", "--json", "--sort", "name"), &runs)
		if len(runs) != 3 || runs[0].Name != "killed" || runs[2].Name != "whole" {
			t.Fatalf("listed are %+v", runs)
		}
		if out := h.mustRun(t, "show", "whole"); !strings.Contains(out, "xla:cpu") || !strings.Contains(out, "finished") {
			t.Errorf("shown is\n%s", out)
		}
		grid := filepath.Join(h.dir, "both.png")
		var result struct{ Config []struct{ Path string } }
		h.decode(t, h.mustRun(t, "compare", "whole", "killed", "--json", "--grid", grid), &result)
		if len(result.Config) != 0 {
			t.Errorf("the runs' configs differ in %v, want nothing: a name changes no result", result.Config)
		}
		h.mustRun(t, "sample", "killed", "--sampler", "heun", "--steps", "3", "--guidance", "1", "--grid", filepath.Join(h.dir, "heun.png"))
		for _, path := range []string{grid, filepath.Join(h.dir, "heun.png")} {
			if data, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(data, []byte("\x89PNG")) {
				t.Errorf("%s is no picture: %v", path, err)
			}
		}
		h.mustRun(t, "doctor", "--config", h.config)
	})
}

// TestKilledAtRandomPoints kills a run again and again, each time a little
// later, on the backend that starts fast.
func TestKilledAtRandomPoints(t *testing.T) {
	needMNIST(t)
	h := buildHarness(t, "go")
	random := seeded(t)
	h.mustRun(t, "run", h.config, "--set", "name=whole")
	p := h.start(t, "run", h.config, "--set", "name=killed")
	for kills := 0; ; kills++ {
		const most = 6
		if kills == most {
			p.mustEnd(t, 0)
			break
		}
		// Anywhere: while starting, at the first steps, in a checkpoint, in a grid.
		if !p.kill(t, time.Duration(random.Int64N(int64(2500*time.Millisecond)))) {
			break // it was done
		}
		if !h.exists(t, "killed") {
			p = h.start(t, "run", h.config, "--set", "name=killed")
			continue
		}
		h.checkStatus(t, "crashed")
		p = h.start(t, "run", "--resume", "killed")
	}
	h.checkStatus(t, "finished")
	h.sameAs(t, "whole")
}

func needEndToEnd(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	needMNIST(t)
	if _, _, err := plugin.Find("cpu", ""); err != nil {
		needed(t, err)
	}
}

func needMNIST(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	if _, err := os.Stat(mnistDir()); err != nil {
		needed(t, fmt.Errorf("the shared reference material is absent: %w (set HARNESS_SHARED)", err))
	}
}

// needed skips a test that lacks something, or fails it with CI=true.
func needed(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// seeded returns random numbers whose seed is logged; $HARNESS_TEST_SEED repeats
// a failure.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("HARNESS_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("HARNESS_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// program is the built binary, with a folder of its own to work in.
type program struct{ path, dir, config string }

func buildHarness(t *testing.T, backend string) program {
	t.Helper()
	dir := t.TempDir()
	h := program{path: build(t, dir), dir: dir, config: filepath.Join(dir, "tiny.yaml")}
	config := strings.NewReplacer("BACKEND", backend, "DIR", mnistDir()).Replace(endToEndConfig)
	if err := os.WriteFile(h.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return h
}

// build builds the program in a folder and returns its path.
func build(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "bin", "harness")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func (h program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.path, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "HARNESS_STORE=")
	return cmd
}

// mustRun returns what the program prints on stdout; it must succeed.
func (h program) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	cmd := h.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("harness %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

func (h program) decode(t *testing.T, out string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
}

func (h program) series(t *testing.T, run string) string {
	t.Helper()
	return h.mustRun(t, "show", run, "--series", "train/loss")
}

// sameAs compares the latest run with another to the bit: all series but times,
// and the grids.
func (h program) sameAs(t *testing.T, run string) {
	t.Helper()
	for _, name := range []string{"train/loss", "train/grad_norm", "train/lr", "train/loss_last100"} {
		got := strings.Split(h.mustRun(t, "show", "@1", "--series", name), "\n")
		want := strings.Split(h.mustRun(t, "show", run, "--series", name), "\n")
		if len(got) != len(want) {
			t.Errorf("%s of the resumed run has %d lines, want %d", name, len(got), len(want))
		}
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("%s of the resumed run has the line %s, want %s", name, got[i], want[i])
				break
			}
		}
	}
	type grid struct {
		Step        int    `json:"step"`
		ImageSHA256 string `json:"image_sha256"`
	}
	var got, want struct{ Samples []grid }
	h.decode(t, h.mustRun(t, "show", "@1", "--json"), &got)
	h.decode(t, h.mustRun(t, "show", run, "--json"), &want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the resumed run has the grids %v, want %v", got, want)
	}
}

func (h program) exists(t *testing.T, name string) bool {
	t.Helper()
	return h.command("show", name).Run() == nil
}

// checkStatus checks the latest run's, as list tells it.
func (h program) checkStatus(t *testing.T, want string) {
	t.Helper()
	var runs []struct {
		Status string
		Reason string `json:"status_reason"`
	}
	h.decode(t, h.mustRun(t, "list", "--json", "--limit", "1"), &runs)
	if len(runs) != 1 || runs[0].Status != want {
		t.Fatalf("list says %+v, want %s", runs, want)
	}
}

// running is a program that has been started.
type running struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner // of stderr
	stderr bytes.Buffer   // the lines read so far
}

func (h program) start(t *testing.T, args ...string) *running {
	t.Helper()
	cmd := h.command(args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	r := &running{cmd: cmd}
	r.lines = bufio.NewScanner(io.TeeReader(out, &r.stderr))
	return r
}

// waitFor reads stderr up to a line that matches.
func (r *running) waitFor(t *testing.T, line *regexp.Regexp) []string {
	t.Helper()
	for r.lines.Scan() {
		if found := line.FindStringSubmatch(r.lines.Text()); found != nil {
			return found
		}
	}
	t.Fatalf("the program ended before it said %v:\n%s", line, &r.stderr)
	return nil
}

func (r *running) waitForStep(t *testing.T, step int) {
	t.Helper()
	progress := regexp.MustCompile(`^step (\d+)/`)
	for {
		if n, err := strconv.Atoi(r.waitFor(t, progress)[1]); err != nil || n >= step {
			return
		}
	}
}

func (r *running) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// kill kills the program after a while, and tells whether it was still running.
func (r *running) kill(t *testing.T, after time.Duration) bool {
	t.Helper()
	timer := time.AfterFunc(after, func() { _ = r.cmd.Process.Kill() })
	defer timer.Stop()
	state := r.end(t)
	status, ok := state.Sys().(syscall.WaitStatus)
	killed := ok && status.Signaled() && status.Signal() == syscall.SIGKILL
	if !killed && state.ExitCode() != 0 {
		t.Fatalf("it failed before it was killed:\n%s", &r.stderr)
	}
	return killed
}

func (r *running) mustEnd(t *testing.T, code int) {
	t.Helper()
	if got := r.end(t).ExitCode(); got != code {
		t.Fatalf("exit code is %d, want %d:\n%s", got, code, &r.stderr)
	}
}

func (r *running) end(t *testing.T) *os.ProcessState {
	t.Helper()
	for r.lines.Scan() { // keeps the pipe empty
	}
	var exit *exec.ExitError
	if err := r.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return r.cmd.ProcessState
}
