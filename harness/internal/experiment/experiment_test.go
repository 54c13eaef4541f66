package experiment

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
	"flowharness/models"
	"flowharness/schedulers"
)

const tiny = `
name: tiny
backend: {name: go}
data: {name: digits, limit: 16}
model:
  block_out_channels: [4, 4]
  layers_per_block: 1
  down_block_types: [DownBlock2D, DownBlock2D]
  up_block_types: [UpBlock2D, UpBlock2D]
  norm_num_groups: 2
  attention_head_dim: 4
train: {batch_size: 2, steps: 6, ema_decay: 0.9}
sampling: {samplers: [euler], steps: [1], guidance: [2], rows: 1}
metrics: {validation_images: 4}
checkpoint: {every_steps: 2, every_epochs: 0, keep: 10}
`

func TestARunIsRecordedFromItsConfigToItsEnd(t *testing.T) {
	o := options(t)
	var started Started
	o.Started = func(s Started) { started = s }
	out, err := Start(t.Context(), resolve(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if started.Run.ID != out.Run.ID || started.Backend.Name != "go" || started.Data.N != 16 || started.Resumed != 0 {
		t.Errorf("it started as %+v", started)
	}
	st := openStore(t, o)
	run, err := st.Resolve(t.Context(), "@1")
	if err != nil {
		t.Fatal(err)
	}
	if run.Status != record.StatusFinished || run.LastStep != 6 || run.TotalSteps != 6 || run.PeakMemoryBytes == 0 ||
		run.ConfigHash != resolve(t).Hash {
		t.Errorf("recorded is %+v", run.RunInfo)
	}
	for _, want := range []string{`"images":16`, `"backend":{`, `"hostname"`} {
		if !strings.Contains(string(run.Environment), want) {
			t.Errorf("the environment lacks %s: %s", want, run.Environment)
		}
	}
	if n := len(losses(t, st, run.ID)); n != 6 {
		t.Errorf("%d losses are recorded", n)
	}
	samples, err := st.Samples(t.Context(), run.ID)
	if err != nil || len(samples) != 1 || samples[0].Step != 6 || !samples[0].UsedEMA {
		t.Errorf("samples are %+v (%v)", samples, err)
	}
	if _, err := os.Stat(checkpoint.Path(CheckpointDir(o.StorePath, run.ID), 6)); err != nil {
		t.Error(err)
	}
	if _, err := Resume(t.Context(), "@1", o); err == nil || !strings.Contains(err.Error(), "is finished; there is nothing to resume") {
		t.Errorf("resuming it: error is %v", err)
	}
}

func TestHalfPrecisionOnAProcessorIsWarnedOf(t *testing.T) {
	for _, name := range []string{backend.Go, backend.XLACPU} {
		for precision, want := range map[models.Precision]int{models.Float32: 0, models.BFloat16: 1} {
			var warnings []string
			o := Options{Warn: func(message string) { warnings = append(warnings, message) }}
			b, err := o.openBackend(config.Backend{Name: name, Precision: precision})
			if err != nil {
				if name == backend.Go || os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skipf("no %s backend here (make plugin installs it): %v", name, err)
			}
			b.Finalize()
			if len(warnings) != want || want == 1 && !strings.Contains(warnings[0], "bfloat16 is for GPUs: "+name) {
				t.Errorf("%s on %s: the warnings are %q", precision, name, warnings)
			}
		}
	}
}

func TestWhatCannotStartLeavesNothing(t *testing.T) {
	for _, tc := range []struct {
		name, set, want string
	}{
		{"no data", "data={name: mnist, dir: nowhere, limit: 16}", "nowhere to be found"},
		{"no plugin", "backend={name: 'xla:cpu', plugin: nowhere.so}", "nowhere.so"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("HARNESS_DATA_DIR", "")
			o := options(t)
			if _, err := Start(t.Context(), resolve(t, tc.set), o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
			if _, err := os.Stat(filepath.Dir(o.StorePath)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something was created: %v", err)
			}
		})
	}
}

func TestAnInterruptedRunIsResumedUnderItsID(t *testing.T) {
	whole, wholeOptions := mustStart(t)
	for _, stop := range []int{1, 4, 6} {
		o := options(t)
		ctx, cancel := context.WithCancel(t.Context())
		o.Observe = func(e train.Event) {
			if e.Step == stop && e.Message == "" {
				cancel()
			}
		}
		out, err := Start(ctx, resolve(t), o)
		cancel()
		if !errors.Is(err, train.ErrInterrupted) || out.Run.Status != record.StatusInterrupted || out.Run.LastStep != stop {
			t.Fatalf("stopped at step %d: %v, recorded as %+v", stop, err, out.Run)
		}
		o.Observe = nil
		resumed, err := Resume(t.Context(), out.Run.Slug, o)
		if err != nil {
			t.Fatal(err)
		}
		if resumed.Run.ID != out.Run.ID || resumed.Run.Status != record.StatusFinished || resumed.Result.Last100 != whole.Result.Last100 {
			t.Errorf("stopped at step %d: resumed as %+v, result %+v", stop, resumed.Run.RunInfo, resumed.Result)
		}
		st := openStore(t, o)
		if got, want := losses(t, st, out.Run.ID), losses(t, openStore(t, wholeOptions), whole.Run.ID); !slices.Equal(got, want) {
			t.Errorf("stopped at step %d: losses are %v, want %v", stop, got, want)
		}
		if samples, err := st.Samples(t.Context(), out.Run.ID); err != nil || len(samples) != 1 {
			t.Errorf("stopped at step %d: %d grids (%v)", stop, len(samples), err)
		}
	}
}

func TestAPausedRunIsRecordedAsInterruptedAndResumed(t *testing.T) {
	whole, wholeOptions := mustStart(t)
	o := options(t)
	o.StopAfter = 3
	out, err := Start(t.Context(), resolve(t), o)
	if !errors.Is(err, train.ErrInterrupted) || out.Run.Status != record.StatusInterrupted || out.Run.LastStep != 3 {
		t.Fatalf("it ended with %v, recorded as %+v", err, out.Run)
	}
	o.StopAfter = 0
	if out, err = Resume(t.Context(), out.Run.ID, o); err != nil || out.Run.Status != record.StatusFinished {
		t.Fatalf("resumed, it ended with %v, recorded as %+v", err, out.Run)
	}
	if got, want := losses(t, openStore(t, o), out.Run.ID), losses(t, openStore(t, wholeOptions), whole.Run.ID); !slices.Equal(got, want) {
		t.Errorf("losses are %v, want %v", got, want)
	}
}

func TestACalibratedRunHasAStepRatio(t *testing.T) {
	o := options(t)
	o.Calibrate = true
	out, err := Start(t.Context(), resolve(t), o)
	if err != nil {
		t.Fatal(err)
	}
	st := openStore(t, o)
	data, err := compare.Read(t.Context(), st, []*store.Run{out.Run})
	if err != nil {
		t.Fatal(err)
	}
	if ratio, ok := data.Records[0].Scalars[compare.StepRatio]; !ok || !(ratio > 0) {
		t.Errorf("its step ratio is %v (%v)", ratio, ok)
	}
	points, err := st.Series(t.Context(), out.Run.ID, "time/calibration", store.SeriesOptions{})
	if err != nil || len(points) != 2 || points[0].Step != 1 || points[1].Step != 6 {
		t.Errorf("it was calibrated at %v (%v)", points, err)
	}
}

func TestResumeRefusesAConfigThatMeansSomethingElseNow(t *testing.T) {
	out, o := mustStart(t)
	st := openStore(t, o)
	// What a version with another default would do to the hash.
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "old", ConfigHash: "0123456789abcdef",
		ResolvedYAML: out.Run.ResolvedYAML, Environment: struct{}{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"resuming": second(Resume(t.Context(), run.ID, o)),
		"sampling": third(Sample(t.Context(), run.ID, SampleOptions{}, o)),
	} {
		if err == nil || !strings.Contains(err.Error(),
			"its config means something else to this version of harness") || !strings.Contains(err.Error(), "recorded 0123456789ab") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestResumeChecksThatTheImagesAreThoseItBeganWith(t *testing.T) {
	_, o := mustStart(t)
	st := openStore(t, o)
	cfg := resolve(t)
	begun := func(environment Environment) *store.Run {
		run, err := st.CreateRun(t.Context(), store.NewRun{Name: "begun", ConfigHash: cfg.Hash, ResolvedYAML: string(cfg.YAML),
			Environment: environment})
		if err != nil {
			t.Fatal(err)
		}
		w, err := st.OpenWriter(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Finish(t.Context(), record.StatusInterrupted, ""); err != nil {
			t.Fatal(err)
		}
		return run
	}
	run := begun(Environment{Dataset: DatasetFingerprint{Name: "digits", Images: 16, SHA256: "0123456789abcdef"}})
	_, err := Resume(t.Context(), run.ID, o)
	if err == nil || !strings.Contains(err.Error(), "began on other images: the SHA-256 of its 16 of digits is 0123456789ab") {
		t.Errorf("error is %v", err)
	}
	began := Environment{Dataset: DatasetFingerprint{Name: "digits", Test: &SplitFingerprint{Images: 4, SHA256: "fedcba9876543210"}}}
	if _, err := Resume(t.Context(), begun(began).ID, o); err == nil ||
		!strings.Contains(err.Error(), "began on other test images: the SHA-256 of its 4 of digits is fedcba987654") {
		t.Errorf("other images in the test split: error is %v", err)
	}
	if again, err := st.Run(t.Context(), run.ID); err != nil || again.Status != record.StatusInterrupted {
		t.Errorf("refusing it changed the run to %+v (%v)", again, err)
	}

	var warnings []string
	o.Warn = func(message string) { warnings = append(warnings, message) }
	run = begun(Environment{Backend: backend.Info{Name: "xla:cpu"}})
	if _, err := Resume(t.Context(), run.ID, o); err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "began on xla:cpu and goes on on go") {
		t.Errorf("warnings are %q", warnings)
	}
}

// A recorded run may be looked at on another machine, whose images lie elsewhere.
func TestTheImagesOfARecordedRunAreLookedForElsewhereIfItsFolderIsGone(t *testing.T) {
	_, o := mustStart(t)
	st := openStore(t, o)
	here := t.TempDir()
	for dir, want := range map[string]string{here: here, filepath.Join(here, "gone"): ""} {
		cfg := resolve(t, "data={name: mnist, limit: 16, dir: "+dir+"}")
		run, err := st.CreateRun(t.Context(), store.NewRun{Name: "elsewhere", ConfigHash: cfg.Hash, ResolvedYAML: string(cfg.YAML),
			Environment: struct{}{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, again, err := recordedRun(t.Context(), st, run.ID); err != nil || again.Config.Data.Dir != want {
			t.Errorf("a run on images in %s looks in %q (%v)", dir, again.Config.Data.Dir, err)
		}
	}
}

func TestARunningRunIsNotResumed(t *testing.T) {
	_, o := mustStart(t)
	st := openStore(t, o)
	cfg := resolve(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "busy", ConfigHash: cfg.Hash, ResolvedYAML: string(cfg.YAML),
		Environment: struct{}{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(t.Context(), run.ID, o); err == nil || !strings.Contains(err.Error(), "is running (pid") {
		t.Errorf("error is %v", err)
	}
}

func TestSampleOverridesTheConfig(t *testing.T) {
	out, o := mustStart(t)
	seed, raw := uint64(9), false
	_, samples, err := Sample(t.Context(), "tiny", SampleOptions{Samplers: []schedulers.SamplerConfig{{Name: "heun"}}, Steps: []int{1, 2},
		Guidance: []float64{1}, Seed: &seed, UseEMA: &raw}, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != 2 || samples[1].Sampler != "heun" || samples[1].Steps != 2 || samples[1].Seed != 9 || samples[1].UsedEMA ||
		samples[1].Step != 6 {
		t.Errorf("drawn are %+v", samples)
	}
	if recorded, err := openStore(t, o).Samples(t.Context(), out.Run.ID); err != nil || len(recorded) != 3 {
		t.Errorf("%d samples are recorded (%v)", len(recorded), err)
	}
	var problems *config.Errors
	if _, _, err := Sample(t.Context(), "tiny", SampleOptions{Samplers: []schedulers.SamplerConfig{{Name: "ddim"}}},
		o); !errors.As(err, &problems) {
		t.Errorf("a sampler of another process: error is %v", err)
	}
	if err := os.RemoveAll(CheckpointDir(o.StorePath, out.Run.ID)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Sample(t.Context(), "tiny", SampleOptions{}, o); err == nil || !strings.Contains(err.Error(),
		"has no checkpoint to sample from") {
		t.Errorf("without checkpoints: error is %v", err)
	}
}

func TestNothingIsDrawnFromWeightsThatAreNotFinite(t *testing.T) {
	out, o := mustStart(t)
	model, err := resolve(t).Config.Network()
	if err != nil {
		t.Fatal(err)
	}
	dir := CheckpointDir(o.StorePath, out.Run.ID)
	good, err := checkpoint.Latest(dir)
	if err != nil {
		t.Fatal(err)
	}
	state, err := checkpoint.Load(good, model.Layout(), out.Run.ConfigHash)
	if err != nil {
		t.Fatal(err)
	}
	state.Step++
	state.Params[1] = float32(math.NaN())
	if state.EMA != nil {
		state.EMA[1] = float32(math.NaN())
	}
	if _, err := checkpoint.Save(dir, model.Layout(), *state, 2); err != nil {
		t.Fatal(err)
	}
	const want = "are NaN or infinite"
	if _, _, err := Sample(t.Context(), "tiny", SampleOptions{}, o); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("sampling: error is %v", err)
	}
	if _, _, err := Evaluate(t.Context(), "tiny", SampleOptions{}, o); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("evaluating: error is %v", err)
	}
	if recorded, err := openStore(t, o).Samples(t.Context(), out.Run.ID); err != nil || len(recorded) != 1 {
		t.Errorf("%d samples are recorded, want the one of training (%v)", len(recorded), err)
	}
	if _, _, err := Sample(t.Context(), "tiny", SampleOptions{Checkpoint: good}, o); err != nil {
		t.Errorf("an earlier checkpoint: %v", err)
	}
}

func options(t *testing.T) Options {
	t.Helper()
	return Options{StorePath: filepath.Join(t.TempDir(), "runs", "harness.db"), Argv: []string{"test"}}
}

func resolve(t *testing.T, sets ...string) *config.Resolved {
	t.Helper()
	cfg, err := config.Parse("tiny.yaml", []byte(tiny), sets)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func mustStart(t *testing.T) (Outcome, Options) {
	t.Helper()
	o := options(t)
	out, err := Start(t.Context(), resolve(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return out, o
}

func openStore(t *testing.T, o Options) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), o.StorePath)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func losses(t *testing.T, st *store.Store, id string) []float64 {
	t.Helper()
	all, err := lastLosses(t.Context(), st, id, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func second[A any](_ A, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }
