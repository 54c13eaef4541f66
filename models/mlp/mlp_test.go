package mlp_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/mlp"
	"flowharness/models/modelstest"
	_ "flowharness/models/networks"
)

// reference is what testdata/reference.py has computed.
type reference struct {
	mlp.Options
	Output   []float64            `json:"output"`
	Loss     float64              `json:"loss"`
	Gradient map[string][]float64 `json:"gradient"`
}

// data is of no special shape: a sample is its values, whatever their places.
var data = models.Data{Name: "points", Height: 1, Width: 3, Channels: 2, Classes: 10}

func TestOutputAndGradientAreThoseOfTheReference(t *testing.T) {
	ref := readReference(t)
	for _, backend := range []string{"go", "xla:cpu"} {
		t.Run(backend, func(t *testing.T) {
			m := mlp.New(ref.Options, data, models.Float32)
			output, loss, gradient := modelstest.Differentiate(t, backend, m, data, modelstest.FormulaWeights(m.Layout(), 0.5), []int32{0, 3, 10})
			within(t, "output", output, ref.Output, 1e-5)
			within(t, "loss", []float32{loss}, []float64{ref.Loss}, 1e-5)
			for _, p := range m.Layout().Entries() {
				want, ok := ref.Gradient[p.Name]
				if !ok {
					t.Errorf("the reference has no %s", p.Name)
				}
				within(t, "gradient of "+p.Name, gradient[p.Offset:p.Offset+p.Size()], want, 1e-5)
			}
			if n := len(m.Layout().Entries()); n != len(ref.Gradient) {
				t.Errorf("there are %d parameters, the reference has %d", n, len(ref.Gradient))
			}
		})
	}
}

func TestHalfPrecisionIsCloseToFloat32(t *testing.T) {
	ref := readReference(t)
	m := mlp.New(ref.Options, data, models.BFloat16)
	output, _, gradient := modelstest.Differentiate(t, "go", m, data, modelstest.FormulaWeights(m.Layout(), 0.5), []int32{0, 3, 10})
	within(t, "output", output, ref.Output, 0.05)
	if exact := slices.ContainsFunc(output, func(v float32) bool {
		return math.Abs(float64(v)-ref.Output[slices.Index(output,
			v)]) > 1e-4
	}); !exact {
		t.Error("nothing was rounded to bfloat16")
	}
	if len(gradient) != m.Layout().Size() {
		t.Errorf("the gradient has %d values", len(gradient))
	}
}

func TestWithoutClassesLabelsDoNotMatter(t *testing.T) {
	c := models.NewConfig("mlp")
	if !c.TakesClasses() {
		t.Error("the default network takes no classes")
	}
	c = c.With("class_embed_dim", 0)
	if c.TakesClasses() {
		t.Error("a network without an embedding of classes takes classes")
	}
	m, err := models.New(c, data, models.Float32)
	if err != nil {
		t.Fatal(err)
	}
	flat := m.Init(func(string) *rand.Rand { return rand.New(rand.NewPCG(1, 2)) })
	exec, err := NewExec(modelstest.OpenBackend(t, "go"), func(flat, x, timestep, labels *Node) *Node {
		return m.Forward(m.Layout().Split(flat), x, timestep, labels)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	x := tensors.FromFlatDataAndDimensions(make([]float32, 12), 2, 1, 3, 2)
	out, err := exec.Call1(flat, x, []float32{5, 5}, []int32{0, 3})
	if err != nil {
		t.Fatal(err)
	}
	if y := tensors.MustCopyFlatData[float32](out); !slices.Equal(y[:6], y[6:]) {
		t.Errorf("two classes give %v and %v", y[:6], y[6:])
	}
}

func TestOddEmbeddingsAreRefused(t *testing.T) {
	for _, key := range []string{"time_embed_dim", "class_embed_dim"} {
		_, err := models.New(models.NewConfig("mlp").With(key, 5), data, models.Float32)
		if want := key + ": 5 is odd"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

func readReference(t *testing.T) (ref reference) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err == nil {
		err = json.Unmarshal(text, &ref)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func within(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d values, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tolerance*max(1, math.Abs(want[i]))) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}
