package nn

import (
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// SelfAttention is diffusers' spatial self-attention with a residual connection.
type SelfAttention struct {
	norm            *GroupNorm // nil is none
	q, k, v, output Linear
	headDim         int
}

// NewSelfAttention makes attention over positions of so many channels: norm, unless it
// has no groups, the projections to queries, keys and values of heads headDim wide, and
// one back.
func NewSelfAttention(name string, channels, headDim, normGroups int, normEps float64) *SelfAttention {
	a := &SelfAttention{
		q:      Linear{name + ".to_q", channels, channels},
		k:      Linear{name + ".to_k", channels, channels},
		v:      Linear{name + ".to_v", channels, channels},
		output: Linear{name + ".to_out.0", channels, channels},

		headDim: headDim,
	}
	if normGroups > 0 {
		a.norm = &GroupNorm{name + ".group_norm", channels, normGroups, normEps}
	}
	return a
}

// Params lists those of the norm and the four projections.
func (a *SelfAttention) Params() []Param {
	projections := Collect(a.q, a.k, a.v, a.output)
	if a.norm == nil {
		return projections
	}
	return append(a.norm.Params(), projections...)
}

// Forward maps x [B,H,W,C] to the same shape.
func (a *SelfAttention) Forward(p Params, x *Node) *Node {
	b, channels := x.Shape().Dim(0), x.Shape().Dim(3)
	tokens := x.Shape().Dim(1) * x.Shape().Dim(2)
	z := Reshape(x, b, tokens, channels)
	if a.norm != nil {
		z = a.norm.Forward(p, z)
	}
	var weights, biases []*Node // of one product for all three
	for _, l := range []Linear{a.q, a.k, a.v} {
		weights, biases = append(weights, p[l.Name+".weight"]), append(biases, p[l.Name+".bias"])
	}
	qkv := addChannels(matmul(z, Transpose(Concatenate(weights, 0), 0, 1)), Concatenate(biases, 0))
	return Add(x, Reshape(a.output.Forward(p, Attend(qkv, a.headDim)), x.Shape().Dimensions...))
}

// Attend is attention with heads headDim wide, for the queries, keys and values of tokens
// side by side, [B,tokens,3·C]: what the heads have found, side by side as well, [B,tokens,C].
func Attend(qkv *Node, headDim int) *Node {
	b, tokens, channels := qkv.Shape().Dim(0), qkv.Shape().Dim(1), qkv.Shape().Dim(2)/3
	y := ScaledDotProduct(Reshape(Transpose(qkv, 1, 2), b, 3, channels/headDim, headDim, tokens))
	return Transpose(Reshape(y, b, channels, tokens), 1, 2)
}
