package sweep_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/task"
)

func TestASweepMakesWhatIsMissing(t *testing.T) {
	b := newBench(t)
	p := b.plan("matrix: {train.lr: [1e-3, 2e-3], sampling.steps: [[1], [2]]}")
	out, err := b.conduct(t.Context(), p)
	if err != nil || len(out.Failed)+out.Retried != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	inventory := b.inspect(p)
	for _, task := range p.Tasks {
		first, second := inventory.Of(task.Runs[0]), inventory.Of(task.Runs[1])
		if first.State != sweep.StateDone || second.State != sweep.StateDone || second.Run.TrainedBy != first.Run.ID {
			t.Errorf("task %s has made %+v and %+v", task.Key(), first, second)
		}
	}

	t.Run("repeated it makes nothing", func(t *testing.T) {
		b.started = nil
		if _, err := b.conduct(t.Context(), p); err != nil || b.started != nil {
			t.Errorf("started are %v, %v", b.started, err)
		}
	})
	t.Run("a value more makes only its runs", func(t *testing.T) {
		b.started = nil
		wider := b.plan("matrix: {train.lr: [1e-3, 3e-3, 2e-3], sampling.steps: [[1], [2]]}")
		if _, err := b.conduct(t.Context(), wider); err != nil || !slices.Equal(b.started, []string{"lr=3e-3 steps=1"}) {
			t.Errorf("started are %v, %v", b.started, err)
		}
	})
	t.Run("a sampling more is drawn from the training that is there", func(t *testing.T) {
		wider := b.plan("matrix: {train.lr: [1e-3, 2e-3], sampling.steps: [[1], [2], [3]]}")
		if _, err := b.conduct(t.Context(), wider); err != nil {
			t.Fatal(err)
		}
		inventory := b.inspect(wider)
		if found := inventory.Of(wider.Tasks[0].Runs[2]); found.State != sweep.StateDone ||
			found.Run.TrainedBy != inventory.Of(wider.Tasks[0].Runs[0]).Run.ID {
			t.Errorf("it is %+v", found)
		}
	})
	t.Run("runs of other code and older runs do not count", func(t *testing.T) {
		for _, r := range []sweep.Recognition{{Code: "other"}, {Since: time.Now().Add(time.Hour)}} {
			if inventory, err := sweep.Inspect(t.Context(), b.store, p.Hashes(),
				r); err != nil || len(inventory) != 0 || len(inventory.Left(p)) != 2 {
				t.Errorf("%+v: %v, %v", r, inventory, err)
			}
		}
	})
	t.Run("times are learned from it", func(t *testing.T) {
		costs, err := sweep.NewCosts(t.Context(), b.store)
		if err != nil {
			t.Fatal(err)
		}
		other := b.plan("matrix: {train.lr: [5e-3], sampling.steps: [[1], [2]]}").Tasks[0]
		both, known := costs.Task(other, sweep.Inventory{})
		if !known || both <= 0 || both > time.Minute {
			t.Errorf("two runs take %v, %v", both, known)
		}
		trained := sweep.Inventory{other.Runs[0].Config.Hash: {State: sweep.StateDone}}
		if one, _ := costs.Task(other, trained); one <= 0 || one >= both {
			t.Errorf("the drawing alone takes %v, all %v", one, both)
		}
		if costs.Memory([]sweep.Task{other}) <= 0 {
			t.Error("they take no memory")
		}
		if d, known := costs.Task(b.plan("matrix: {train.batch_size: [4]}").Tasks[0], nil); known || d != 0 {
			t.Errorf("another batch size takes %v, %v", d, known)
		}
	})
}

