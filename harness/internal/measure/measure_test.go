package measure

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/train"
	"flowharness/metrics"
)

const tiny = `
name: tiny
data: {name: digits}
model: {block_out_channels: [8, 8], layers_per_block: 1, norm_num_groups: 4, attention_head_dim: 4}
train: {batch_size: 8, steps: 1}
sampling: {samplers: [euler], steps: [2], guidance: [2]}
metrics: {images: 250}
`

func TestAnUntrainedModelIsMeasured(t *testing.T) {
	o := options(t)
	first, second := run(t, o), run(t, o)
	if len(first) != 1 {
		t.Fatalf("measured %d samplings, want 1", len(first))
	}
	r := first[0]
	if r.NFE != 4 || r.Images != 250 || len(r.Correct) != 250 || r.Seconds <= 0 || r.Dataset != "digits" || len(r.Classifier) != 64 {
		t.Errorf("the result is %+v", r)
	}
	if accuracy := value(t, r.Values, "accuracy"); accuracy > 0.4 {
		t.Errorf("an untrained model has accuracy %v", accuracy)
	}
	for _, name := range []string{"accuracy/0", "fd_digits_cnn", "kid_digits_cnn", "precision", "recall", "density", "coverage",
		"straightness", "path_ratio"} {
		value(t, r.Values, name)
	}
	// The same model is measured the same, to the bit.
	if diff := cmp.Diff(first[0].Values, second[0].Values, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("measured again: %s", diff)
	}
	if !slices.Equal(first[0].Correct, second[0].Correct) {
		t.Error("measured again, other images are read correctly")
	}
}

func TestMeasuringStopsWhenToldTo(t *testing.T) {
	o := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.Observe = func(string, int, int) { cancel() }
	o.Record = func(context.Context, Result) error { t.Error("half a measurement is recorded"); return nil }
	if err := open(t, o).Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestADatasetWithoutAClassifierIsRefused(t *testing.T) {
	t.Setenv("HARNESS_CLASSIFIER_DIR", t.TempDir())
	if _, err := Open(t.Context(), openBackend(t), config.Data{Name: "kmnist"},
		nil); err == nil || !strings.Contains(err.Error(), "harness metrics fit kmnist") {
		t.Errorf("error %v does not say what to type", err)
	}
}

// TestAnchorsAreTheBestAndTheWorst is also a test of the shipped classifier.
func TestAnchorsAreTheBestAndTheWorst(t *testing.T) {
	o := options(t)
	anchors, err := open(t, o).Anchors(t.Context(), o.Config.Data, 500)
	if err != nil {
		t.Fatal(err)
	}
	for name, bounds := range map[string][2]float64{"accuracy": {0.97, 0.3}, "precision": {0.7, 0.1}, "coverage": {0.7, 0.1}} {
		if real, noise := value(t, anchors.Train, name), value(t, anchors.Noise, name); real < bounds[0] || noise > bounds[1] {
			t.Errorf("%s is %v of real images, %v of noise", name, real, noise)
		}
	}
	if real, noise := value(t, anchors.Train, "fd_digits_cnn"), value(t, anchors.Noise, "fd_digits_cnn"); real*20 > noise {
		t.Errorf("the distance is %v of real images, %v of noise", real, noise)
	}
}

func options(t *testing.T) Options {
	t.Helper()
	resolved, err := config.Parse("tiny.yaml", []byte(tiny), nil)
	if err != nil {
		t.Fatal(err)
	}
	model, err := resolved.Config.Network()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Config: resolved.Config, Weights: train.InitialWeights(model, 0)}
}

func run(t *testing.T, o Options) (results []Result) {
	t.Helper()
	o.Record = func(_ context.Context, r Result) error {
		results = append(results, r)
		return nil
	}
	if err := open(t, o).Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return results
}

func open(t *testing.T, o Options) *Tools {
	t.Helper()
	b := openBackend(t)
	gen, err := train.NewGenerator(b, o.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gen.Finalize)
	tools, err := Open(t.Context(), b, o.Config.Data, gen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tools.Close)
	return tools
}

func openBackend(t *testing.T) compute.Backend {
	t.Helper()
	b, err := backend.Open(backend.Options{Name: backend.XLACPU})
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no XLA here (make plugin installs it): %v", err)
	}
	t.Cleanup(b.Finalize)
	return b.Backend
}

func value(t *testing.T, values []metrics.Value, name string) float64 {
	t.Helper()
	i := slices.IndexFunc(values, func(v metrics.Value) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s among %v", name, values)
	}
	return values[i].Value
}
