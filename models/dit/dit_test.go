package dit_test

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"flowharness/models"
	"flowharness/models/dit"
	"flowharness/models/modelstest"
	_ "flowharness/models/networks"
	"flowharness/models/safetensors"
)

// data is that of testdata/reference.py.
var data = models.Data{Name: "flags", Height: 6, Width: 6, Channels: 2, Classes: 3}

func TestOutputAndGradientAreThoseOfTheReference(t *testing.T) {
	options, want := readReference(t)
	for _, backend := range []string{"go", "xla:cpu"} {
		t.Run(backend, func(t *testing.T) {
			m := dit.New(options, data, models.Float32)
			output, loss, gradient := modelstest.Differentiate(t, backend, m, data, modelstest.FormulaWeights(m.Layout(), 0.3), []int32{0, 1, 3})
			modelstest.WantClose(t, "output", output, want["output"].Data, 1e-5)
			modelstest.WantClose(t, "loss", []float32{loss}, want["loss"].Data, 1e-5)
			for _, p := range m.Layout().Entries() {
				ref, ok := want["grad."+p.Name]
				if !ok || !slices.Equal(ref.Shape, p.Shape) {
					t.Errorf("%s %v: the reference has %v", p.Name, p.Shape, ref.Shape)
				}
				got := gradient[p.Offset : p.Offset+p.Size()]
				modelstest.WantClose(t, "gradient of "+p.Name, got, ref.Data, 1e-4*max(modelstest.MaxAbs(ref.Data), 1e-3))
			}
			if n := len(m.Layout().Entries()); n != len(want)-3 {
				t.Errorf("there are %d parameters, the reference has %d", n, len(want)-3)
			}
		})
	}
}

func TestPositionsAreThoseOfTheReference(t *testing.T) {
	options, want := readReference(t)
	got := dit.New(options, data, models.Float32).Layout().Constants()["pos_embed"]
	if ref := want["pos_embed"]; !slices.Equal(got.Shape, ref.Shape) {
		t.Errorf("the shape is %v, want %v", got.Shape, ref.Shape)
	}
	modelstest.WantClose(t, "pos_embed", got.Data, want["pos_embed"].Data, 1e-6)
}

func TestHalfPrecisionIsCloseToFloat32(t *testing.T) {
	options, want := readReference(t)
	m := dit.New(options, data, models.BFloat16)
	output, _, gradient := modelstest.Differentiate(t, "go", m, data, modelstest.FormulaWeights(m.Layout(), 0.3), []int32{0, 1, 3})
	ref := want["output"].Data
	modelstest.WantClose(t, "output", output, ref, 0.03*modelstest.MaxAbs(ref))
	var far float64
	for i := range ref {
		far = max(far, math.Abs(float64(output[i]-ref[i])))
	}
	if far < 1e-4 {
		t.Error("nothing was rounded to bfloat16")
	}
	if len(gradient) != m.Layout().Size() {
		t.Errorf("the gradient has %d values", len(gradient))
	}
}

// TestItBeginsWithZero: adaLN-Zero begins with a prediction of zero that is not stuck there.
func TestItBeginsWithZero(t *testing.T) {
	options, _ := readReference(t)
	m := dit.New(options, data, models.Float32)
	rng := rand.New(rand.NewPCG(1, 2))
	output, _, _ := modelstest.Differentiate(t, "go", m, data, m.Init(func(string) *rand.Rand { return rng }), []int32{0, 1, 3})
	if modelstest.MaxAbs(output) != 0 {
		t.Errorf("the first prediction is %v", output)
	}
}

func TestSizesAreThoseOfThePaper(t *testing.T) {
	// In millions, table 1; for latents of 32×32 and 1000 classes.
	imagenet := models.Data{Name: "imagenet", Height: 32, Width: 32, Channels: 4, Classes: 1000}
	for preset, want := range map[string]int{"S": 33, "B": 130, "L": 458, "XL": 675} {
		m, err := models.New(models.NewConfig("dit").With("preset", preset), imagenet, models.Float32)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Layout().Size(); (got+500_000)/1_000_000 != want {
			t.Errorf("preset %s has %d parameters, want %d million", preset, got, want)
		}
	}
}

