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

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// NumFeatures is the number of values of the penultimate layer.
const NumFeatures = 64

// Shape is what a network takes and tells apart.
type Shape struct {
	Height, Width, Channels int // of an image
	Classes                 int // at most 256
}

// Pixels is the number of values of an image.
func (s Shape) Pixels() int { return s.Height * s.Width * s.Channels }

func (s Shape) String() string {
	return fmt.Sprintf("images of %d×%d of %d channels in %d classes", s.Height, s.Width, s.Channels, s.Classes)
}

// Check refuses a shape that no network can have.
func (s Shape) Check() error {
	if min(s.Height, s.Width, s.Channels, s.Classes) < 1 || s.Classes > 256 {
		return fmt.Errorf("there is no classifier of %v", s)
	}
	return nil
}

// layers are the network: four 3×3 convolutions, the last three with stride 2 (28 →
// 14 → 7 → 4), and two dense layers, SiLU between them. There is no max-pooling,
// whose gradient XLA's deterministic mode for GPUs does not compile, and no
// normalisation, so that an image's features do not depend on its batch.
func (s Shape) layers() (convolutions []convolution, hidden, output dense) {
	convolutions = []convolution{
		{"conv1", s.Channels, 16, 1},
		{"conv2", 16, 32, 2},
		{"conv3", 32, 48, 2},
		{"conv4", 48, 64, 2},
	}
	height, width := s.Height, s.Width
	for _, c := range convolutions {
		height, width = (height+c.stride-1)/c.stride, (width+c.stride-1)/c.stride
	}
	return convolutions, dense{"fc1", height * width * 64, NumFeatures}, dense{"fc2", NumFeatures, s.Classes}
}

// Forward classifies images [B, Height, Width, Channels] in [-1, 1]. It returns the
// logits [B, Classes] and the features they are a linear function of, [B, 64]. flat
// holds the parameters, see [Shape.Params].
func (s Shape) Forward(flat, images *Node) (logits, features *Node) {
	return s.forward(s.split(flat), images)
}

func (s Shape) forward(p map[string]*Node, images *Node) (logits, features *Node) {
	convolutions, hidden, output := s.layers()
	x := images
	for _, c := range convolutions {
		x = silu(c.forward(p, x))
	}
	batch := x.Shape().Dim(0)
	features = silu(hidden.forward(p, Reshape(x, batch, hidden.in)))
	return output.forward(p, features), features
}

// loss is the mean cross-entropy of the labels [B] (int32, 0 … Classes-1).
func (s Shape) loss(p map[string]*Node, images, labels *Node) *Node {
	logits, _ := s.forward(p, images)
	wanted := OneHot(labels, s.Classes, logits.DType())
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
func (s Shape) Params() []Param {
	var all []Param
	convolutions, hidden, output := s.layers()
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
func (s Shape) Size() int {
	all := s.Params()
	last := all[len(all)-1]
	return last.Offset + last.Size()
}

// Init returns initial parameters, distributed as PyTorch's layers are by
// default: uniform on ±1/sqrt(fan_in). rng gives the random numbers of one
// parameter, by name.
func (s Shape) Init(rng func(name string) *rand.Rand) []float32 {
	flat := make([]float32, s.Size())
	for _, p := range s.Params() {
		r := rng(p.Name)
		for i := range p.Size() {
			flat[p.Offset+i] = float32((2*r.Float64() - 1) * p.bound)
		}
	}
	return flat
}

// CheckWeights refuses a flat vector that cannot be the network's.
func (s Shape) CheckWeights(flat []float32) error {
	if err := s.Check(); err != nil {
		return err
	}
	if len(flat) != s.Size() {
		return fmt.Errorf("the classifier has %d parameters, not %d", s.Size(), len(flat))
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
func (s Shape) split(flat *Node) map[string]*Node {
	named := map[string]*Node{}
	for _, p := range s.Params() {
		named[p.Name] = Reshape(Slice(flat, AxisRange(p.Offset, p.Offset+p.Size())), p.Shape...)
	}
	return named
}
