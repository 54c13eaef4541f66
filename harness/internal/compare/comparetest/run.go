// Package comparetest makes runs to be compared by tests.
package comparetest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"path/filepath"
	"testing"
	"time"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Classifier is the hash of what measured the samples.
const Classifier = "c1a551f1e4"

// Run is a run to be made up for a test.
type Run struct {
	Name     string
	Seed     uint64
	Process  string  // flow_match by default
	Config   string  // further YAML
	Steps    int     // of training; 100 by default
	Loss     float64 // of the last step
	Accuracy float64 // 0: no evaluation
	Steady   bool    // without noise from the seed
	Settings []record.Drawing
	Class    string // classifier
	Dataset  string
	Host     string
	Status   record.Status
	Notes    string
	Images   int // that samples were measured on; 200 by default
}

var samplerOf = map[string]string{"flow_match": "euler", "ddpm": "ddim"}

func (k *Run) defaults() {
	if k.Process == "" {
		k.Process = "flow_match"
	}
	if k.Steps == 0 {
		k.Steps = 100
	}
	if k.Loss == 0 {
		k.Loss = 0.2
	}
	if k.Class == "" {
		k.Class = Classifier
	}
	if k.Dataset == "" {
		k.Dataset = "mnist"
	}
	if k.Host == "" {
		k.Host = "box"
	}
	if k.Status == "" {
		k.Status = record.StatusFinished
	}
	if k.Images == 0 {
		k.Images = 200
	}
	if k.Settings == nil {
		k.Settings = []record.Drawing{{Sampler: samplerOf[k.Process], Steps: 10, Guidance: 2, NFE: 20}}
	}
}

// TempStore opens an empty store.
func TempStore(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "harness.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// Make records a run as training would.
func Make(t testing.TB, st *store.Store, k Run) *store.Run {
	t.Helper()
	k.defaults()
	prediction := map[string]string{"flow_match": "velocity", "ddpm": "epsilon"}[k.Process]
	config := fmt.Sprintf("name: %s\nseed: %d\nprocess:\n  name: %s\n  prediction_type: %s\n", k.Name, k.Seed, k.Process, prediction)
	if k.Process == "ddpm" {
		config += "  beta_start: 0.0001\n  beta_end: 0.02\n"
	}
	config += fmt.Sprintf("data: {name: %s}\nsampling: {seed: 0, samplers: [{name: %s}]}\n%s", k.Dataset, samplerOf[k.Process], k.Config)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: k.Name, Seed: k.Seed, Process: k.Process, Dataset: k.Dataset,
		ConfigHash: "c0ffee", Notes: k.Notes,
		ResolvedYAML: config, Environment: map[string]any{"machine": map[string]any{"hostname": k.Host, "cpus": 2},
			"git": map[string]any{"commit": "abc", "dirty": false}}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	rng := random.New(k.Seed, k.Name, 0)
	for step := 1; step <= k.Steps; step++ {
		v := k.Loss + math.Exp(-5*float64(step)/float64(k.Steps)) + 0.02*rng.NormFloat64()
		if k.Status == record.StatusDiverged && step == k.Steps {
			v = math.NaN()
		}
		w.Point(record.TrainLoss, step, v)
		w.Phase("step", step, 10*time.Millisecond)
		if step%(k.Steps/5+1) == 0 {
			w.Point(record.ValLoss, step, k.Loss+math.Exp(-5*float64(step)/float64(k.Steps)))
		}
	}
	w.Progress(k.Steps, k.Steps)
	for i, d := range k.Settings {
		d.SamplerJSON, d.Step, d.Images, d.Seconds = fmt.Sprintf(`{"name":%q}`, d.Sampler), k.Steps, k.Images, 0.1*float64(d.NFE)
		must(t, w.Sample(t.Context(), store.SampleRecord{Drawing: d, PNG: Grid(t, int(k.Seed)+i)}))
		if k.Accuracy > 0 {
			accuracy := k.Accuracy - 0.3/float64(d.NFE)
			if !k.Steady {
				accuracy += 0.01 * rng.NormFloat64()
			}
			correct := make([]bool, d.Images)
			for i := range correct {
				correct[i] = random.New(1, "difficulty", uint64(i)).Float64() < accuracy
			}
			must(t, st.AddEvaluation(t.Context(), run.ID, store.EvaluationRecord{Drawing: d, Dataset: k.Dataset, Classifier: k.Class,
				Correct: correct,
				Metrics: []store.Metric{{Name: "accuracy", Value: accuracy, StdErr: 0.01}, {Name: "accuracy/3", Value: accuracy, StdErr: math.NaN()},
					{Name: "fd_" + k.Dataset + "_cnn", Value: 10 * (1.1 - accuracy), StdErr: math.NaN()}}}))
		}
	}
	if k.Status != record.StatusRunning {
		must(t, w.Finish(t.Context(), k.Status, ""))
	} else {
		must(t, w.Flush(t.Context()))
	}
	got, err := st.Run(t.Context(), run.ID)
	must(t, err)
	return got
}

// Grid is a grid of a shade.
func Grid(t testing.TB, shade int) []byte {
	img := image.NewGray(image.Rect(0, 0, 40, 20))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*7 + 40*shade)
	}
	img.SetGray(0, 0, color.Gray{Y: 255})
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}

// Seeds makes a run for each of n seeds.
func Seeds(t testing.TB, st *store.Store, n int, k Run) []*store.Run {
	var runs []*store.Run
	for seed := range n {
		k.Seed = uint64(seed)
		runs = append(runs, Make(t, st, k))
	}
	return runs
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
