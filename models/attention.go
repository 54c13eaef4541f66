package models

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
)

// scoresPerSlice bounds the attention scores that exist at a time: as many
// float32 as a core's second-level cache holds.
const scoresPerSlice = 700_000

// maxSlices bounds the size of the graph, and with it the time to compile it.
const maxSlices = 32

// scaledDotProduct is softmax(q·kᵀ/sqrt(headDim))·v (Vaswani et al. 2017, eq. 1)
// for q, k, v [batch, heads, tokens, headDim].
//
// The scores of all images together are far larger than a cache, so images are
// handled a few at a time, and the scores are not kept for the backward pass:
// output and log-sum-exp suffice to compute them again (Dao et al. 2022,
// algorithm 4).
func scaledDotProduct(q, k, v *Node) *Node {
	qkv := Stack([]*Node{q, k, v}, 0)
	fixed := StopGradient(qkv)
	q, k, v = part(fixed, 0), part(fixed, 1), part(fixed, 2)
	slices := slicesOf(q)
	var outputs, lses []*Node
	for _, s := range slices {
		y, lse := attendForward(SliceAxis(q, 0, s), SliceAxis(k, 0, s), SliceAxis(v, 0, s))
		outputs, lses = append(outputs, y), append(lses, lse)
	}
	y := Concatenate(outputs, 0)
	withGradient := IdentityWithCustomGradient(qkv, func(_, adjoint *Node) *Node {
		dy := part(adjoint, 2)
		d := ReduceSum(Mul(dy, y), -1) // row sums of P∘dP
		var grads []*Node
		for i, s := range slices {
			at := func(x *Node) *Node { return SliceAxis(x, 0, s) }
			grads = append(grads, attendBackward(at(q), at(k), at(v), lses[i], at(dy), at(d)))
		}
		return Concatenate(grads, 1)
	})
	// A custom gradient belongs to an identity, whose output has the shape of its
	// input. The third part of qkv has the shape of y: it lets y's adjoint through
	// and adds nothing to y.
	carrier := part(withGradient, 2)
	return Add(y, Sub(carrier, StopGradient(carrier)))
}

func attendForward(q, k, v *Node) (y, lse *Node) {
	s := scores(q, k)
	m := ReduceMax(s, -1)
	e := Exp(Sub(s, ExpandAxes(m, -1)))
	l := ReduceSum(e, -1)
	// Dividing after the product with v touches headDim values a row, not tokens.
	y = Div(Einsum("bhij,bhjd->bhid", e, v), ExpandAxes(l, -1))
	return y, Add(m, Log(l))
}

func attendBackward(q, k, v, lse, dy, d *Node) *Node {
	p := Exp(Sub(scores(q, k), ExpandAxes(lse, -1)))
	dv := Einsum("bhij,bhid->bhjd", p, dy)
	dp := Einsum("bhid,bhjd->bhij", dy, v)
	ds := Mul(p, Sub(dp, ExpandAxes(d, -1)))
	scale := 1 / math.Sqrt(float64(q.Shape().Dim(3)))
	dq := MulScalar(Einsum("bhij,bhjd->bhid", ds, k), scale)
	dk := MulScalar(Einsum("bhij,bhid->bhjd", ds, q), scale)
	return Stack([]*Node{dq, dk, dv}, 0)
}

func scores(q, k *Node) *Node {
	return Einsum("bhid,bhjd->bhij", MulScalar(q, 1/math.Sqrt(float64(q.Shape().Dim(3)))), k)
}

func part(stacked *Node, i int) *Node { return Squeeze(SliceAxis(stacked, 0, AxisElem(i)), 0) }

func slicesOf(q *Node) []SliceAxisSpec {
	b, perImage := q.Shape().Dim(0), q.Shape().Dim(1)*q.Shape().Dim(2)*q.Shape().Dim(2)
	size := max(1, scoresPerSlice/perImage, (b+maxSlices-1)/maxSlices)
	var specs []SliceAxisSpec
	for from := 0; from < b; from += size {
		specs = append(specs, AxisRange(from, min(from+size, b)))
	}
	return specs
}
