package nn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models/modelstest"
	"flowharness/models/nn"
)

// TestAttentionIsSoftmaxOfScoresTimesValues compares attention, which handles a
// few images at a time and has a gradient of its own, with the formula as it is
// written, differentiated by GoMLX.
func TestAttentionIsSoftmaxOfScoresTimesValues(t *testing.T) {
	for _, tc := range []struct {
		name                          string
		batch, heads, headDim, tokens int
	}{
		{"one image in all", 1, 2, 4, 9},
		{"all images at once", 3, 2, 8, 16},
		{"three of seven images at a time, the last ones twice", 7, 1, 8, 450},
		{"one image at a time", 2, 4, 2, 500},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shape := []int{tc.batch, 3, tc.heads, tc.headDim, tc.tokens}
			for _, backend := range []string{"go", "xla:cpu"} {
				b, rng := modelstest.OpenBackend(t, backend), rand.New(rand.NewPCG(1, 2))
				qkv, weights := modelstest.Normal(rng, shape...), modelstest.Normal(rng, tc.batch, tc.heads, tc.headDim, tc.tokens)
				exec, err := NewExec(b, func(qkv, weights *Node) []*Node {
					ours, plain := nn.ScaledDotProduct(qkv), plainAttention(qkv)
					gradient := func(y *Node) *Node { return Gradient(ReduceAllSum(Mul(y, weights)), qkv)[0] }
					return []*Node{ours, plain, gradient(ours), gradient(plain)}
				})
				if err != nil {
					t.Fatal(err)
				}
				out, err := exec.Call(qkv, weights)
				if err != nil {
					t.Fatal(err)
				}
				for i, what := range []string{"output", "gradient"} {
					got, want := tensors.MustCopyFlatData[float32](out[2*i]), tensors.MustCopyFlatData[float32](out[2*i+1])
					for j := range want {
						if d := math.Abs(float64(got[j] - want[j])); !(d < 2e-5) {
							t.Fatalf("%s: %s %d is %v, want %v", backend, what, j, got[j], want[j])
						}
					}
				}
				exec.Finalize()
			}
		})
	}
}

// plainAttention is eq. 1 of Vaswani et al. 2017.
func plainAttention(qkv *Node) *Node {
	part := func(i int) *Node { return Squeeze(SliceAxis(qkv, 1, AxisElem(i)), 1) }
	q, k, v := part(0), part(1), part(2)
	s := Einsum("bhdk,bhdq->bhqk", k, q)
	p := Softmax(DivScalar(s, math.Sqrt(float64(q.Shape().Dim(2)))), -1)
	return Einsum("bhqk,bhdk->bhdq", p, v)
}
