package nn

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// overImages computes fn, which handles images independently of each other, on n
// images at a time (at least one): in a loop, so that what is compiled, and the
// memory of what fn computes in between, are those of n images. Inputs, outputs
// and fn's arguments and results have images as their first axis; outDims are the
// dimensions of the outputs, which are float32. The loop has no gradient.
//
// Where the last n images would reach beyond the batch, they begin earlier, and
// some are computed twice. A backend that has no loops over slices computes
// everything at once.
//
// fn must not use GoMLX's functions that make constants, such as MulScalar or
// OnesLike: they are kept for a whole graph, and a constant of one loop's body is
// refused in another's. [number] makes one anew.
func overImages(n int, fn func(in []*Node) []*Node, in []*Node, outDims [][]int) []*Node {
	g, b := in[0].Graph(), in[0].Shape().Dim(0)
	n = max(n, 1)
	if b <= n || !g.Backend().Capabilities().Operations[compute.OpTypeDynamicSlice] {
		return fn(in)
	}
	state := append([]*Node{Const(g, int32(0))}, in...)
	for _, dims := range outDims {
		state = append(state, Zeros(g, shapes.Make(dtypes.Float32, dims...)))
	}
	parameters := func(g *Graph) []*Node {
		nodes := make([]*Node, len(state))
		for i, s := range state {
			nodes[i] = Parameter(g, fmt.Sprintf("state_%d", i), s.Shape())
		}
		return nodes
	}
	notDone := NewClosure(g, func(g *Graph) []*Node {
		return []*Node{LessThan(parameters(g)[0], Const(g, int32(b)))}
	})
	body := NewClosure(g, func(g *Graph) []*Node {
		next := parameters(g)
		first, in, out := next[0], next[1:1+len(in)], next[1+len(in):]
		slices := make([]*Node, len(in))
		for i, x := range in {
			dims := append([]int{n}, x.Shape().Dimensions[1:]...)
			slices[i] = DynamicSlice(x, startAt(first, x.Rank()), dims)
		}
		next[0] = Add(first, Const(g, int32(n)))
		for i, y := range fn(slices) {
			out[i] = DynamicUpdateSlice(out[i], y, startAt(first, y.Rank()))
		}
		return next
	})
	return While(notDone, body, state...)[1+len(in):]
}

// startAt are the indices of the first value of an image.
func startAt(image *Node, rank int) []*Node {
	indices := []*Node{image}
	for range rank - 1 {
		indices = append(indices, Const(image.Graph(), int32(0)))
	}
	return indices
}

// number is a float32 constant that the body of a loop can use.
func number(g *Graph, value float64) *Node { return Const(g, float32(value)) }
