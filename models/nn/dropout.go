package nn

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// Dropout leaves out values at random in training (Srivastava et al. 2014) and divides the others by the
// probability with which they stay, so that their mean stays what it is.
//
// Which values are left out of a sample follows from the sample's key, the number of the layer and the place of the
// value, and from nothing else: not from the samples beside it, nor from what computes it.
type Dropout struct {
	Rate float64 // probability with which a value is left out, in [0, 1)
	keys *Node
	next *uint32 // number of the next layer
}

// NewDropout is dropout for samples with these keys [B,2] (uint32), which are to be drawn anew for every step. The zero
// Dropout leaves out nothing: it is that of evaluation.
func NewDropout(rate float64, keys *Node) Dropout { return Dropout{rate, keys, new(uint32)} }

// Apply is x [B,...] without the values that are left out. Every call is another layer, in the order of the calls.
func (d Dropout) Apply(x *Node) *Node {
	if d.Rate == 0 || d.keys == nil {
		return x
	}
	layer := *d.next
	*d.next++
	g, dims := x.Graph(), x.Shape().Dimensions
	batch := dims[0]
	key := func(i int) *Node { return SliceAxis(d.keys, 1, AxisRange(i, i+1)) }
	place := Iota(g, shapes.Make(dtypes.Uint32, 1, x.Shape().Size()/batch), 1)
	bits := scrambled(BitwiseXor(place, scrambled(AddScalar(key(0), layer))))
	bits = scrambled(Add(bits, key(1)))
	stay := 1 - d.Rate
	stays := LessThan(bits, Scalar(g, dtypes.Uint32, uint32(stay*math.MaxUint32)))
	scale := Where(stays, Scalar(g, dtypes.Float32, 1/stay), ScalarZero(g, dtypes.Float32))
	return Narrow(Mul(Wide(x), Reshape(scale, dims...)), x)
}

// scrambled maps 32 bits one to one to 32 bits each of which depends on all: the last step of MurmurHash3 (Appleby).
func scrambled(x *Node) *Node {
	for _, step := range []struct{ shift, factor uint32 }{{16, 0x85ebca6b}, {13, 0xc2b2ae35}} {
		x = MulScalar(BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, step.shift)), step.factor)
	}
	return BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(16)))
}