func TestATaskThatFailsIsTriedAgainAndTheRestGoesOn(t *testing.T) {
	b := newBench(t)
	p := b.plan("matrix: {train.lr: [1e-3, 2e-3, 3e-3]}")
	b.before = func(label string, start int) error {
		switch {
		case label == "lr=1e-3":
			return errors.New("it never works")
		case label == "lr=2e-3" && start == 1:
			return errors.New("not at first")
		}
		return nil
	}
	b.retries = 2
	out, err := b.conduct(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Failed) != 1 || out.Failed[0].Task.Index != 0 || out.Failed[0].Err.Error() != "it never works" || out.Retried != 3 {
		t.Errorf("failed are %+v, %d times tried again", out.Failed, out.Retried)
	}
	want := []string{"lr=1e-3", "lr=2e-3", "lr=3e-3", "lr=1e-3", "lr=2e-3", "lr=1e-3"}
	if diff := cmp.Diff(want, b.started); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	if len(b.warnings) != 3 || !strings.HasSuffix(b.warnings[0], "(lr=1e-3) failed and is tried again (1 of 2): it never works") {
		t.Errorf("warnings are %q", b.warnings)
	}
	if left := b.inspect(p).Left(p); len(left) != 1 || left[0].Index != 0 {
		t.Errorf("left are %v", left)
	}
	if last := b.progress[len(b.progress)-1]; last.Ended != 3 || last.Failed != 1 || last.Tasks != 3 || last.Retried != 3 {
		t.Errorf("it ended as %+v", last)
	}
}

func TestAConfigThatCannotRunFailsWithItsReason(t *testing.T) {
	b := newBench(t)
	p := b.plan("zip: {train.lr: [1e-3, 2e-3], data.name: [mnist, digits], data.dir: [/none, null]}")
	out, err := b.conduct(t.Context(), p)
	if err != nil || len(out.Failed) != 1 || !strings.Contains(out.Failed[0].Err.Error(), "/none") {
		t.Errorf("%+v, %v", out, err)
	}
	if s, err := b.folder.ReadReport(p.Tasks[0].Key()); err != nil || s.State != sweep.TaskFailed || !strings.Contains(s.Error, "/none") {
		t.Errorf("its status is %+v, %v", s, err)
	}
}

