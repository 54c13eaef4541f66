package models

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
)

// module is a part of the network: it owns parameters and knows their names.
type module interface {
	params() []Param
}

// conv is a convolution with zero padding kernel/2 and bias.
type conv struct {
	name                    string
	in, out, kernel, stride int
}

func (c conv) params() []Param {
	fanIn := c.in * c.kernel * c.kernel
	return []Param{
		{Name: c.name + ".weight", Shape: []int{c.out, c.in, c.kernel, c.kernel}, init: uniform(fanIn)},
		{Name: c.name + ".bias", Shape: []int{c.out}, init: uniform(fanIn)},
	}
}

// forward maps x [B,H,W,in] to [B,H/stride,W/stride,out].
func (c conv) forward(p Params, x *Node) *Node {
	kernel := TransposeAllAxes(p[c.name+".weight"], 2, 3, 1, 0) // [out,in,h,w] → [h,w,in,out]
	var y *Node
	if c.kernel == 1 {
		y = matmul(x, Reshape(kernel, c.in, c.out))
	} else {
		pad := [2]int{c.kernel / 2, c.kernel / 2}
		y = Convolve(x, narrow(kernel, x)).PaddingPerDim([][2]int{pad, pad}).Strides(c.stride).Done()
	}
	return addChannels(y, p[c.name+".bias"])
}

// linear is a dense layer over the last axis, with bias.
type linear struct {
	name    string
	in, out int
}

func (l linear) params() []Param {
	return []Param{
		{Name: l.name + ".weight", Shape: []int{l.out, l.in}, init: uniform(l.in)},
		{Name: l.name + ".bias", Shape: []int{l.out}, init: uniform(l.in)},
	}
}

func (l linear) forward(p Params, x *Node) *Node {
	return addChannels(matmul(x, Transpose(p[l.name+".weight"], 0, 1)), p[l.name+".bias"])
}

// silu is x·sigmoid(x).
func silu(x *Node) *Node { return Mul(x, Sigmoid(x)) }

// matmul multiplies the last axis of x with w [in,out], in the type of x. No type of
// accumulator is set because GoMLX would take it for the gradient's products, too.
func matmul(x, w *Node) *Node {
	dims := append([]int{}, x.Shape().Dimensions...)
	in, out := w.Shape().Dim(0), w.Shape().Dim(1)
	y := Dot(Reshape(x, x.Shape().Size()/in, in), narrow(w, x)).WithAccumulatorDType(dtypes.InvalidDType).Product()
	dims[len(dims)-1] = out
	return Reshape(y, dims...)
}

// addChannels adds one value per channel, the last axis, in float32.
func addChannels(x, bias *Node) *Node {
	return narrow(Add(wide(x), ExpandLeftToRank(bias, x.Rank())), x)
}

// initializer fills a parameter's initial values.
type initializer func(rng *rand.Rand, dst []float32)

// uniform is PyTorch's default for weights and biases of convolutions and
// linear layers: uniform on ±1/sqrt(fan_in).
func uniform(fanIn int) initializer {
	bound := 1 / math.Sqrt(float64(fanIn))
	return func(rng *rand.Rand, dst []float32) {
		for i := range dst {
			dst[i] = float32(float64(2*rng.Float64()-1) * bound)
		}
	}
}

func constant(v float32) initializer {
	return func(_ *rand.Rand, dst []float32) {
		for i := range dst {
			dst[i] = v
		}
	}
}

// standardNormal is PyTorch's default for embeddings.
func standardNormal(rng *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
	}
}
