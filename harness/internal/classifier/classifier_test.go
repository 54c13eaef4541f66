package classifier

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/plugin/plugintest"
	"flowharness/harness/internal/random"
	"flowharness/metrics/classifier"
	"flowharness/models/safetensors"
)

// open reads a split; the test is skipped where the shared reference material
// is absent, and fails then under CI=true.
func open(t testing.TB, name, split string, limit int) *dataset.Dataset {
	t.Helper()
	shared := os.Getenv("HARNESS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	d, err := dataset.Open(context.Background(), dataset.Options{Name: name, Dir: shared, Split: split, Limit: limit})
	if err != nil && os.Getenv("CI") != "true" && name != "digits" {
		t.Skipf("the shared reference material is absent (set HARNESS_SHARED): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newClassifier(t *testing.T, b compute.Backend, name string, flip bool) *Classifier {
	t.Helper()
	w, err := Load(name, flip)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(b, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Finalize)
	return c
}

func TestShippedClassifiersReadTheTestSplit(t *testing.T) {
	b := plugintest.Open(t, "xla:cpu")
	for _, tc := range []struct {
		dataset        string
		flip           bool
		limit          int // drawing digits takes a while
		upright, other float64
	}{
		{"mnist", false, 0, 0.99, 0},
		{"mnist", true, 0, 0.98, 0.98},
		{"digits", false, 2000, 0.99, 0},
		{"digits", true, 2000, 0.98, 0.98},
	} {
		name := strings.TrimSuffix(fileName(tc.dataset, tc.flip), ".safetensors")
		t.Run(name, func(t *testing.T) {
			data := open(t, tc.dataset, "test", tc.limit)
			c := newClassifier(t, b, tc.dataset, tc.flip)
			if c.Weights.Source != Shipped || len(c.Weights.SHA256) != 64 {
				t.Errorf("source %q, sha256 %q", c.Weights.Source, c.Weights.SHA256)
			}
			if size := len(c.Weights.File()); size > 250_000 {
				t.Errorf("the file has %d bytes", size)
			}
			upright, err := accuracy(c.reader, data, false)
			if err != nil {
				t.Fatal(err)
			}
			if upright < tc.upright {
				t.Errorf("reads %.4f of the images right, want %.4f", upright, tc.upright)
			}
			// On another machine an image or two may be read otherwise.
			if tc.limit == 0 && (upright < c.Weights.Accuracy-0.0005 || upright > c.Weights.Accuracy+0.0005) {
				t.Errorf("reads %.4f of the images right, its metadata says %.4f", upright, c.Weights.Accuracy)
			}
			if !tc.flip {
				return
			}
			mirrored, err := accuracy(c.reader, data, true)
			if err != nil || mirrored < tc.other {
				t.Errorf("reads %.4f of the mirror images right, want %.4f (%v)", mirrored, tc.other, err)
			}
		})
	}
}

// fit trains a small classifier on digits: 20 steps an epoch.
func fit(t *testing.T, b compute.Backend, epochs int, flip bool) *Weights {
	t.Helper()
	w, err := Fit(context.Background(), FitOptions{Backend: b, Train: open(t, "digits", "train", 20*batchSize),
		Test: open(t, "digits", "test", 500), Flip: flip, Epochs: epochs, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAShortFitLearnsDigits(t *testing.T) {
	w := fit(t, plugintest.Open(t, "xla:cpu"), 4, false)
	if w.Accuracy < 0.85 {
		t.Errorf("80 steps reach an accuracy of %.3f, want 0.85", w.Accuracy)
	}
	again, err := decode(w.File())
	if err != nil {
		t.Fatal(err)
	}
	if again.SHA256 != w.SHA256 || again.Accuracy != w.Accuracy || again.Epochs != 4 || again.Seed != 5 || again.Fingerprint == "" {
		t.Errorf("read back %+v", again)
	}
	for i, v := range w.flat {
		if again.flat[i] != v {
			t.Fatalf("weight %d is measured as %g and read back as %g", i, v, again.flat[i])
		}
	}
}

func TestTwoFitsAreEqualToTheBit(t *testing.T) {
	b := plugintest.Open(t, "xla:cpu")
	first, second := fit(t, b, 1, true), fit(t, b, 1, true)
	if first.SHA256 != second.SHA256 {
		t.Errorf("two fits of one seed are %s and %s", first.SHA256, second.SHA256)
	}
	if upright := fit(t, b, 1, false); upright.SHA256 == first.SHA256 {
		t.Error("flip makes no difference")
	}
}

func TestFitStopsWhenAsked(t *testing.T) {
	b := plugintest.Open(t, "go")
	ctx, cancel := context.WithCancel(context.Background())
	data := open(t, "digits", "train", batchSize)
	steps := 0
	w, err := Fit(ctx, FitOptions{Backend: b, Train: data, Test: data, Epochs: 100, Observe: func(FitEvent) { steps++; cancel() }})
	if w != nil || !errors.Is(err, context.Canceled) || steps != 1 {
		t.Errorf("after %d steps: %v, %v", steps, w, err)
	}
}

func TestFitRefuses(t *testing.T) {
	good := open(t, "digits", "train", batchSize)
	small := *good
	small.Height, small.Width = 14, 56
	for _, tc := range []struct {
		name    string
		options FitOptions
		want    string
	}{
		{"images of another size", FitOptions{Train: &small, Test: good, Epochs: 1}, "both must be splits of one dataset"},
		{"no epochs", FitOptions{Train: good, Test: good}, "at least 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Fit(context.Background(), tc.options); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestLearningRateRisesAndFallsToNothing(t *testing.T) {
	const steps = 1000
	if learningRate(1, steps) != peakLR/warmupSteps || learningRate(warmupSteps, steps) != peakLR {
		t.Errorf("it begins with %g and is %g after the warm-up", learningRate(1, steps), learningRate(warmupSteps, steps))
	}
	for n := warmupSteps + 1; n <= steps; n++ {
		if lr := learningRate(n, steps); lr <= 0 || lr >= learningRate(n-1, steps) {
			t.Errorf("update %d has %g", n, lr)
		}
	}
	if lr := learningRate(1, 1); lr <= 0 || lr > peakLR {
		t.Errorf("a single update has %g", lr)
	}
}

func TestShiftMovesOntoBackground(t *testing.T) {
	src, dst := make([]float32, 28*28), make([]float32, 28*28)
	src[5*28+27] = 1
	shift(dst, src, dataset.Spec{Height: 28, Width: 28, Channels: 1}, -2, 1)
	for i, v := range dst {
		want := float32(0)
		switch {
		case i == 6*28+25:
			want = 1
		case i < 28 || i%28 >= 26:
			want = -1
		}
		if v != want {
			t.Fatalf("pixel (%d, %d) is %g, want %g", i%28, i/28, v, want)
		}
	}
}

func TestShiftKeepsChannelsTogether(t *testing.T) {
	src, dst := []float32{1, 2, 3, 4, 5, 6}, make([]float32, 6) // 1×2 of three channels
	shift(dst, src, dataset.Spec{Height: 1, Width: 2, Channels: 3}, 1, 0)
	if want := []float32{-1, -1, -1, 1, 2, 3}; !slices.Equal(dst, want) {
		t.Errorf("moved right by one: %v, want %v", dst, want)
	}
}

func TestDatasetsWithoutAClassifierSayWhatToType(t *testing.T) {
	t.Setenv(DirEnv, t.TempDir())
	for _, tc := range []struct {
		dataset string
		flip    bool
		want    string
	}{
		{"fashion_mnist", false, "type: harness metrics fit fashion_mnist"},
		{"kmnist", true, "type: harness metrics fit kmnist --flip"},
		{"no_such", false, `unknown dataset "no_such"; use one of:`},
	} {
		_, err := Load(tc.dataset, tc.flip)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.dataset, err, tc.want)
		}
		var missing *NotFoundError
		if errors.As(err, &missing) != (tc.dataset != "no_such") {
			t.Errorf("%s: the error is a %T", tc.dataset, err)
		}
	}
}

// userFile writes a classifier of random weights where Load looks for one.
func userFile(t *testing.T, change func(*Weights)) string {
	t.Helper()
	t.Setenv(DirEnv, t.TempDir())
	shape := classifier.Shape{Height: 28, Width: 28, Channels: 1, Classes: 10}
	w := &Weights{Dataset: "kmnist", Accuracy: 0.5, Epochs: 1, shape: shape,
		flat: shape.Init(func(name string) *rand.Rand { return random.New(1, name, 0) })}
	if change != nil {
		change(w)
	}
	if err := w.seal(); err != nil {
		t.Fatal(err)
	}
	path := Path("kmnist", false)
	if err := os.WriteFile(path, w.File(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAUsersClassifierIsFound(t *testing.T) {
	path := userFile(t, nil)
	w, err := Load("kmnist", false)
	if err != nil {
		t.Fatal(err)
	}
	if w.Source != path || w.Accuracy != 0.5 || w.Dataset != "kmnist" {
		t.Errorf("%+v", w)
	}
	found, problems := Available()
	if len(problems) > 0 || found[len(found)-1].Source != path {
		t.Errorf("available: %d, problems %v", len(found), problems)
	}
}

func TestAUsersClassifierThatIsNoneIsRefused(t *testing.T) {
	rewrite := func(t *testing.T, path string, change func(map[string]safetensors.Tensor, map[string]string)) {
		t.Helper()
		dict, meta, err := safetensors.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		change(dict, meta)
		if err := safetensors.Write(path, dict, meta); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T) (path string)
		want  string
	}{
		{"of another dataset", func(t *testing.T) string { return userFile(t, func(w *Weights) { w.Dataset = "mnist" }) },
			"trained for dataset mnist, flip false"},
		{"of another flip", func(t *testing.T) string { return userFile(t, func(w *Weights) { w.Flip = true }) }, "flip true"},
		{"with a NaN", func(t *testing.T) string { return userFile(t, func(w *Weights) { w.flat[3] = float32(nan()) }) }, "not finite"},
		{"truncated", func(t *testing.T) string {
			path := userFile(t, nil)
			if err := os.Truncate(path, 1000); err != nil {
				t.Fatal(err)
			}
			return path
		}, "truncated"},
		{"empty", func(t *testing.T) string {
			path := userFile(t, nil)
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			return path
		}, "not a safetensors file"},
		{"of another network", func(t *testing.T) string {
			path := userFile(t, nil)
			rewrite(t, path, func(dict map[string]safetensors.Tensor, _ map[string]string) { delete(dict, "fc1.bias") })
			return path
		}, "parameter fc1.bias"},
		{"with more layers", func(t *testing.T) string {
			path := userFile(t, nil)
			rewrite(t, path, func(dict map[string]safetensors.Tensor, _ map[string]string) { dict["fc3.bias"] = dict["fc1.bias"] })
			return path
		}, "13 tensors"},
		{"without metadata", func(t *testing.T) string {
			path := userFile(t, nil)
			rewrite(t, path, func(_ map[string]safetensors.Tensor, meta map[string]string) { delete(meta, metaAccuracy) })
			return path
		}, "metadata is incomplete"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := tc.spoil(t)
			_, err := Load("kmnist", false)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one with %q and the path", err, tc.want)
			}
			if _, problems := Available(); len(problems) != 1 {
				t.Errorf("the list has the problems %v", problems)
			}
		})
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestImagesAreScaledAndMirrored(t *testing.T) {
	d := &dataset.Dataset{N: 2, Spec: dataset.Spec{Height: 1, Width: 3, Channels: 1}, Images: []uint8{0, 51, 255, 255, 0, 0}}
	got := Images(d, 0, 2, func(i int) bool { return i == 1 })
	for i, want := range []float32{-1, -0.6, 1, -1, -1, 1} {
		if diff := got[i] - want; diff > 1e-6 || diff < -1e-6 {
			t.Errorf("pixel %d is %g, want %g", i, got[i], want)
		}
	}
}
