package nn

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/models/safetensors"
)

// Param is a parameter: its name in the reference's state_dict, its shape
// there (convolution [out,in,height,width], linear [out,in]) and how it is
// initialized.
type Param struct {
	Name   string
	Shape  []int
	Offset int // of its first value in the flat vector

	Init Initializer
}

// Size is the number of values.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

func (p Param) shape() string { return fmt.Sprint(p.Shape) }

// Params are the named parameters in a graph.
type Params map[string]*Node

// Layout places named parameters in one flat float32 vector.
type Layout struct {
	entries   []Param
	size      int
	constants map[string]safetensors.Tensor
}

// NewLayout places parameters of one shape beside each other, see [Layout.Split],
// and otherwise keeps the order given.
func NewLayout(params []Param) Layout {
	shapes := map[string]int{} // in the order in which they are met
	for _, p := range params {
		if _, ok := shapes[p.shape()]; !ok {
			shapes[p.shape()] = len(shapes)
		}
	}
	slices.SortStableFunc(params, func(a, b Param) int { return shapes[a.shape()] - shapes[b.shape()] })
	l := Layout{entries: params}
	for i := range params {
		params[i].Offset = l.size
		l.size += params[i].Size()
	}
	return l
}

// WithConstant is the layout with a tensor that state dicts of PyTorch may hold beside the
// parameters, though it is not trained: positions, say.
func (l Layout) WithConstant(name string, shape []int, data []float32) Layout {
	constants := map[string]safetensors.Tensor{name: {Shape: shape, Data: data}}
	maps.Copy(constants, l.constants)
	l.constants = constants
	return l
}

// Constants are the tensors that are not trained, by name.
func (l Layout) Constants() map[string]safetensors.Tensor { return l.constants }

// Entries lists the parameters in order.
func (l Layout) Entries() []Param { return l.entries }

// Size is the length of the flat vector.
func (l Layout) Size() int { return l.size }

// Init returns the flat vector of initial parameters. rng gives the random numbers
// of one parameter, by name, so that networks which share parameter names share
// their values.
func (l Layout) Init(rng func(name string) *rand.Rand) []float32 {
	flat := make([]float32, l.size)
	for _, p := range l.entries {
		p.Init(rng(p.Name), flat[p.Offset:p.Offset+p.Size()])
	}
	return flat
}

// Split cuts the flat vector [Size] into the named parameters.
//
// XLA compiles what is computed with a slice together with the place of the
// slice, so that the same layer at another place in the vector is other code, and
// compiling takes twice as long. A product is compiled by itself. Parameters of one
// shape are therefore rows of a matrix, taken out by multiplying with a row of the
// identity, which changes no value. (If one is not finite, those beside it become
// NaN.)
func (l Layout) Split(flat *Node) Params {
	params := make(Params, len(l.entries))
	for entries := l.entries; len(entries) > 0; {
		n := rowsOfAProduct(entries)
		first, last := entries[0], entries[n-1]
		matrix := Reshape(Slice(flat, AxisRange(first.Offset, last.Offset+last.Size())), n, -1)
		for i, p := range entries[:n] {
			row := matrix
			if n > 1 {
				row = SliceAxis(Dot(twiceOneHot(flat.Graph(), i, n), matrix).Product(), 0, AxisElem(0))
			}
			params[p.Name] = Reshape(row, p.Shape...)
		}
		entries = entries[n:]
	}
	return params
}

// rowsOfAProduct is how many of the first parameters are rows of one matrix. A
// product reads all of its matrix, so that there are not too many.
func rowsOfAProduct(entries []Param) int {
	const maxValues = 1 << 17
	limit, n := max(2, maxValues/entries[0].Size()), 1
	for n < min(limit, len(entries)) && entries[n].shape() == entries[0].shape() {
		n++
	}
	return n
}

// twiceOneHot is row i of the identity, twice: XLA compiles a product with one row
// for its operands, one with two is a call of a library.
func twiceOneHot(g *Graph, i, n int) *Node {
	row := make([]float32, n)
	row[i] = 1
	return Const(g, [][]float32{row, row})
}

// Concat joins named values (gradients, say) to a flat vector [Size].
func (l Layout) Concat(params Params) *Node {
	parts := make([]*Node, len(l.entries))
	for i, p := range l.entries {
		parts[i] = Reshape(params[p.Name], p.Size())
	}
	return Concatenate(parts, 0)
}

// StateDict names the values of a flat vector, as PyTorch would save them.
func (l Layout) StateDict(flat []float32) map[string]safetensors.Tensor {
	dict := make(map[string]safetensors.Tensor, len(l.entries))
	for _, p := range l.entries {
		dict[p.Name] = safetensors.Tensor{Shape: p.Shape, Data: flat[p.Offset : p.Offset+p.Size()]}
	}
	return dict
}

// Flatten is the inverse of StateDict. The error lists every parameter that is
// missing, unexpected or of another shape. A constant may be there, and must be the
// model's then, as far as half precision tells.
func (l Layout) Flatten(dict map[string]safetensors.Tensor) ([]float32, error) {
	flat := make([]float32, l.size)
	known := make(map[string]bool, len(l.entries))
	var problems []error
	for _, p := range l.entries {
		known[p.Name] = true
		t, ok := dict[p.Name]
		switch {
		case !ok:
			problems = append(problems, fmt.Errorf("%s %v is missing", p.Name, p.Shape))
		case !slices.Equal(t.Shape, p.Shape):
			problems = append(problems, fmt.Errorf("%s has shape %v, the model's is %v", p.Name, t.Shape, p.Shape))
		default:
			copy(flat[p.Offset:], t.Data)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(dict)) {
		constant, isConstant := l.constants[name]
		switch {
		case isConstant:
			if !sameConstant(dict[name], constant) {
				problems = append(problems, fmt.Errorf("%s %v is not what the model computes with, which it does not learn",
					name, dict[name].Shape))
			}
		case !known[name]:
			problems = append(problems, fmt.Errorf("%s is not a parameter of the model", name))
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("the weights do not fit the model:\n%w", errors.Join(problems...))
	}
	return flat, nil
}

// sameConstant compares within the rounding of bfloat16.
func sameConstant(got, want safetensors.Tensor) bool {
	if !slices.Equal(got.Shape, want.Shape) {
		return false
	}
	for i, w := range want.Data {
		if d := math.Abs(float64(got.Data[i] - w)); !(d <= max(1, math.Abs(float64(w)))/256) {
			return false
		}
	}
	return true
}