func TestWithoutClassesLabelsDoNotMatter(t *testing.T) {
	unlabelled := data
	unlabelled.Classes = 0
	for name, c := range map[string]struct {
		config models.Config
		data   models.Data
	}{
		"said so":              {models.NewConfig("dit").With("class_conditional", false), data},
		"none are in the data": {models.NewConfig("dit"), unlabelled},
	} {
		c.config = c.config.With("hidden_size", 8).With("num_heads", 2).With("depth", 1)
		c.config.SetDefaults(c.data)
		if c.config.TakesClasses() {
			t.Errorf("%s: the network takes classes", name)
		}
		m, err := models.New(c.config, c.data, models.Float32)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Layout().Entries() {
			if strings.HasPrefix(p.Name, "y_embedder") {
				t.Errorf("%s: there is %s", name, p.Name)
			}
		}
		flat := modelstest.FormulaWeights(m.Layout(), 0.3)
		first, _, _ := modelstest.Differentiate(t, "go", m, data, flat, []int32{0, 1, 3})
		second, _, _ := modelstest.Differentiate(t, "go", m, data, flat, []int32{1, 2, 0})
		if !slices.Equal(first, second) {
			t.Errorf("%s: the labels change the prediction", name)
		}
	}
}

func TestOptionsThatDoNotFitAreRefused(t *testing.T) {
	for _, tc := range []struct {
		key   string
		value any
		want  string
	}{
		{"patch_size", 4, "patch_size: 4 does not divide the images of dataset flags, which are 6×6; use one of: 1, 2, 3, 6"},
		{"patch_size", 12, "patch_size: 12 does not divide"},
		{"patch_size", 0, "patch_size: must be at least 1, is 0"},
		{"num_heads", 5, "num_heads: 5 does not divide hidden_size 128"},
		{"num_heads", -1, "num_heads: must be at least 1, is -1"},
		{"hidden_size", 18, "hidden_size: 18 is not a multiple of 4"},
		{"hidden_size", -4, "hidden_size: must be at least 1, is -4"},
		{"depth", -1, "depth: must be at least 1, is -1"},
		{"mlp_ratio", 0.001, "mlp_ratio: 0.001 leaves a perceptron 128 wide no hidden values"},
		{"preset", "M", `preset: must be one of tiny, S, B, L, XL, got "M"`},
	} {
		_, err := models.New(models.NewConfig("dit").With(tc.key, tc.value), data, models.Float32)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %v: error is %v, want one with %q", tc.key, tc.value, err, tc.want)
		}
	}
}

// TestWeightsAreAStateDictOfPyTorch: what the authors' code saves can be read, the positions among it, unless they are others.
func TestWeightsAreAStateDictOfPyTorch(t *testing.T) {
	options, _ := readReference(t)
	layout := dit.New(options, data, models.Float32).Layout()
	flat := modelstest.FormulaWeights(layout, 0.3)
	dict := layout.StateDict(flat)
	maps.Copy(dict, layout.Constants())
	got, err := layout.Flatten(dict)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, flat) {
		t.Error("the weights have changed")
	}
	for what, other := range map[string]safetensors.Tensor{
		"other values":  {Shape: []int{1, 9, 8}, Data: make([]float32, 72)},
		"another shape": {Shape: []int{1, 4, 8}, Data: make([]float32, 32)},
	} {
		dict["pos_embed"] = other
		if _, err := layout.Flatten(dict); err == nil || !strings.Contains(err.Error(), "pos_embed [1 ") {
			t.Errorf("%s: the error is %v", what, err)
		}
	}
}

func readReference(t *testing.T) (dit.Options, map[string]safetensors.Tensor) {
	t.Helper()
	values, meta, err := safetensors.Read("testdata/reference.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	options := dit.Registration.Options
	if err := json.Unmarshal([]byte(meta["options"]), &options); err != nil {
		t.Fatal(err)
	}
	return options, values
}
