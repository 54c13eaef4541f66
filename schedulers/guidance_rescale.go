package schedulers

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// rescaled brings the standard deviation of a guided prediction, over all values of a sample, back to that of the conditional one
// by the factor phi: phi·guided·std(cond)/std(guided) + (1-phi)·guided (Lin et al. 2024, arXiv:2305.08891, section 3.4).
func rescaled(guided, cond *Node, phi float64) *Node {
	ratio := Div(deviation(cond), MaxScalar(deviation(guided), 1e-12))
	return Mul(guided, AddScalar(MulScalar(ratio, phi), 1-phi))
}

// deviation is the standard deviation of each sample [batch, ...], shaped to multiply one.
func deviation(x *Node) *Node {
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i + 1
	}
	centred := Sub(x, ReduceAndKeep(x, ReduceMean, axes...))
	return Sqrt(ReduceAndKeep(Square(centred), ReduceMean, axes...))
}
