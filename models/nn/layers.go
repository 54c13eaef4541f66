package nn

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// Module is a part of a network: it owns parameters and knows their names.
type Module interface {
	Params() []Param
}

// Collect lists the parameters of several modules, in order.
func Collect(modules ...Module) []Param {
	var all []Param
	for _, m := range modules {
		all = append(all, m.Params()...)
	}
	return all
}

// Conv is a convolution with zero padding kernel/2 and bias.
type Conv struct {
	Name                    string
	In, Out, Kernel, Stride int
}

// Params are its weight [Out,In,Kernel,Kernel] and bias [Out].
func (c Conv) Params() []Param {
	fanIn := c.In * c.Kernel * c.Kernel
	return []Param{
		{Name: c.Name + ".weight", Shape: []int{c.Out, c.In, c.Kernel, c.Kernel}, Init: Uniform(fanIn)},
		{Name: c.Name + ".bias", Shape: []int{c.Out}, Init: Uniform(fanIn)},
	}
}

// Forward maps x [B,H,W,In] to [B,H/Stride,W/Stride,Out].
func (c Conv) Forward(p Params, x *Node) *Node {
	kernel := TransposeAllAxes(p[c.Name+".weight"], 2, 3, 1, 0) // [out,in,h,w] → [h,w,in,out]
	var y *Node
	if c.Kernel == 1 {
		y = matmul(x, Reshape(kernel, c.In, c.Out))
	} else {
		pad := [2]int{c.Kernel / 2, c.Kernel / 2}
		y = Convolve(x, Narrow(kernel, x)).PaddingPerDim([][2]int{pad, pad}).Strides(c.Stride).Done()
	}
	return addChannels(y, p[c.Name+".bias"])
}

// Linear is a dense layer over the last axis, with bias.
type Linear struct {
	Name    string
	In, Out int
}

// Params are its weight [Out,In] and bias [Out].
func (l Linear) Params() []Param {
	return []Param{
		{Name: l.Name + ".weight", Shape: []int{l.Out, l.In}, Init: Uniform(l.In)},
		{Name: l.Name + ".bias", Shape: []int{l.Out}, Init: Uniform(l.In)},
	}
}

// Forward maps x [...,In] to [...,Out].
func (l Linear) Forward(p Params, x *Node) *Node {
	return addChannels(matmul(x, Transpose(p[l.Name+".weight"], 0, 1)), p[l.Name+".bias"])
}

// SiLU is x·sigmoid(x).
func SiLU(x *Node) *Node { return Mul(x, Sigmoid(x)) }

// GELU is x·(1 + tanh(sqrt(2/π)·(x + 0.044715·x³)))/2, the approximation of x·Φ(x) by Hendrycks & Gimpel 2016, which
// PyTorch calls gelu(approximate="tanh"). It is computed in float32.
func GELU(x *Node) *Node {
	wide := Wide(x)
	inner := MulScalar(Add(wide, MulScalar(Mul(Square(wide), wide), 0.044715)), math.Sqrt(2/math.Pi))
	return Narrow(MulScalar(Mul(wide, OnePlus(Tanh(inner))), 0.5), x)
}

// matmul multiplies the last axis of x with w [in,out], in the type of x. No type of
// accumulator is set because GoMLX would take it for the gradient's products, too.
func matmul(x, w *Node) *Node {
	dims := append([]int{}, x.Shape().Dimensions...)
	in, out := w.Shape().Dim(0), w.Shape().Dim(1)
	y := Dot(Reshape(x, x.Shape().Size()/in, in), Narrow(w, x)).WithAccumulatorDType(dtypes.InvalidDType).Product()
	dims[len(dims)-1] = out
	return Reshape(y, dims...)
}

// addChannels adds one value per channel, the last axis, in float32.
func addChannels(x, bias *Node) *Node {
	return Narrow(Add(Wide(x), ExpandLeftToRank(bias, x.Rank())), x)
}

// Initializer fills a parameter's initial values.
type Initializer func(rng *rand.Rand, dst []float32)

// Uniform is PyTorch's default for weights and biases of convolutions and
// linear layers: uniform on ±1/sqrt(fan_in).
func Uniform(fanIn int) Initializer {
	bound := 1 / math.Sqrt(float64(fanIn))
	return func(rng *rand.Rand, dst []float32) {
		for i := range dst {
			dst[i] = float32(float64(2*rng.Float64()-1) * bound)
		}
	}
}

// Constant gives every value v.
func Constant(v float32) Initializer {
	return func(_ *rand.Rand, dst []float32) {
		for i := range dst {
			dst[i] = v
		}
	}
}

// StandardNormal is PyTorch's default for embeddings.
func StandardNormal(rng *rand.Rand, dst []float32) { NormalOf(1)(rng, dst) }

// NormalOf is the normal distribution with mean 0 and a standard deviation.
func NormalOf(deviation float64) Initializer {
	return func(rng *rand.Rand, dst []float32) {
		for i := range dst {
			dst[i] = float32(rng.NormFloat64() * deviation)
		}
	}
}

// Xavier is uniform on ±sqrt(6/(fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16).
func Xavier(fanIn, fanOut int) Initializer {
	bound := math.Sqrt(6 / float64(fanIn+fanOut))
	return func(rng *rand.Rand, dst []float32) {
		for i := range dst {
			dst[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
}
