package nn

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// ScaledDotProduct is softmax(q·kᵀ/sqrt(headDim))·v (Vaswani et al. 2017, eq. 1)
// for the stacked queries, keys and values [batch, 3, heads, headDim, tokens]. It
// returns [batch, heads, headDim, tokens].
//
// The scores of all images together are far larger than a cache, so images are
// handled a few at a time, and the scores are not kept for the backward pass:
// the output and each query's greatest score and sum of exponentials suffice to
// compute them again (Dao et al. 2022, algorithm 4; it keeps the log-sum-exp, whose
// rounding error grows with the scores and is then in an exponent). Tokens are the
// last axis, so that every loop over scores runs over queries, which are
// contiguous.
//
// The output has the type of qkv, which products are computed in; what is between
// them is float32.
func ScaledDotProduct(qkv *Node) *Node {
	fixed := StopGradient(qkv)
	b, heads, headDim, tokens := qkv.Shape().Dim(0), qkv.Shape().Dim(2), qkv.Shape().Dim(3), qkv.Shape().Dim(4)
	images := scoresAtATime(qkv) / (heads * tokens * tokens)

	query := []int{b, heads, 1, tokens}
	forward := overImages(images, attendForward, []*Node{fixed}, [][]int{{b, heads, headDim, tokens}, query, query})
	y, greatest, sum := forward[0], forward[1], forward[2]
	withGradient := IdentityWithCustomGradient(qkv, func(_, adjoint *Node) *Node {
		dy := Wide(part(adjoint, 2))
		d := ExpandAxes(ReduceSum(Mul(dy, y), 2), 2) // column sums of P∘dP
		dqkv := overImages(images, attendBackward, []*Node{fixed, greatest, sum, dy, d}, [][]int{qkv.Shape().Dimensions})[0]
		return Narrow(dqkv, qkv)
	})
	// A custom gradient belongs to an identity, whose output has the shape of its
	// input. The third part of qkv has the shape of y: it lets y's adjoint through
	// and adds nothing to y.
	carrier := part(withGradient, 2)
	return Add(Narrow(y, qkv), Sub(carrier, StopGradient(carrier)))
}

// scoresAtATime bounds the attention scores that exist at a time. On a processor
// they are as many float32 as a core's second-level cache holds. A GPU takes all
// images at once, up to a gigabyte of scores: it is idle between the small programs
// of a loop, which took half of the time of a training step.
func scoresAtATime(x *Node) int {
	if onProcessor := x.Graph().Backend().HasSharedBuffers(); onProcessor {
		return 700_000
	}
	return 1 << 28
}

// attendForward maps qkv to the output and, [images, heads, 1, tokens], the
// greatest of each query's scores and the sum of the exponentials relative to it.
func attendForward(in []*Node) []*Node {
	q, k, v := part(in[0], 0), part(in[0], 1), part(in[0], 2)
	headDim := v.Shape().Dim(2)
	s := scores(q, k)
	m := maxOverKeys(s)
	e := Exp(Sub(s, m))
	// A row of ones below v makes the product sum the exponentials, too. Dividing
	// after it touches headDim values a query, not tokens.
	ones := BroadcastToShape(Narrow(number(v.Graph(), 1), v), SliceAxis(v, 2, AxisElem(0)).Shape())
	y := product(3, 2, Concatenate([]*Node{v, ones}, 2), Narrow(e, v))
	sum := SliceAxis(y, 2, AxisElem(headDim))
	return []*Node{Div(SliceAxis(y, 2, AxisRange(0, headDim)), sum), m, sum}
}

// attendBackward maps qkv, what attendForward returned of the scores, the output's
// adjoint and the sums of P∘dP to the adjoint of qkv. The softmax's division is
// done to dy and d, which hold headDim values and one a query, not to P.
func attendBackward(in []*Node) []*Node {
	q, k, v := part(in[0], 0), part(in[0], 1), part(in[0], 2)
	greatest, sum, dy, d := in[1], in[2], in[3], in[4]
	dy, d = Div(dy, sum), Div(d, sum)
	e := Exp(Sub(scores(q, k), greatest))
	dv := product(3, 3, Narrow(dy, v), Narrow(e, v))
	dp := product(2, 2, v, Narrow(dy, v))
	ds := Narrow(Mul(e, Sub(dp, d)), v)
	dq := scaled(product(3, 2, k, ds))
	dk := scaled(product(3, 3, q, ds))
	return []*Node{Stack([]*Node{dq, dk, dv}, 1)}
}

// scores are [images, heads, keys, queries].
func scores(q, k *Node) *Node {
	return product(2, 2, k, Narrow(scaled(Wide(q)), q))
}

// product sums a·b over axis i of a and j of b, image by image and head by head:
// [images, heads, rest of a, rest of b]. The result, like the sums in it, is
// float32. (An Einsum could not say so: it has the type of a and b.)
func product(i, j int, a, b *Node) *Node {
	p, each := Dot(a, b), []int{0, 1}
	if a.DType() != dtypes.Float32 {
		p = p.WithOutputDType(dtypes.Float32)
	}
	return p.General([]int{i}, each, []int{j}, each)
}

// maxOverKeys reduces [images, heads, keys, queries] to one key, a half at a time:
// whole rows of queries are compared, which is faster than ReduceMax, and go-xla
// has no ReduceMax in more than one loop.
func maxOverKeys(s *Node) *Node {
	for s.Shape().Dim(2) > 1 {
		n := s.Shape().Dim(2)
		half := (n + 1) / 2 // of an odd number the middle is compared with itself
		s = Max(SliceAxis(s, 2, AxisRange(0, half)), SliceAxis(s, 2, AxisRange(n-half, n)))
	}
	return s
}

// scaled divides [images, heads, headDim, tokens] by sqrt(headDim).
func scaled(x *Node) *Node {
	return Mul(x, number(x.Graph(), 1/math.Sqrt(float64(x.Shape().Dim(2)))))
}

// part is the queries, keys or values of a stack.
func part(qkv *Node, i int) *Node { return Squeeze(SliceAxis(qkv, 1, AxisElem(i)), 1) }