func TestARunThatDivergesHasEnded(t *testing.T) {
	b := newBench(t)
	p := b.plan("zip: {train.lr: [100, 1e-3], train.weight_decay: [100, 0]}\nmatrix: {sampling.steps: [[1], [2]]}")
	if out, err := b.conduct(t.Context(), p); err != nil || len(out.Failed) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	inventory := b.inspect(p)
	if s := inventory.Of(p.Tasks[0].Runs[0]).State; s != sweep.StateDiverged || inventory.Task(p.Tasks[0]) != sweep.StateDiverged {
		t.Errorf("it is %s", s)
	}
	if left := inventory.Left(p); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestAnInterruptionIsNoFailureIfItCameFurther(t *testing.T) {
	b := newBench(t)
	p := b.plan("")
	key := p.Tasks[0].Key()
	b.before = func(_ string, start int) error {
		if start > 3 {
			return nil
		}
		// What a worker leaves behind that a cluster has told to stop.
		return errors.Join(errors.New("exit status 130"), b.folder.WriteReport(sweep.TaskReport{Task: key, State: sweep.TaskInterrupted,
			Step: 2 * start}))
	}
	out, err := b.conduct(t.Context(), p) // without a retry
	if err != nil || len(out.Failed) != 0 || out.Retried != 3 || len(b.warnings) != 0 {
		t.Errorf("%+v, %v, warnings %q", out, err, b.warnings)
	}

	t.Run("one that came no further is", func(t *testing.T) {
		b := newBench(t)
		b.before = func(_ string, start int) error {
			return errors.Join(errors.New("exit status 130"), b.folder.WriteReport(sweep.TaskReport{Task: key,
				State: sweep.TaskInterrupted, Step: 5}))
		}
		out, err := b.conduct(t.Context(), p)
		if err != nil || len(out.Failed) != 1 || out.Retried != 1 || len(b.started) != 2 {
			t.Errorf("%+v, %v, started %v", out, err, b.started)
		}
	})
}

func TestAStoppedSweepGoesOnToTheSameLosses(t *testing.T) {
	const text = "matrix: {train.lr: [1e-3, 2e-3]}\ninclude: [{train.steps: 60}]"
	whole := newBench(t)
	p := whole.plan(text)
	if _, err := whole.conduct(t.Context(), p); err != nil {
		t.Fatal(err)
	}

	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.observe = func(now sweep.Standing) {
		if len(now.Running) > 0 && now.Running[0].Step > 0 {
			cancel()
		}
	}
	if _, err := b.conduct(ctx, p); !errors.Is(err, sweep.ErrStopped) {
		t.Fatalf("error is %v", err)
	}
	if s := b.inspect(p).Of(p.Tasks[0].Runs[0]); s.State != sweep.StateInterrupted || s.Run.LastStep == 0 || s.Run.LastStep == 60 {
		t.Errorf("the first run is %+v", s)
	}
	if len(b.started) != 1 {
		t.Errorf("started are %v", b.started)
	}
	b.observe = nil
	if out, err := b.conduct(t.Context(), p); err != nil || out.Retried != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, task := range p.Tasks {
		if diff := cmp.Diff(whole.losses(p, task), b.losses(p, task)); diff != "" {
			t.Errorf("losses (-want +got):\n%s", diff)
		}
	}
}

func TestALauncherThatFailsEndsTheSweep(t *testing.T) {
	b := newBench(t)
	p := b.plan("seeds: [0, 1]")
	for _, when := range []string{"start", "wait"} {
		b.broken = when
		if _, err := b.conduct(t.Context(), p); err == nil || err.Error() != "the launcher cannot "+when || errors.Is(err, sweep.ErrStopped) {
			t.Errorf("error is %v", err)
		}
	}
}

const halving = `search:
  budget: 4
  seed: 1
  space: {train.lr: {min: 1e-5, max: 1e-1, log: true}}
  objective: {metric: train/loss, goal: minimize}
  stopping: {rule: successive_halving, min_steps: 3, reduction_factor: 2}
`

func TestASearchStopsTheTrialsThatAreBehind(t *testing.T) {
	// All trials, to the end.
	whole := newBench(t)
	all := whole.plan(strings.Replace(halving, "  stopping", "  #", 1))
	if _, err := whole.conduct(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	var want []sweep.Pruned
	alive := []int{0, 1, 2, 3}
	for _, rung := range []int{3, 6} {
		mean := func(v int) float64 {
			sum := 0.0
			for _, loss := range whole.losses(all, all.Tasks[v])[:rung] {
				sum += loss.Value
			}
			return sum / float64(rung)
		}
		ranked := slices.Clone(alive)
		slices.SortStableFunc(ranked, func(a, b int) int { return int(1e9 * (mean(a) - mean(b))) })
		behind := ranked[(len(ranked)+1)/2:]
		for _, v := range alive {
			if slices.Contains(behind, v) {
				want = append(want, sweep.Pruned{Variant: v, Step: rung, Value: mean(v)})
			}
		}
		alive = slices.DeleteFunc(alive, func(v int) bool { return slices.Contains(behind, v) })
	}

	b := newBench(t)
	p := b.plan(halving)
	check := func(t *testing.T, out sweep.Outcome, err error) {
		t.Helper()
		equal := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-12 && b-a < 1e-12 })
		if diff := cmp.Diff(want, out.Stopped, equal); err != nil || len(out.Failed) != 0 || diff != "" {
			t.Errorf("%v, failed are %v, stopped (-want +got):\n%s", err, out.Failed, diff)
		}
		inventory := b.inspect(p)
		for v := range p.Variants {
			found := inventory.Of(p.Tasks[v].Runs[0])
			at := 12
			for _, s := range want {
				if s.Variant == v {
					at = s.Step
				}
			}
			if found.Run.LastStep != at || (found.State == sweep.StateDone) != (at == 12) {
				t.Errorf("trial %d is %s at step %d, want %d", v, found.State, found.Run.LastStep, at)
			}
			status := record.StatusStopped
			if at == 12 {
				status = record.StatusFinished
			}
			if found.Run.Status != status {
				t.Errorf("trial %d is recorded as %s (%s), want %s", v, found.Run.Status, found.Run.StatusReason, status)
			}
		}
	}
	out, err := b.conduct(t.Context(), p)
	check(t, out, err)
	if diff := cmp.Diff(whole.losses(all, all.Tasks[alive[0]]), b.losses(p, p.Tasks[alive[0]])); diff != "" {
		t.Errorf("losses of the best (-want +got):\n%s", diff)
	}
	if stages := b.stages(); !slices.Equal(stages, []string{"rung 1 of 3, to step 3: 4 trials",
		"rung 2 of 3, to step 6: 2 trials", "to the end: 1 trial"}) {
		t.Errorf("the stages are %q", stages)
	}

	t.Run("the same when repeated", func(t *testing.T) {
		b.started = nil
		out, err := b.conduct(t.Context(), p)
		check(t, out, err)
		if b.started != nil {
			t.Errorf("started are %v", b.started)
		}
	})
	t.Run("the same when stopped in between, again and again", func(t *testing.T) {
		b = newBench(t)
		for stops := 0; ; stops++ {
			ctx, cancel := context.WithCancel(t.Context())
			before := len(b.started)
			b.observe = func(now sweep.Standing) {
				b.mu.Lock()
				defer b.mu.Unlock()
				if stops < 4 && len(b.started) > before+stops%2 {
					cancel()
				}
			}
			out, err := b.conduct(ctx, p)
			cancel()
			if !errors.Is(err, sweep.ErrStopped) {
				check(t, out, err)
				return
			}
		}
	})
	t.Run("the same with trials that were made to the end before", func(t *testing.T) {
		b = whole
		out, err := b.conduct(t.Context(), p)
		if diff := cmp.Diff(len(want), len(out.Stopped)); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		for i := range out.Stopped {
			if out.Stopped[i].Variant != want[i].Variant || out.Stopped[i].Step != want[i].Step {
				t.Errorf("stopped is %+v, want %+v", out.Stopped[i], want[i])
			}
		}
	})
}

