package main

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/models"
	"flowharness/models/nn"
)

// pixelwise is a network that the program does not have: two linear layers over each pixel by itself, which are told
// the time and, with class_weight, the class.
type pixelwise struct {
	models.Base
	options pixelwiseOptions
	in, out nn.Linear
}

type pixelwiseOptions struct {
	Width       int  `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=1024"`
	TimeEmbed   int  `yaml:"time_embed" json:"time_embed" jsonschema:"minimum=2,maximum=256"`
	Unlabelled  bool `yaml:"unlabelled" json:"unlabelled"`
	LayersBlock int  `yaml:"layers_per_block" json:"layers_per_block" jsonschema:"minimum=1,maximum=1"`
}

// DescribeKeys says what each key is for.
func (pixelwiseOptions) DescribeKeys() map[string]string {
	return map[string]string{
		"width":            "Hidden values of a pixel.",
		"time_embed":       "Sines and cosines of the time. Default: as wide as the network, but even.",
		"unlabelled":       "The network is not told the class.",
		"layers_per_block": "A key that another network has, with another range.",
	}
}

func registerNetworks() {
	models.Register(models.Registration[pixelwiseOptions]{
		Name: "pixelwise", About: "each pixel by itself.", Options: pixelwiseOptions{Width: 16, LayersBlock: 1},
		SetDefaults: func(o *pixelwiseOptions, _ models.Data) {
			if o.TimeEmbed == 0 {
				o.TimeEmbed = (o.Width + 1) / 2 * 2
			}
		},
		Validate: func(o pixelwiseOptions, data models.Data, p *models.Problems) {
			if o.TimeEmbed%2 != 0 {
				p.Fail("time_embed", []string{"width"}, "must be even, got %d", o.TimeEmbed)
			}
			p.Check(o.Width >= data.Channels, "width", "must be at least %d, the channels of an image, got %d", data.Channels, o.Width)
		},
		TakesClasses: func(o pixelwiseOptions) bool { return !o.Unlabelled },
		New: func(o pixelwiseOptions, data models.Data, precision models.Precision) models.Network {
			known := o.TimeEmbed
			if !o.Unlabelled {
				known += data.Classes + 1
			}
			n := &pixelwise{options: o, in: nn.Linear{Name: "in", In: data.Channels + known, Out: o.Width},
				out: nn.Linear{Name: "out", In: o.Width, Out: data.Channels}}
			n.Base = models.Base{Parameters: nn.NewLayout(nn.Collect(n.in, n.out)), In: precision}
			return n
		},
	})
}

func (n *pixelwise) Forward(p nn.Params, sample, timestep, labels *Node) *Node {
	known := nn.Sinusoids(timestep, n.options.TimeEmbed)
	if !n.options.Unlabelled {
		classes := n.in.In - n.out.Out - n.options.TimeEmbed
		known = Concatenate([]*Node{known, OneHot(labels, classes, sample.DType())}, -1)
	}
	d := sample.Shape().Dimensions
	known = BroadcastToDims(Reshape(known, d[0], 1, 1, -1), d[0], d[1], d[2], known.Shape().Dim(1))
	x := ConvertDType(Concatenate([]*Node{sample, known}, -1), n.Precision().DType())
	if got := x.Shape().Dim(3); got != n.in.In {
		panic(fmt.Sprintf("pixelwise: a pixel has %d values, not %d", got, n.in.In))
	}
	return nn.Wide(n.out.Forward(p, nn.SiLU(n.in.Forward(p, x))))
}
