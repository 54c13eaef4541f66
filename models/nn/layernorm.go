package nn

import (
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// LayerNorm takes the mean of the last axis away and divides by its standard deviation, with the
// biased variance (Ba et al. 2016, eq. 3), in float32; it has no parameters of its own. The result
// is float32.
func LayerNorm(x *Node, eps float64) *Node {
	x = Wide(x)
	centered := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	variance := ReduceAndKeep(Square(centered), ReduceMean, -1)
	return Mul(centered, Reciprocal(Sqrt(AddScalar(variance, eps))))
}
