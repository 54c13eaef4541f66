// Package mlp holds a multilayer perceptron with residual layers: a network for points and
// other small data, which it knows nothing of but the number of values.
package mlp

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas

	"flowharness/models"
	"flowharness/models/nn"
)

// Registration describes the network to those that make networks by name.
var Registration = models.Registration[Options]{
	Name:    "mlp",
	About:   "a multilayer perceptron with residual layers over all values of a sample, for points and small images.",
	Options: Options{Width: 256, Depth: 3, TimeEmbedDim: 64, ClassEmbedDim: 64},

	Validate: func(o Options, _ models.Data, p *models.Problems) {
		p.Check(o.TimeEmbedDim%2 == 0, "time_embed_dim", "%d is odd, but there are as many cosines as sines; use an even number", o.TimeEmbedDim)
		p.Check(o.ClassEmbedDim%2 == 0, "class_embed_dim", "%d is odd, but there are as many cosines as sines; use an even number",
			o.ClassEmbedDim)
	},
	TakesClasses: func(o Options) bool { return o.ClassEmbedDim > 0 },
	New: func(o Options, data models.Data, precision models.Precision) models.Network {
		return New(o, data, precision)
	},
}

// Options describe an MLP.
type Options struct {
	Width         int `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=16384"`
	Depth         int `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=256"`
	TimeEmbedDim  int `yaml:"time_embed_dim" json:"time_embed_dim" jsonschema:"minimum=2,maximum=4096"`
	ClassEmbedDim int `yaml:"class_embed_dim" json:"class_embed_dim" jsonschema:"minimum=0,maximum=4096"`
}

// DescribeKeys says what each key is for.
func (Options) DescribeKeys() map[string]string {
	return map[string]string{
		"width":           "Values of a hidden layer.",
		"depth":           "Residual layers between the first and the last.",
		"time_embed_dim":  "Cosines and sines of the time, an even number.",
		"class_embed_dim": "Cosines and sines of the class, an even number; with 0 the network is not told the class.",
	}
}

// MLP is the network: with x the values of a sample, s the cosines and sines of its time and class,
//
//	h_0     = W_in·x + W_emb·s + b_in + b_emb
//	h_(i+1) = h_i + W_i·SiLU(h_i) + b_i
//	output  = W_out·SiLU(h_depth) + b_out
//
// It is a [models.Network].
type MLP struct {
	models.Base
	options        Options
	in, embed, out nn.Linear
	layers         []nn.Linear
}

// New builds the network of options that are valid.
func New(o Options, data models.Data, precision models.Precision) *MLP {
	values := data.Pixels()
	m := &MLP{options: o,
		in:    nn.Linear{Name: "linear_in", In: values, Out: o.Width},
		embed: nn.Linear{Name: "linear_emb", In: o.TimeEmbedDim + o.ClassEmbedDim, Out: o.Width},
		out:   nn.Linear{Name: "linear_out", In: o.Width, Out: values},
	}
	params := nn.Collect(m.in, m.embed)
	for i := range o.Depth {
		m.layers = append(m.layers, nn.Linear{Name: fmt.Sprintf("layers.%d", i), In: o.Width, Out: o.Width})
		params = append(params, m.layers[i].Params()...)
	}
	m.Base = models.Base{Parameters: nn.NewLayout(append(params, m.out.Params()...)), In: precision}
	return m
}

// Forward predicts, see [models.Network].
func (m *MLP) Forward(p nn.Params, sample, timestep, labels *Node) *Node {
	dtype, shape := m.Precision().DType(), sample.Shape()
	known := nn.Sinusoids(timestep, m.options.TimeEmbedDim)
	if m.options.ClassEmbedDim > 0 {
		class := nn.Sinusoids(ConvertDType(labels, timestep.DType()), m.options.ClassEmbedDim)
		known = Concatenate([]*Node{known, class}, -1)
	}
	x := ConvertDType(Reshape(sample, shape.Dim(0), -1), dtype)
	h := Add(m.in.Forward(p, x), m.embed.Forward(p, ConvertDType(known, dtype)))
	for _, layer := range m.layers {
		h = Add(h, layer.Forward(p, nn.SiLU(h)))
	}
	return Reshape(nn.Wide(m.out.Forward(p, nn.SiLU(h))), shape.Dimensions...)
}
