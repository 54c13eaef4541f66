package schedulers

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// projected is the unconditional velocity times s* = <cond, uncond>/|uncond|², the multiple of it that is nearest to the
// conditional one (Fan et al. 2025, arXiv:2503.18886, equation 10).
func projected(uncond, cond *Node) *Node {
	axes := make([]int, uncond.Rank()-1)
	for i := range axes {
		axes[i] = i + 1
	}
	product := ReduceAndKeep(Mul(cond, uncond), ReduceSum, axes...)
	norm := ReduceAndKeep(Square(uncond), ReduceSum, axes...)
	return Mul(uncond, Div(product, AddScalar(norm, 1e-8))) // as diffusers: of a zero it is zero
}
