package compare

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"path/filepath"
	"testing"
	"time"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/store"
)

const classifier = "c1a551f1e4"

// sketch is a run to be made up for a test.
type sketch struct {
	name     string
	seed     uint64
	process  string  // flow_match by default
	config   string  // further YAML
	steps    int     // of training; 100 by default
	loss     float64 // of the last step
	accuracy float64 // 0: no evaluation
	steady   bool    // without noise from the seed
	settings []store.Drawing
	class    string // classifier
	dataset  string
	host     string
	status   store.Status
	notes    string
	images   int // that samples were measured on; 200 by default
}

var samplerOf = map[string]string{"flow_match": "euler", "ddpm": "ddim"}

func (k *sketch) defaults() {
	if k.process == "" {
		k.process = "flow_match"
	}
	if k.steps == 0 {
		k.steps = 100
	}
	if k.loss == 0 {
		k.loss = 0.2
	}
	if k.class == "" {
		k.class = classifier
	}
	if k.dataset == "" {
		k.dataset = "mnist"
	}
	if k.host == "" {
		k.host = "box"
	}
	if k.status == "" {
		k.status = store.StatusFinished
	}
	if k.images == 0 {
		k.images = 200
	}
	if k.settings == nil {
		k.settings = []store.Drawing{{Sampler: samplerOf[k.process], Steps: 10, Guidance: 2, NFE: 20}}
	}
}

func tempStore(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "harness.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// makeRun records a run as training would.
func makeRun(t testing.TB, st *store.Store, k sketch) *store.Run {
	t.Helper()
	k.defaults()
	prediction := map[string]string{"flow_match": "velocity", "ddpm": "epsilon"}[k.process]
	config := fmt.Sprintf("name: %s\nseed: %d\nprocess:\n  name: %s\n  prediction_type: %s\n", k.name, k.seed, k.process, prediction)
	if k.process == "ddpm" {
		config += "  beta_start: 0.0001\n  beta_end: 0.02\n"
	}
	config += fmt.Sprintf("data: {name: %s}\nsampling: {seed: 0, samplers: [{name: %s}]}\n%s", k.dataset, samplerOf[k.process], k.config)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: k.name, Seed: k.seed, Process: k.process, Dataset: k.dataset, ConfigHash: "c0ffee", Notes: k.notes,
		ResolvedYAML: config, Environment: map[string]any{"machine": map[string]any{"hostname": k.host, "cpus": 2}, "git": map[string]any{"commit": "abc", "dirty": false}}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	rng := random.New(k.seed, k.name, 0)
	for step := 1; step <= k.steps; step++ {
		v := k.loss + math.Exp(-5*float64(step)/float64(k.steps)) + 0.02*rng.NormFloat64()
		if k.status == store.StatusDiverged && step == k.steps {
			v = math.NaN()
		}
		w.Point("train/loss", step, v)
		w.Phase("step", step, 10*time.Millisecond)
		if step%(k.steps/5+1) == 0 {
			w.Point("val/loss", step, k.loss+math.Exp(-5*float64(step)/float64(k.steps)))
		}
	}
	w.Progress(k.steps, k.steps)
	for i, d := range k.settings {
		d.SamplerJSON, d.Step, d.Images, d.Seconds = fmt.Sprintf(`{"name":%q}`, d.Sampler), k.steps, k.images, 0.1*float64(d.NFE)
		must(t, w.Sample(t.Context(), store.SampleRecord{Drawing: d, PNG: gridOf(t, int(k.seed)+i)}))
		if k.accuracy > 0 {
			accuracy := k.accuracy - 0.3/float64(d.NFE)
			if !k.steady {
				accuracy += 0.01 * rng.NormFloat64()
			}
			correct := make([]bool, d.Images)
			for i := range correct {
				correct[i] = random.New(1, "difficulty", uint64(i)).Float64() < accuracy
			}
			must(t, st.AddEvaluation(t.Context(), run.ID, store.EvaluationRecord{Drawing: d, Dataset: k.dataset, Classifier: k.class, Correct: correct,
				Metrics: []store.Metric{{Name: "accuracy", Value: accuracy, StdErr: 0.01}, {Name: "accuracy/3", Value: accuracy, StdErr: math.NaN()},
					{Name: "fd_" + k.dataset + "_cnn", Value: 10 * (1.1 - accuracy), StdErr: math.NaN()}}}))
		}
	}
	if k.status != store.StatusRunning {
		must(t, w.Finish(t.Context(), k.status, ""))
	} else {
		must(t, w.Flush(t.Context()))
	}
	got, err := st.Run(t.Context(), run.ID)
	must(t, err)
	return got
}

func gridOf(t testing.TB, shade int) []byte {
	img := image.NewGray(image.Rect(0, 0, 40, 20))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*7 + 40*shade)
	}
	img.SetGray(0, 0, color.Gray{Y: 255})
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}

// seeds makes a run for each of n seeds.
func seeds(t testing.TB, st *store.Store, n int, k sketch) []*store.Run {
	var runs []*store.Run
	for seed := range n {
		k.seed = uint64(seed)
		runs = append(runs, makeRun(t, st, k))
	}
	return runs
}

func compared(t testing.TB, st *store.Store, o Options, runs ...*store.Run) *Result {
	t.Helper()
	data, err := Read(context.Background(), st, runs)
	must(t, err)
	r, err := Compare(data, o)
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rowOf(t testing.TB, r *Result, metric string) Row {
	t.Helper()
	for _, row := range append(append([]Row{}, r.Metrics...), r.Cost...) {
		if row.Name == metric {
			return row
		}
	}
	t.Fatalf("no row of %s", metric)
	return Row{}
}
