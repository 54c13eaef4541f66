// Package classifier is the small convolutional network whose predictions and
// features the metrics are computed from: the network as a pure function of a
// flat parameter vector, its training step, and its use.
//
// It is no Inception network, and distances between its features are no FID.
package classifier

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
)

// Sizes of the network.
const (
	ImageSize   = 28 // height and width of an image
	NumClasses  = 10
	NumFeatures = 64 // of the penultimate layer
)

// The network: four 3×3 convolutions, the last three with stride 2 (28 → 14 → 7
// → 4), and two dense layers, SiLU between them. There is no max-pooling, whose
// gradient XLA's deterministic mode for GPUs does not compile, and no
// normalisation, so that an image's features do not depend on its batch.
var (
	convolutions = []convolution{
		{"conv1", 1, 16, 1},
		{"conv2", 16, 32, 2},
		{"conv3", 32, 48, 2},
		{"conv4", 48, 64, 2},
	}
	hidden = dense{"fc1", 4 * 4 * 64, NumFeatures}
	output = dense{"fc2", NumFeatures, NumClasses}
)

// Forward classifies images [B,28,28,1] in [-1, 1]. It returns the logits [B,10]
// and the features they are a linear function of, [B,64]. flat holds the
// parameters, see [Params].
func Forward(flat, images *Node) (logits, features *Node) {
	return forward(split(flat), images)
}

func forward(p map[string]*Node, images *Node) (logits, features *Node) {
	x := images
	for _, c := range convolutions {
		x = silu(c.forward(p, x))
	}
	batch := x.Shape().Dim(0)
	features = silu(hidden.forward(p, Reshape(x, batch, hidden.in)))
	return output.forward(p, features), features
}

// loss is the mean cross-entropy of the labels [B] (int32, 0 … 9).
func loss(p map[string]*Node, images, labels *Node) *Node {
	logits, _ := forward(p, images)
	wanted := OneHot(labels, NumClasses, logits.DType())
	return Neg(MulScalar(ReduceAllSum(Mul(wanted, LogSoftmax(logits))), 1/float64(labels.Shape().Dim(0))))
}

// Param is a parameter: its name and shape as PyTorch would save them
// (convolution [out,in,height,width], dense [out,in]).
type Param struct {
	Name   string
	Shape  []int
	Offset int // of its first value in the flat vector

	bound float64 // of the uniform distribution of its initial values
}

// Size is the number of values.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Params lists the parameters in their order in the flat vector.
func Params() []Param {
	var all []Param
	for _, c := range convolutions {
		bound := 1 / math.Sqrt(float64(c.in*kernel*kernel))
		all = append(all, Param{Name: c.name + ".weight", Shape: []int{c.out, c.in, kernel, kernel}, bound: bound},
			Param{Name: c.name + ".bias", Shape: []int{c.out}, bound: bound})
	}
	for _, d := range []dense{hidden, output} {
		bound := 1 / math.Sqrt(float64(d.in))
		all = append(all, Param{Name: d.name + ".weight", Shape: []int{d.out, d.in}, bound: bound},
			Param{Name: d.name + ".bias", Shape: []int{d.out}, bound: bound})
	}
	offset := 0
	for i := range all {
		all[i].Offset = offset
		offset += all[i].Size()
	}
	return all
}

// Size is the length of the flat vector.
func Size() int {
	all := Params()
	last := all[len(all)-1]
	return last.Offset + last.Size()
}

// Init returns initial parameters, distributed as PyTorch's layers are by
// default: uniform on ±1/sqrt(fan_in). rng gives the random numbers of one
// parameter, by name.
func Init(rng func(name string) *rand.Rand) []float32 {
	flat := make([]float32, Size())
	for _, p := range Params() {
		r := rng(p.Name)
		for i := range p.Size() {
			flat[p.Offset+i] = float32((2*r.Float64() - 1) * p.bound)
		}
	}
	return flat
}

// CheckWeights refuses a flat vector that cannot be the network's.
func CheckWeights(flat []float32) error {
	if len(flat) != Size() {
		return fmt.Errorf("the classifier has %d parameters, not %d", Size(), len(flat))
	}
	for _, v := range flat {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return errors.New("a parameter of the classifier is not finite")
		}
	}
	return nil
}

const kernel = 3

// convolution is 3×3, with zero padding 1 and bias.
type convolution struct {
	name            string
	in, out, stride int
}

// forward maps x [B,H,W,in] to [B,H/stride,W/stride,out], rounded up.
func (c convolution) forward(p map[string]*Node, x *Node) *Node {
	w := TransposeAllAxes(p[c.name+".weight"], 2, 3, 1, 0) // [out,in,h,w] → [h,w,in,out]
	y := Convolve(x, w).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Strides(c.stride).Done()
	return Add(y, ExpandLeftToRank(p[c.name+".bias"], y.Rank()))
}

// dense is a linear layer with bias.
type dense struct {
	name    string
	in, out int
}

// forward maps x [B,in] to [B,out].
func (d dense) forward(p map[string]*Node, x *Node) *Node {
	y := Dot(x, Transpose(p[d.name+".weight"], 0, 1)).Product()
	return Add(y, ExpandLeftToRank(p[d.name+".bias"], y.Rank()))
}

// silu is x·sigmoid(x).
func silu(x *Node) *Node { return Mul(x, Sigmoid(x)) }

// split cuts the flat vector into the named parameters.
func split(flat *Node) map[string]*Node {
	named := map[string]*Node{}
	for _, p := range Params() {
		named[p.Name] = Reshape(Slice(flat, AxisRange(p.Offset, p.Offset+p.Size())), p.Shape...)
	}
	return named
}
