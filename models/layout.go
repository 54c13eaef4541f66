package models

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas

	"flowharness/models/safetensors"
)

// Param is a parameter: its name in the reference's state_dict and its shape
// there (convolution [out,in,height,width], linear [out,in]).
type Param struct {
	Name   string
	Shape  []int
	Offset int // of its first value in the flat vector

	init initializer
}

// Size is the number of values.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Params are the named parameters in a graph.
type Params map[string]*Node

// Layout places named parameters in one flat float32 vector.
type Layout struct {
	entries []Param
	size    int
}

func newLayout(params []Param) Layout {
	l := Layout{entries: params}
	for i := range params {
		params[i].Offset = l.size
		l.size += params[i].Size()
	}
	return l
}

// Entries lists the parameters in order.
func (l Layout) Entries() []Param { return l.entries }

// Size is the length of the flat vector.
func (l Layout) Size() int { return l.size }

// Split cuts the flat vector [Size] into the named parameters.
func (l Layout) Split(flat *Node) Params {
	params := make(Params, len(l.entries))
	for _, p := range l.entries {
		params[p.Name] = Reshape(Slice(flat, AxisRange(p.Offset, p.Offset+p.Size())), p.Shape...)
	}
	return params
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
// missing, unexpected or of another shape.
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
		if !known[name] {
			problems = append(problems, fmt.Errorf("%s is not a parameter of the model", name))
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("the weights do not fit the model:\n%w", errors.Join(problems...))
	}
	return flat, nil
}
