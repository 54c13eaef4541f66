package web_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// trial is a run to be recorded for a comparison.
type trial struct {
	name     string
	seed     uint64
	config   string // YAML below train
	steps    int
	accuracy float64
	grids    []int // steps at which a grid was drawn
	status   record.Status
	notes    string
}

// addTrial records a run as training would.
func addTrial(t testing.TB, st *store.Store, k trial) *store.Run {
	t.Helper()
	ctx := t.Context()
	if k.status == "" {
		k.status = record.StatusFinished
	}
	run, err := st.CreateRun(ctx, store.NewRun{Name: k.name, Seed: k.seed, Process: "flow_match", Dataset: "digits", Notes: k.notes,
		ConfigHash: fmt.Sprint(k.name, k.seed), ResolvedYAML: fmt.Sprintf("name: %q\nseed: %d\nprocess: {name: flow_match}\ntrain:\n  %s\n",
			k.name, k.seed, k.config),
		Environment: map[string]any{"machine": map[string]any{"hostname": "box"}}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for step := 1; step <= k.steps; step++ {
		w.Point("train/loss", step, 0.2+1/float64(step+int(k.seed)))
		w.Phase("step", step, 10*time.Millisecond)
		w.Progress(step, k.steps)
	}
	for i, step := range k.grids {
		d := record.Drawing{Sampler: "euler", SamplerJSON: `{"name":"euler"}`, Steps: 10, Guidance: 2, NFE: 20, Images: 4, Step: step, Seconds: 1}
		if err := w.Sample(ctx, store.SampleRecord{Drawing: d, PNG: shadedGrid(t, int(k.seed)*50+10*i+len(k.config))}); err != nil {
			t.Fatal(err)
		}
	}
	if k.accuracy > 0 {
		for _, n := range []int{10, 50} {
			d := record.Drawing{Sampler: "euler", SamplerJSON: `{"name":"euler"}`, Steps: n, Guidance: 2, NFE: 2 * n, Images: 100, Step: k.steps,
				Seconds: 1}
			value := k.accuracy + 0.01*float64(k.seed) + 0.0001*float64(n) + 0.002*math.Sin(float64(k.seed)*float64(len(k.config)))
			if err := st.AddEvaluation(ctx, run.ID, store.EvaluationRecord{Drawing: d, Dataset: "digits", Classifier: "c",
				Metrics: []store.Metric{{Name: "accuracy", Value: value, StdErr: math.NaN()},
					{Name: "fd_digits_cnn", Value: 2 - value, StdErr: math.NaN()}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if k.status == record.StatusRunning {
		if err := w.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Finish(t.Context(), record.StatusFinished, "") })
	} else if err := w.Finish(ctx, k.status, "it was stopped"); err != nil {
		t.Fatal(err)
	}
	run, err = st.Run(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func shadedGrid(t testing.TB, shade int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 64, 32))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*3 + shade)
	}
	img.SetGray(0, 0, color.Gray{Y: 255})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// twoGroups are two variants of so many seeds, the second a little better.
func twoGroups(t testing.TB, st *store.Store, seeds, steps int) (runs []*store.Run) {
	t.Helper()
	for _, k := range []trial{{name: "slow", config: "lr: 0.001", accuracy: 0.5}, {name: "quick", config: "lr: 0.0123", accuracy: 0.6}} {
		for seed := range seeds {
			k.seed, k.steps, k.grids = uint64(seed), steps, []int{steps / 4, steps / 2, steps}
			runs = append(runs, addTrial(t, st, k))
		}
	}
	return runs
}

// visit is the answer to a request for a page.
func visit(t testing.TB, address string) (status int, body string, header http.Header) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}
