package nn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models/modelstest"
	"flowharness/models/nn"
)

// drop applies two layers of dropout to ones [len(keys),rows,columns], and returns them and the gradient of the sum of
// the first.
func drop(t *testing.T, backend string, rate float64, keys [][]uint32, rows, columns int) (first, second, gradient []float32) {
	t.Helper()
	ones := make([]float32, len(keys)*rows*columns)
	for i := range ones {
		ones[i] = 1
	}
	exec, err := NewExec(modelstest.OpenBackend(t, backend), func(x, keys *Node) []*Node {
		d := nn.NewDropout(rate, keys)
		a, b := d.Apply(x), d.Apply(x)
		return []*Node{a, b, Gradient(ReduceAllSum(a), x)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(ones, len(keys), rows, columns), keys)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
}

func TestDropoutFollowsFromTheKeyAlone(t *testing.T) {
	const rate, rows, columns = 0.25, 40, 50
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([][]uint32, 8)
	for i := range keys {
		keys[i] = []uint32{rng.Uint32(), rng.Uint32()}
	}
	keys[7] = []uint32{keys[6][0], keys[6][1] ^ 1}
	const n = rows * columns
	var of [2][]float32
	for i, backend := range []string{"go", "xla:cpu"} {
		first, second, gradient := drop(t, backend, rate, keys, rows, columns)
		of[i] = first
		if !slices.Equal(first, gradient) {
			t.Errorf("%s: the gradient of a sum of ones is not what they are multiplied with", backend)
		}
		if slices.Equal(first, second) {
			t.Errorf("%s: two layers leave out the same", backend)
		}
		left, alike := 0, make([]int, len(keys))
		for j, v := range first {
			switch v {
			case 0:
				left++
			case float32(1 / 0.75):
			default:
				t.Fatalf("%s: a one has become %v", backend, v)
			}
			if other := (j + n) % len(first); v == first[other] {
				alike[j/n]++
			}
		}
		// The number left out of 16,000 deviates by 55; that of equal places of two independent masks, 0.625 of 2,000, by 22.
		if d := float64(left) - rate*float64(len(first)); math.Abs(d) > 5*55 {
			t.Errorf("%s: %d of %d values are left out, with probability %g", backend, left, len(first), rate)
		}
		for k, same := range alike {
			if math.Abs(float64(same)-0.625*n) > 5*22 {
				t.Errorf("%s: samples %d and %d agree in %d of %d places", backend, k, (k+1)%len(keys), same, n)
			}
		}
		alone, _, _ := drop(t, backend, rate, keys[3:4], rows, columns)
		if !slices.Equal(alone, first[3*n:4*n]) {
			t.Errorf("%s: a sample by itself loses other values than among others", backend)
		}
	}
	if !slices.Equal(of[0], of[1]) {
		t.Error("the backends leave out other values")
	}
}

func TestNoDropoutChangesNothing(t *testing.T) {
	first, _, _ := drop(t, "go", 0, [][]uint32{{1, 2}}, 3, 4)
	if slices.ContainsFunc(first, func(v float32) bool { return v != 1 }) {
		t.Errorf("without dropout ones become %v", first)
	}
}
