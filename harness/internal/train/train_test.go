package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/record"
	"flowharness/metrics"
	"flowharness/schedulers"
)

const tiny = `
name: tiny
seed: 7
data: {name: digits, limit: 64, flip: true, drop_last: true}
model:
  sample_size: 28
  block_out_channels: [4, 4]
  layers_per_block: 1
  down_block_types: [DownBlock2D, DownBlock2D]
  up_block_types: [UpBlock2D, UpBlock2D]
  norm_num_groups: 4
  attention_head_dim: 4
process: {name: flow_match}
train: {batch_size: 8, steps: 12, lr: 0.002, lr_schedule: cosine, warmup_steps: 2, grad_clip: 1, ema_decay: 0.9}
sampling: {samplers: [euler], steps: [2], guidance: [2], rows: 1, use_ema: true, at_epochs: [1], at_end: true}
metrics: {validate_every_steps: 6}
checkpoint: {every_steps: 3, keep: 2}
`

func TestRunRecordsEveryStepAndSamplesWhenAsked(t *testing.T) {
	rec, res, err := runTiny(t, context.Background(), "go", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(rec.series(record.TrainLoss)); got != 12 {
		t.Errorf("recorded %d losses, want 12", got)
	}
	for i, l := range rec.series(record.TrainLoss) {
		if l <= 0 || l > 5 {
			t.Errorf("loss of step %d is %v", i+1, l)
		}
	}
	if len(rec.samples) != 2 { // after epoch 1 (step 8) and at the end
		t.Fatalf("recorded %d samples, want 2", len(rec.samples))
	}
	if s := rec.samples[0]; s.Step != 8 || s.Epoch != 1 || s.NFE != 4 || s.Images != 11 || !s.UsedEMA || len(s.PNG) == 0 {
		t.Errorf("first sample is %+v", s)
	}
	if _, err := os.Stat(res.Checkpoint); err != nil {
		t.Error(err)
	}
	// The first step compiles, and so does what draws the first grid.
	if len(rec.phases[record.PhaseCompile]) != 2 || len(rec.phases[record.PhaseStep]) != 11 || len(rec.phases[record.PhaseDataWait]) != 12 {
		t.Errorf("phases: %d compile, %d step, %d data_wait", len(rec.phases[record.PhaseCompile]),
			len(rec.phases[record.PhaseStep]), len(rec.phases[record.PhaseDataWait]))
	}
}

func TestValidationLossIsThatOfTheSameImagesInEveryRun(t *testing.T) {
	first, _, err := runTiny(t, context.Background(), "go", nil)
	if err != nil {
		t.Fatal(err)
	}
	losses := first.series("val/loss")
	if len(losses) != 3 { // after steps 6, 8 (an epoch) and 12 (the end)
		t.Fatalf("recorded %d validation losses, want 3", len(losses))
	}
	if losses[2] >= losses[0] {
		t.Errorf("the validation loss does not fall: %v", losses)
	}
	var mean float64
	for i := range metrics.LossBins {
		bin := first.series(fmt.Sprintf("val/loss_bin_%d", i))
		if len(bin) != 3 {
			t.Fatalf("recorded %d losses of bin %d, want 3", len(bin), i)
		}
		mean += bin[0] / metrics.LossBins
	}
	if math.Abs(mean-losses[0]) > 1e-9 {
		t.Errorf("the bins have a mean of %v, all together of %v", mean, losses[0])
	}

	// Another density of training timesteps changes what is trained, not what it is measured on.
	o := tinyOptions(t, "go", newMemoryRecorder(), t.TempDir())
	process := o.Config.Process
	process.TimestepDensity, process.LogitStd = "logit_normal", 1
	measure := func(p schedulers.ProcessConfig) float64 {
		t.Helper()
		o.Config.Process = p
		trainer, err := newTrainer(o)
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.finalize()
		loss, err := trainer.validation.loss(trainer.replicas[0][0])
		if err != nil {
			t.Fatal(err)
		}
		mean, _ := loss.Mean()
		return mean
	}
	if a, b := measure(o.Config.Process), measure(process); a != b {
		t.Errorf("the same weights have a validation loss of %v, and of %v with another density", a, b)
	}
}

func TestTwoRunsOfOneSeedAreEqualToTheBit(t *testing.T) {
	a, _, err := runTiny(t, context.Background(), "xla:cpu", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := runTiny(t, context.Background(), "xla:cpu", nil)
	if err != nil {
		t.Fatal(err)
	}
	sameSeries(t, a.series(record.TrainLoss), b.series(record.TrainLoss))
	if string(a.samples[1].PNG) != string(b.samples[1].PNG) {
		t.Error("the final grids differ")
	}
}

func TestXLAAndPureGoTrainAlike(t *testing.T) {
	a, _, err := runTiny(t, context.Background(), "xla:cpu", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := runTiny(t, context.Background(), "go", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range a.series(record.TrainLoss) {
		if y := b.series(record.TrainLoss)[i]; math.Abs(x-y) > 1e-3 {
			t.Errorf("step %d: loss %v on XLA, %v on the pure-Go backend", i+1, x, y)
		}
	}
}

// TestInterruptAndResumeRepeatTheUninterruptedRun stops at the first step and at
// the end of an epoch, and continues from the checkpoint that the interruption
// left.
func TestInterruptAndResumeRepeatTheUninterruptedRun(t *testing.T) {
	whole, _, err := runTiny(t, context.Background(), "xla:cpu", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, stop := range []int{1, 8} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		first := newMemoryRecorder()
		o := tinyOptions(t, "xla:cpu", first, dir)
		o.Observe = func(e Event) {
			if e.Step == stop {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped at step %d: error is %v, want ErrInterrupted", stop, err)
		}
		cancel()
		model, err := o.Config.Network()
		if err != nil {
			t.Fatal(err)
		}
		state, err := checkpoint.Load(checkpoint.Path(dir, stop), model.Layout(), o.ConfigHash)
		if err != nil {
			t.Fatal(err)
		}
		second := newMemoryRecorder()
		o = tinyOptions(t, "xla:cpu", second, dir)
		o.Resume, o.Losses = state, first.series(record.TrainLoss)
		if _, err := Run(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{record.TrainLoss, record.GradNorm, record.LearningRate, record.Last100, "val/loss"} {
			sameSeries(t, whole.series(s), append(first.series(s), second.series(s)...))
		}
		if string(whole.samples[1].PNG) != string(second.samples[len(second.samples)-1].PNG) {
			t.Errorf("stopped at step %d: the final grid differs", stop)
		}
	}
}

// Step 4 has nothing due, 6 a validation and a checkpoint, 8 grids besides.
func TestAPausedRunThatIsResumedRepeatsTheUninterruptedRun(t *testing.T) {
	whole, _, err := runTiny(t, t.Context(), "go", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	all := newMemoryRecorder()
	o := tinyOptions(t, "go", all, dir)
	for _, stop := range []int{4, 6, 8} {
		o.StopAfter = stop
		res, err := Run(t.Context(), o)
		if !errors.Is(err, ErrInterrupted) || res.Steps != stop || res.Checkpoint != checkpoint.Path(dir, stop) {
			t.Fatalf("stopping after step %d: %v, result %+v", stop, err, res)
		}
		o.Resume, o.Losses, o.Drawn = loadState(t, o, stop), all.series(record.TrainLoss), all.samples
	}
	if got := all.series("val/loss"); len(got) != 2 || len(all.samples) != 1 {
		t.Errorf("after step 8 there are %d validation losses and %d grids, want 2 and 1", len(got), len(all.samples))
	}

	// It is past that step already, and its last step is the end, not a stop.
	o.StopAfter = 7
	if res, err := Run(t.Context(), o); !errors.Is(err, ErrInterrupted) || res.Steps != 8 || len(all.series(record.TrainLoss)) != 8 {
		t.Errorf("stopping after a step that is done: %v, result %+v", err, res)
	}
	o.StopAfter = 12
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{record.TrainLoss, record.GradNorm, record.LearningRate, record.Last100, "val/loss"} {
		sameSeries(t, whole.series(s), all.series(s))
	}
	for i := range whole.samples {
		if string(whole.samples[i].PNG) != string(all.samples[i].PNG) {
			t.Errorf("grid %d differs", i)
		}
	}
}

func TestNonFiniteLossEndsAsDivergedAndKeepsTheLastGoodCheckpoint(t *testing.T) {
	rec := newMemoryRecorder()
	o := tinyOptions(t, "go", rec, t.TempDir())
	o.Config.Train.GradClip = 0
	o.Config.Train.LR = math.MaxFloat32 / 1e3
	o.Config.Checkpoint.EverySteps = 1
	_, err := Run(context.Background(), o)
	var diverged *DivergedError
	if !errors.As(err, &diverged) {
		t.Fatalf("error is %v, want a DivergedError", err)
	}
	if diverged.LastCheckpoint != checkpoint.Path(o.CheckpointDir, diverged.Step-1) {
		t.Errorf("last good checkpoint is %q at step %d", diverged.LastCheckpoint, diverged.Step)
	}
}

func TestLearningRateFollowsItsSchedule(t *testing.T) {
	cosine := config.Train{LR: 1, LRSchedule: config.Cosine, WarmupSteps: 10}
	for _, tc := range []struct {
		name  string
		train config.Train
		n     int
		want  float64
	}{
		{"constant without warm-up is the same from the first step", config.Train{LR: 1e-3, LRSchedule: config.Constant}, 1, 1e-3},
		{"warm-up begins above zero", cosine, 1, 0.1},
		{"warm-up ends at the full rate", cosine, 10, 1},
		{"cosine begins at the full rate", cosine, 11, 1},
		{"cosine is half way down in the middle", cosine, 61, 0.5},
		{"cosine ends near zero", cosine, 110, 0.5 * (1 + math.Cos(math.Pi*0.99))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := LearningRate(tc.train, tc.n, 110); math.Abs(got-tc.want) > 1e-12 {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func runTiny(t *testing.T, ctx context.Context, name string, progress func(Event)) (*memoryRecorder, Result, error) {
	t.Helper()
	rec := newMemoryRecorder()
	o := tinyOptions(t, name, rec, t.TempDir())
	o.Observe = progress
	res, err := Run(ctx, o)
	return rec, res, err
}

func tinyOptions(t *testing.T, name string, rec Recorder, dir string) Options {
	t.Helper()
	resolved, err := config.Parse("tiny.yaml", []byte(tiny), nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(context.Background(), dataset.Options{Name: "digits", Split: "train", Limit: 64})
	if err != nil {
		t.Fatal(err)
	}
	test, err := dataset.Open(context.Background(), dataset.Options{Name: "digits", Split: "test", Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Config: resolved.Config, ConfigHash: resolved.Hash, Data: data, Validation: test, Backend: openBackend(t, name).Backend,
		Recorder: rec, CheckpointDir: dir, RunID: "tiny"}
}

func openBackend(t testing.TB, name string) *backend.Backend {
	t.Helper()
	b, err := backend.Open(backend.Options{Name: name})
	if err != nil {
		if os.Getenv("CI") == "true" || name == "go" {
			t.Fatal(err)
		}
		t.Skipf("no %s backend here (make plugin installs it): %v", name, err)
	}
	return b
}

func sameSeries(t *testing.T, want, got []float64) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d points, want %d", len(got), len(want))
	}
	for i := range want {
		if math.Float64bits(want[i]) != math.Float64bits(got[i]) {
			t.Fatalf("point %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func repoRoot(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func sharedDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("HARNESS_SHARED")
	if dir == "" {
		dir = filepath.Join(repoRoot(t), "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared reference material is absent: %v (set HARNESS_SHARED)", err)
		}
		t.Skipf("the shared reference material is absent: %v (set HARNESS_SHARED)", err)
	}
	return dir
}

// memoryRecorder keeps a run's records in memory.
type memoryRecorder struct {
	mu      sync.Mutex
	points  map[string][]float64
	phases  map[string][]time.Duration
	samples []Sample
}

func newMemoryRecorder() *memoryRecorder {
	return &memoryRecorder{points: map[string][]float64{}, phases: map[string][]time.Duration{}}
}

func (r *memoryRecorder) Point(series string, _ int, value float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.points[series] = append(r.points[series], value)
}

func (r *memoryRecorder) Phase(phase string, _ int, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phases[phase] = append(r.phases[phase], d)
}

func (r *memoryRecorder) Sample(_ context.Context, s Sample) error {
	r.samples = append(r.samples, s)
	return nil
}

func (r *memoryRecorder) Flush(context.Context) error { return nil }

func (r *memoryRecorder) Err() error { return nil }

func (r *memoryRecorder) series(name string) []float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]float64(nil), r.points[name]...)
}

// flushingRecorder notes which points were kept when a checkpoint appeared.
type flushingRecorder struct {
	*memoryRecorder
	onFlush func(points int)
}

func (r *flushingRecorder) Flush(context.Context) error {
	r.onFlush(len(r.series(record.TrainLoss)))
	return nil
}

// A killed run goes on from its last checkpoint: were its points still in memory
// only when it was written, they would be lost.
func TestPointsAreKeptBeforeTheCheckpointThatFollowsThem(t *testing.T) {
	rec := &flushingRecorder{memoryRecorder: newMemoryRecorder()}
	o := tinyOptions(t, "go", rec, t.TempDir())
	o.Config.Sampling.AtEnd, o.Config.Sampling.AtEpochs = false, nil
	var flushed []int
	rec.onFlush = func(points int) {
		flushed = append(flushed, points)
		if path, err := checkpoint.Latest(o.CheckpointDir); err == nil && path >= checkpoint.Path(o.CheckpointDir, points) {
			t.Errorf("%s was there before the points up to step %d were kept", path, points)
		}
	}
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if want := []int{3, 6, 8, 9, 12}; !slices.Equal(flushed, want) {
		t.Errorf("points were kept at steps %v, want %v", flushed, want)
	}
}

// Stopping between two grids of one step must lose neither, nor draw one twice.
func TestGridsThatAnInterruptionLeftOutAreDrawnOnResuming(t *testing.T) {
	change := func(o *Options) {
		o.Config.Sampling.Steps = []int{1, 2}
		o.Config.Train.Steps = 8 // one epoch: the grids at its end are also those at the run's
	}
	whole := newMemoryRecorder()
	o := tinyOptions(t, "go", whole, t.TempDir())
	change(&o)
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if len(whole.samples) != 2 {
		t.Fatalf("drew %d grids, want 2", len(whole.samples))
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first := newMemoryRecorder()
	o = tinyOptions(t, "go", first, t.TempDir())
	change(&o)
	o.Observe = func(e Event) {
		if e.Sampled != nil {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error is %v, want ErrInterrupted", err)
	}
	if len(first.samples) != 1 {
		t.Fatalf("drew %d grids before the interruption, want 1", len(first.samples))
	}
	state := loadState(t, o, 8)
	second := newMemoryRecorder()
	o.Recorder, o.Observe, o.Resume, o.Losses, o.Drawn = second, nil, state, first.series(record.TrainLoss), first.samples
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if len(second.samples) != 1 || string(second.samples[0].PNG) != string(whole.samples[1].PNG) {
		t.Errorf("%d grids were drawn on resuming, or another one than the second", len(second.samples))
	}
}

func TestAResumedRunThatDivergesNamesTheCheckpointItCameFrom(t *testing.T) {
	o := tinyOptions(t, "go", newMemoryRecorder(), t.TempDir())
	o.Config.Train.Steps, o.Config.Sampling.AtEnd, o.Config.Sampling.AtEpochs = 3, false, nil
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	o.Resume = loadState(t, o, 3)
	o.Config.Train.Steps = 12
	o.Config.Train.LR, o.Config.Train.GradClip = math.MaxFloat32/1e3, 0
	o.Config.Checkpoint.EverySteps = 0
	_, err := Run(context.Background(), o)
	var diverged *DivergedError
	if !errors.As(err, &diverged) {
		t.Fatalf("error is %v, want a DivergedError", err)
	}
	if want := checkpoint.Path(o.CheckpointDir, 3); diverged.LastCheckpoint != want {
		t.Errorf("the last good checkpoint is %q, want %q", diverged.LastCheckpoint, want)
	}
}

func loadState(t *testing.T, o Options, step int) *checkpoint.State {
	t.Helper()
	model, err := o.Config.Network()
	if err != nil {
		t.Fatal(err)
	}
	state, err := checkpoint.Load(checkpoint.Path(o.CheckpointDir, step), model.Layout(), o.ConfigHash)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestCheckRefusesWhatCannotBeTrained(t *testing.T) {
	o := tinyOptions(t, "go", nil, t.TempDir())
	if err := Check(o.Config, o.Data); err != nil {
		t.Error(err)
	}
	small := *o.Data
	small.Height = 14
	if err := Check(o.Config, &small); err == nil || !strings.Contains(err.Error(), "images of 14×28, the model takes 28×28") {
		t.Errorf("error is %v", err)
	}
	o.Config.Train.BatchSize = 65
	if err := Check(o.Config, o.Data); err == nil || !strings.Contains(err.Error(), "train.batch_size") {
		t.Errorf("error is %v", err)
	}
}
