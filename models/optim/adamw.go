// Package optim holds the optimizer as graph operations on flat vectors: all
// parameters of a model in one, so that an update is a handful of operations
// however many parameters there are.
package optim

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// AdamW is Adam with decoupled weight decay (Loshchilov & Hutter 2019,
// arXiv:1711.05101, algorithm 2), with PyTorch's order of operations: the decay
// is applied to the parameter first, and to every parameter.
type AdamW struct {
	Beta1, Beta2 float64 // decay of the first and second moment
	Eps          float64 // added to the square root of the second moment
	WeightDecay  float64 // times the learning rate
}

// DefaultAdamW has PyTorch's defaults.
func DefaultAdamW() AdamW { return AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01} }

// Update returns the new parameters and moments, all [P]. lr and the two bias
// corrections, see [AdamW.BiasCorrections], are scalars.
func (a AdamW) Update(param, grad, m, v, lr, biasCorrection1, biasCorrection2 *Node) (newParam, newM, newV *Node) {
	newM = Add(MulScalar(m, a.Beta1), MulScalar(grad, 1-a.Beta1))
	newV = Add(MulScalar(v, a.Beta2), MulScalar(Square(grad), 1-a.Beta2))
	decayed := Mul(param, OneMinus(MulScalar(lr, a.WeightDecay)))
	denominator := AddScalar(Div(Sqrt(newV), Sqrt(biasCorrection2)), a.Eps)
	newParam = Sub(decayed, Mul(Div(lr, biasCorrection1), Div(newM, denominator)))
	return newParam, newM, newV
}

// BiasCorrections are 1 - beta1^n and 1 - beta2^n of update n = 1, 2, …; they
// are computed on the host, because 1 - 0.999 in float32 is off by 5e-5.
func (a AdamW) BiasCorrections(n int) (float64, float64) {
	correction := func(beta float64) float64 { return -math.Expm1(float64(n) * math.Log(beta)) }
	return correction(a.Beta1), correction(a.Beta2)
}

// ClipByGlobalNorm scales the gradient [P] so that its L2 norm is at most
// maxNorm, as PyTorch's clip_grad_norm_ does; 0 leaves it alone. norm is the
// scalar norm before clipping.
func ClipByGlobalNorm(grad *Node, maxNorm float64) (clipped, norm *Node) {
	norm = Sqrt(ReduceAllSum(Square(grad)))
	if maxNorm == 0 {
		return grad, norm
	}
	const eps = 1e-6 // PyTorch's, against division by zero
	one := ScalarOne(grad.Graph(), grad.DType())
	factor := Min(one, Div(MulScalar(one, maxNorm), AddScalar(norm, eps)))
	return Mul(grad, factor), norm
}
