package unet_test

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/modelstest"
	"flowharness/models/unet"
)

// TestHalfPrecisionIsCloseToFloat32 compares output and gradient of a network in
// bfloat16 with those in float32. Bfloat16 rounds by up to 2^-9 of a value; GroupNorm
// takes the mean away, so that what it rounded becomes larger beside what is left.
// These initial weights give 2% and 4%, others 1%.
func TestHalfPrecisionIsCloseToFloat32(t *testing.T) {
	m := small(models.Float32)
	rng, layout := rand.New(rand.NewPCG(1, 2)), m.Layout()
	flat := m.Init(func(string) *rand.Rand { return rng })
	for _, backend := range []string{"go", "xla:cpu"} {
		t.Run(backend, func(t *testing.T) {
			b, x := modelstest.OpenBackend(t, backend), modelstest.Normal(rand.New(rand.NewPCG(3, 4)), 3, 8, 8, 1)
			var outputs, gradient [2][]float32
			for i, p := range []models.Precision{models.Float32, models.BFloat16} {
				m := small(p)
				exec, err := NewExec(b, func(flat, x, timestep, labels *Node) []*Node {
					params := layout.Split(flat)
					out := m.Forward(params, x, timestep, labels)
					return []*Node{out, layout.Concat(gradients(ReduceAllMean(Square(out)), layout, params))}
				})
				if err != nil {
					t.Fatal(err)
				}
				defer exec.Finalize()
				out, err := exec.Call(flat, x, []float32{0, 17.5, 999}, []int32{0, 3, 10})
				if err != nil {
					t.Fatal(err)
				}
				outputs[i], gradient[i] = tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
			}
			for _, v := range []struct {
				what      string
				got, want []float32
				tolerance float64
			}{{"output", outputs[1], outputs[0], 1.0 / 32}, {"gradient", gradient[1], gradient[0], 1.0 / 16}} {
				d := relative(v.got, v.want)
				if !(d < v.tolerance) || d == 0 {
					t.Errorf("%s: the relative distance is %.3g, allowed is more than 0 and less than %.3g", v.what, d, v.tolerance)
				}
				t.Logf("%s: relative distance %.3g", v.what, d)
			}
		})
	}
}

// relative is the distance of two vectors, relative to the length of the second.
func relative(got, want []float32) float64 {
	var distance, length float64
	for i := range want {
		d := float64(got[i] - want[i])
		distance += d * d
		length += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(distance / length)
}

// TestFloat32HasNoConversions holds the graph of a float32 network, and that of its
// gradient, to what it would be if there were no other precision.
func TestFloat32HasNoConversions(t *testing.T) {
	for _, p := range []models.Precision{"", models.Float32} {
		_, whole := graphs(t, p)
		if strings.Contains(whole, "BFloat16") || strings.Contains(whole, "ConvertDType") {
			t.Errorf("precision %q: the graph has conversions", p)
		}
	}
}

// TestHalfPrecisionIsUsedWhereItShouldBe reads the graph of a network in bfloat16
// and of its gradient: the gradient of a layer is in the precision of the layer, and
// no sum is bfloat16 but that of four pixels which were one.
func TestHalfPrecisionIsUsedWhereItShouldBe(t *testing.T) {
	forward, whole := graphs(t, models.BFloat16)
	count := func(graph, pattern string) int { return len(regexp.MustCompile(pattern).FindAllString(graph, -1)) }
	if n := count(whole, `ConvGeneral\(.*-> \[\(Float32\)`); n > 0 {
		t.Errorf("%d convolutions are float32", n)
	}
	const half = `DotGeneral\(.*-> \[\(BFloat16\)`
	// Each has a gradient by its input and one by its weights.
	if layers, n := count(forward, half), count(whole, half); layers == 0 || n != 3*layers {
		t.Errorf("%d products are bfloat16 in %d layers, forward and backward", n, layers)
	}
	const sums, pooled = `ReduceSum\(.*-> \[\(BFloat16\)`, `ReduceSum\(.*axes=\[2 4\]\) -> \[\(BFloat16\)`
	if n, allowed := count(whole, sums), count(whole, pooled); n != allowed || n != 2 {
		t.Errorf("%d sums are bfloat16, %d of them over four pixels; want the 2 of upsampling", n, allowed)
	}
}

// graphs are the texts of a network's graph, without and with its gradient.
func graphs(t *testing.T, p models.Precision) (forward, whole string) {
	t.Helper()
	m := unet.New(defaults(), p)
	g := NewGraph(modelstest.OpenBackend(t, "go"), "precision")
	defer g.Finalize()
	input := func(dtype dtypes.DType, dims ...int) *Node { return Parameter(g, "", shapes.Make(dtype, dims...)) }
	params := m.Layout().Split(input(dtypes.Float32, m.Layout().Size()))
	out := m.Forward(params, input(dtypes.Float32, 2, 28, 28, 1), input(dtypes.Float32, 2), input(dtypes.Int32, 2))
	if out.DType() != dtypes.Float32 {
		t.Errorf("precision %q: the output is %v", p, out.DType())
	}
	forward = g.String()
	for name, grad := range gradients(ReduceAllMean(Square(out)), m.Layout(), params) {
		if grad.DType() != dtypes.Float32 {
			t.Errorf("precision %q: the gradient of %s is %v", p, name, grad.DType())
		}
	}
	return forward, g.String()
}

func TestUnknownPrecisionIsRefused(t *testing.T) {
	const want = `unknown precision "float16"; use one of: float32, bfloat16`
	if _, err := models.New(models.NewConfig(""), mnist, "float16"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want one with %q", err, want)
	}
}
