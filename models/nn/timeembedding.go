package nn

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// TimeEmbedding embeds timesteps in sines and maps these through two linear layers.
type TimeEmbedding struct {
	channels         int
	linear1, linear2 Linear
}

// NewTimeEmbedding makes one of an even number of sines and cosines, and out channels.
func NewTimeEmbedding(name string, channels, out int) *TimeEmbedding {
	return &TimeEmbedding{channels, Linear{name + ".linear_1", channels, out}, Linear{name + ".linear_2", out, out}}
}

// Params lists those of the two linear layers.
func (t *TimeEmbedding) Params() []Param { return Collect(t.linear1, t.linear2) }

// Forward maps timesteps [B], on the scale 0…1000, to [B, out] of dtype.
func (t *TimeEmbedding) Forward(p Params, timestep *Node, dtype dtypes.DType) *Node {
	embedding := ConvertDType(Sinusoids(timestep, t.channels), dtype)
	return t.linear2.Forward(p, SiLU(t.linear1.Forward(p, embedding)))
}

// Sinusoids embeds timesteps [B], on the scale 0…1000, in an even number of channels
// [B, channels] (Vaswani et al. 2017, section 3.5, cosines first).
func Sinusoids(timestep *Node, channels int) *Node {
	half := channels / 2
	frequencies := make([]float32, half)
	for i := range frequencies {
		frequencies[i] = float32(math.Exp(-math.Log(10000) * float64(i) / float64(half)))
	}
	angles := Mul(Reshape(timestep, -1, 1), Const(timestep.Graph(), [][]float32{frequencies}))
	return Concatenate([]*Node{Cos(angles), Sin(angles)}, -1)
}
