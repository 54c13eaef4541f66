package nn

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// GroupNorm normalises groups of consecutive channels over all positions of a
// sample, with the biased variance (Wu & He 2018, eq. 1-3).
type GroupNorm struct {
	Name             string
	Channels, Groups int
	Eps              float64
}

// Params are its weight and bias, [Channels] each.
func (n GroupNorm) Params() []Param {
	return []Param{
		{Name: n.Name + ".weight", Shape: []int{n.Channels}, Init: Constant(1)},
		{Name: n.Name + ".bias", Shape: []int{n.Channels}, Init: Constant(0)},
	}
}

// Forward maps x [B,...,Channels] to the same shape, computing in float32.
//
// It touches all of x three times: for the mean, for the variance, and for
// y = scale·x + shift with one scale and shift a sample and channel.
func (n GroupNorm) Forward(p Params, x *Node) *Node {
	given, shape, b := x, x.Shape(), x.Shape().Dim(0)
	x = Wide(Reshape(x, b, -1, n.Channels))
	mean := n.overGroups(ReduceSum(x, 1), x)
	// The variance's derivative by the mean is the sum of what is centered: zero.
	centered := Sub(x, ExpandAxes(StopGradient(mean), 1))
	variance := n.overGroups(ReduceSum(Square(centered), 1), x)
	scale, shift := n.affine(p, mean, Reciprocal(Sqrt(AddScalar(variance, n.Eps))))
	y := Add(Mul(x, ExpandAxes(scale, 1)), ExpandAxes(shift, 1))
	return Narrow(Reshape(y, shape.Dimensions...), given)
}

// overGroups maps the sums of each channel of x [B,channels] to the mean of each
// channel's group [B,channels].
func (n GroupNorm) overGroups(sums, x *Node) *Node {
	size := n.Channels / n.Groups
	weight := 1 / float32(x.Shape().Dim(1)*size)
	sameGroup := n.matrix(func(i, j int) float32 {
		if i/size == j/size {
			return weight
		}
		return 0
	})
	return Dot(sums, Const(x.Graph(), sameGroup)).Product()
}

// affine returns gamma·rstd and beta - gamma·rstd·mean [B,channels].
//
// They are computed as products, rstd with a diagonal matrix of gamma, because XLA
// compiles a product by itself: the sums over positions that are their gradients
// then run on all cores. Joined to what follows them, they run on one.
func (n GroupNorm) affine(p Params, mean, rstd *Node) (scale, shift *Node) {
	g, b, c := mean.Graph(), mean.Shape().Dim(0), n.Channels
	identity := n.matrix(func(i, j int) float32 {
		if i == j {
			return 1
		}
		return 0
	})
	gamma := Mul(Const(g, identity), Reshape(p[n.Name+".weight"], 1, c))
	beta := Reshape(p[n.Name+".bias"], 1, c)
	ones := Ones(g, shapes.Make(mean.DType(), b, 1))
	scale = Dot(rstd, gamma).Product()
	shift = Dot(Concatenate([]*Node{Neg(Mul(mean, rstd)), ones}, 1), Concatenate([]*Node{gamma, beta}, 0)).Product()
	return scale, shift
}

func (n GroupNorm) matrix(value func(i, j int) float32) [][]float32 {
	rows := make([][]float32, n.Channels)
	for i := range rows {
		rows[i] = make([]float32, n.Channels)
		for j := range rows[i] {
			rows[i][j] = value(i, j)
		}
	}
	return rows
}