func TestTrialsOfASearchCanShareATraining(t *testing.T) {
	b := newBench(t)
	p := b.plan(`search:
  method: random
  budget: 12
  space: {train.lr: [1e-3, 1e-4], sampling.rows: [1, 2]}
  objective: {metric: train/loss, goal: minimize}
  stopping: {rule: successive_halving, min_steps: 4, reduction_factor: 2}
`)
	if len(p.Tasks) != 2 || p.Runs() != 4 {
		t.Fatalf("%d runs in %d tasks", p.Runs(), len(p.Tasks))
	}
	out, err := b.conduct(t.Context(), p)
	if err != nil || len(out.Failed) != 0 || len(out.Stopped) == 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestATrialThatDivergesIsStopped(t *testing.T) {
	b := newBench(t)
	p := b.plan(`search:
  budget: 4
  space: {train.lr: [100, 1e-3], train.weight_decay: [100, 0]}
  objective: {metric: train/loss, goal: minimize}
  stopping: {rule: median, min_steps: 6, every_steps: 6}
seeds: [0, 1]
`)
	out, err := b.conduct(t.Context(), p)
	if err != nil || len(out.Failed) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	inventory := b.inspect(p)
	diverged := 0
	for _, task := range p.Tasks {
		if inventory.Of(task.Runs[0]).State != sweep.StateDiverged {
			continue
		}
		diverged++
		if !slices.ContainsFunc(out.Stopped, func(s sweep.Pruned) bool { return s.Variant == task.Runs[0].Variant && math.IsNaN(s.Value) }) {
			t.Errorf("%s has diverged and is not among %+v", p.Variants[task.Runs[0].Variant].Label, out.Stopped)
		}
	}
	if diverged == 0 {
		t.Error("no trial has diverged")
	}
}

// bench runs sweeps of tiny.yaml in this process, into a store of its own. It is
// the launcher, too: it makes one task at a time.
type bench struct {
	t      *testing.T
	dir    string
	store  *store.Store
	folder sweep.Folder

	retries int
	before  func(label string, start int) error // what a start fails with instead of making its task
	observe func(sweep.Standing)
	broken  string // what the launcher cannot

	labels   map[string]string // of tasks
	started  []string          // labels of tasks, in order
	starts   map[string]int
	warnings []string
	progress []sweep.Standing

	mu     sync.Mutex // guards started and starts while a sweep runs
	tasks  chan func()
	ended  chan sweep.Ended
	worker context.Context
	stop   context.CancelFunc
}

func newBench(t *testing.T) *bench {
	t.Helper()
	tiny, err := os.ReadFile(filepath.Join("..", "..", "testdata", "tiny.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(b.dir, "tiny.yaml"), tiny, 0o644); err != nil {
		t.Fatal(err)
	}
	if b.store, err = store.Open(t.Context(), b.storePath()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	b.folder = sweep.FolderOf(b.storePath(), "", "some")
	return b
}

func (b *bench) storePath() string { return filepath.Join(b.dir, "harness.db") }

// plan plans a sweep of runs that take a fraction of a second: they draw nothing
// and validate nothing.
func (b *bench) plan(text string) *sweep.Plan {
	b.t.Helper()
	path := filepath.Join(b.dir, "some.yaml")
	base := "base: tiny.yaml\nmodel: {block_out_channels: [2, 2], attention_head_dim: 2}\ntrain: {batch_size: 1}\nsampling: {at_epochs: " +
		"[], at_end: false, steps: [1]}\n" +
		"metrics: {validation_images: 0}\ncheckpoint: {every_steps: 0, every_epochs: 0}\n"
	for name, text := range map[string]string{filepath.Join(b.dir, "base.yaml"): base, path: "base: base.yaml\n" + text} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	file, err := sweep.Load(path)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := file.Plan(b.t.Context(), sweep.MaxRuns)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) conduct(ctx context.Context, p *sweep.Plan) (sweep.Outcome, error) {
	b.t.Helper()
	if err := b.folder.WritePlan(p, sweep.Recognition{}); err != nil {
		b.t.Fatal(err)
	}
	b.labels, b.starts, b.progress = map[string]string{}, map[string]int{}, nil
	for _, t := range p.Tasks {
		b.labels[t.Key()] = p.Variants[t.Runs[0].Variant].Label
	}
	b.tasks, b.ended = make(chan func(), 1000), make(chan sweep.Ended, 1000)
	b.worker, b.stop = context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for make := range b.tasks {
			make()
		}
	}()
	defer func() { b.stop(); close(b.tasks); <-done }()
	c := &sweep.Conductor{Plan: p, Store: b.store, Folder: b.folder, Launcher: b, Retries: b.retries,
		Warn: func(message string) { b.warnings = append(b.warnings, message) },
		Observe: func(now sweep.Standing) {
			b.progress = append(b.progress, now)
			if b.observe != nil {
				b.observe(now)
			}
		}}
	return c.Conduct(ctx)
}

// Start implements [sweep.Launcher].
func (b *bench) Start(_ context.Context, tasks []sweep.Task, stopAfter int) error {
	if b.broken == "start" {
		return errors.New("the launcher cannot start")
	}
	for _, t := range tasks {
		b.tasks <- func() { b.make(t, stopAfter) }
	}
	return nil
}

func (b *bench) make(t sweep.Task, stopAfter int) {
	if b.worker.Err() != nil {
		return
	}
	label := b.labels[t.Key()]
	b.mu.Lock()
	b.started = append(b.started, label)
	b.starts[label]++
	start := b.starts[label]
	b.mu.Unlock()
	if b.before != nil {
		if err := b.before(label, start); err != nil {
			b.ended <- sweep.Ended{Task: t, Err: err}
			return
		}
	}
	spec, err := b.folder.ReadTask(t.Key())
	if err == nil {
		err = task.Run(b.worker, spec, task.Options{Folder: b.folder, StorePath: b.storePath(), StopAfter: stopAfter, Log: func(string) {}})
	}
	b.ended <- sweep.Ended{Task: t, Err: err}
}

// Wait implements [sweep.Launcher].
func (b *bench) Wait(ctx context.Context) ([]sweep.Ended, error) {
	if b.broken == "wait" {
		return nil, errors.New("the launcher cannot wait")
	}
	select {
	case e := <-b.ended:
		return []sweep.Ended{e}, nil
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
	return nil, nil
}

// Stop implements [sweep.Launcher].
func (b *bench) Stop(context.Context) error {
	b.stop()
	idle := make(chan struct{})
	b.tasks <- func() { close(idle) }
	<-idle
	return nil
}

func (b *bench) inspect(p *sweep.Plan) sweep.Inventory {
	b.t.Helper()
	inventory, err := sweep.Inspect(b.t.Context(), b.store, p.Hashes(), sweep.Recognition{})
	if err != nil {
		b.t.Fatal(err)
	}
	return inventory
}

func (b *bench) losses(p *sweep.Plan, t sweep.Task) []store.Point {
	b.t.Helper()
	points, err := b.store.Series(b.t.Context(), b.inspect(p).Of(t.Runs[0]).Run.ID, record.TrainLoss, store.SeriesOptions{})
	if err != nil || len(points) == 0 {
		b.t.Fatalf("%d losses, %v", len(points), err)
	}
	return points
}

// stages are those that were observed.
func (b *bench) stages() []string {
	var list []string
	for _, p := range b.progress {
		if len(list) == 0 || list[len(list)-1] != p.Stage {
			list = append(list, p.Stage)
		}
	}
	return list
}
