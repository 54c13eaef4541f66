package models

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
)

// Precision is what a network's convolutions, linear layers and attention products
// are computed in.
type Precision string

// The precisions. With BFloat16 the network computes from float32 parameters and
// returns float32, and its gradients are float32: see [UNet2D.WithPrecision].
const (
	Float32  Precision = "float32"
	BFloat16 Precision = "bfloat16" // 8 bits of mantissa instead of 24, the same range
)

// IsZero reports whether it is the usual precision, which configs leave out.
func (p Precision) IsZero() bool { return p == "" || p == Float32 }

// WithPrecision returns the network computing in a precision; "" is [Float32]. Its
// parameters and its layout are the same.
//
// With [BFloat16] what goes from layer to layer is rounded to bfloat16, forward and
// backward, and so are the operands of convolutions, linear layers and attention
// products (Micikevicius et al. 2018, whose scaling of the loss bfloat16 does not
// need: Kalamkar et al. 2019). Float32 stay the parameters and their gradients, the
// embedding of classes and timesteps, biases as they are added, all of GroupNorm,
// and the softmax. Sums over positions are float32, too: a sum in bfloat16 stops
// growing at 256 times what is added.
func (m *UNet2D) WithPrecision(p Precision) (*UNet2D, error) {
	lower := *m
	switch p {
	case "", Float32:
		lower.dtype = dtypes.Float32
	case BFloat16:
		lower.dtype = dtypes.BFloat16
	default:
		return nil, fmt.Errorf("model: unknown precision %q; use one of: %s, %s", p, Float32, BFloat16)
	}
	return &lower, nil
}

// wide is x in float32, narrow is x in the type of another node. Where they have
// that type already they are x itself, so that a float32 network's graph has no
// conversions.
func wide(x *Node) *Node         { return ConvertDType(x, dtypes.Float32) }
func narrow(x, like *Node) *Node { return ConvertDType(x, like.DType()) }
