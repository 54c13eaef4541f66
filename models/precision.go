package models

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
)

// Precision is what a network's convolutions, linear layers and attention products
// are computed in.
//
// With [BFloat16] what goes from layer to layer is rounded to bfloat16, forward and
// backward, and so are the operands of convolutions, linear layers and attention
// products (Micikevicius et al. 2018, whose scaling of the loss bfloat16 does not
// need: Kalamkar et al. 2019). Float32 stay the parameters and their gradients, the
// embedding of classes and timesteps, biases as they are added, all of GroupNorm,
// and the softmax. Sums over positions are float32, too: a sum in bfloat16 stops
// growing at 256 times what is added.
type Precision string

// The precisions. With BFloat16 the network computes from float32 parameters and
// returns float32, and its gradients are float32. Parameters and layout are the same.
const (
	Float32  Precision = "float32"
	BFloat16 Precision = "bfloat16" // 8 bits of mantissa instead of 24, the same range
)

// IsZero reports whether it is the usual precision, which configs leave out.
func (p Precision) IsZero() bool { return p == "" || p == Float32 }

// DType is the type of what goes from layer to layer.
func (p Precision) DType() dtypes.DType {
	if p == BFloat16 {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

func (p Precision) validate() error {
	switch p {
	case "", Float32, BFloat16:
		return nil
	}
	return fmt.Errorf("model: unknown precision %q; use one of: %s, %s", p, Float32, BFloat16)
}
