package models

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
)

// UNet2D is the class-conditioned UNet2DModel of diffusers (after Ronneberger
// et al. 2015 and Ho et al. 2020, appendix B): the class embedding joins the
// image as extra channels. It holds no weights.
type UNet2D struct {
	config Config
	layout Layout
	dtype  dtypes.DType // what goes from layer to layer

	time        *timeMLP
	convIn      conv
	down, up    []*level
	mid         *level
	convNormOut groupNorm
	convOut     conv
}

// New builds the network of a config. It computes in [Float32].
func New(c Config) (*UNet2D, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	const root = "model."
	channels, last := c.BlockOutChannels, len(c.BlockOutChannels)-1
	m := &UNet2D{config: c, dtype: dtypes.Float32,
		convIn: conv{root + "conv_in", c.InChannels + c.ClassEmbedSize, channels[0], 3, 1},
		time:   newTimeMLP(c, root+"time_embedding"),
	}
	skips := []int{channels[0]} // channels of what the down path leaves for the up path
	in := channels[0]
	for i, out := range channels {
		name, l := fmt.Sprintf("%sdown_blocks.%d", root, i), &level{}
		for range c.LayersPerBlock {
			l.add(c, name, in, out, c.DownBlockTypes[i] == "AttnDownBlock2D")
			in = out
			skips = append(skips, out)
		}
		if i < last {
			l.resample = &conv{name + ".downsamplers.0.conv", out, out, 3, 2}
			skips = append(skips, out)
		}
		m.down = append(m.down, l)
	}
	m.mid = &level{}
	m.mid.add(c, root+"mid_block", in, in, true)
	m.mid.add(c, root+"mid_block", in, in, false)
	for i := range channels {
		name, l, out := fmt.Sprintf("%sup_blocks.%d", root, i), &level{}, channels[last-i]
		for range c.LayersPerBlock + 1 {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			l.add(c, name, in+skip, out, c.UpBlockTypes[i] == "AttnUpBlock2D")
			in = out
		}
		if i < last {
			l.resample = &conv{name + ".upsamplers.0.conv", out, out, 3, 1}
		}
		m.up = append(m.up, l)
	}
	m.convNormOut = groupNorm{root + "conv_norm_out", channels[0], c.NormNumGroups, c.NormEps}
	m.convOut = conv{root + "conv_out", channels[0], c.OutChannels, 3, 1}
	m.layout = newLayout(m.params())
	return m, nil
}

// Forward predicts, for noisy samples [B,H,W,in_channels], timesteps [B] (on the
// scale of training, 0…1000, not 0…1) and class labels [B] (int32; 0 is "no
// class"), the process's target [B,H,W,out_channels]. All floats are float32, also
// with a lower precision inside.
func (m *UNet2D) Forward(p Params, sample, timestep, labels *Node) *Node {
	c := m.config
	b, h, w := sample.Shape().Dim(0), sample.Shape().Dim(1), sample.Shape().Dim(2)
	x := sample
	if c.ClassEmbedSize > 0 {
		class := Gather(p[classEmbedding], Reshape(labels, b, 1))
		class = BroadcastToDims(Reshape(class, b, 1, 1, c.ClassEmbedSize), b, h, w, c.ClassEmbedSize)
		x = Concatenate([]*Node{x, class}, -1)
	}
	embedding := silu(m.time.forward(p, timestep, m.dtype)) // every residual block begins with this SiLU

	x = m.convIn.forward(p, ConvertDType(x, m.dtype))
	skips := []*Node{x}
	for _, l := range m.down {
		for i := range l.resnets {
			x = l.layer(p, i, x, embedding)
			skips = append(skips, x)
		}
		if l.resample != nil {
			x = l.resample.forward(p, x)
			skips = append(skips, x)
		}
	}
	x = m.mid.resnets[0].forward(p, x, embedding)
	x = m.mid.attentions[0].forward(p, x)
	x = m.mid.resnets[1].forward(p, x, embedding)
	for _, l := range m.up {
		for i := range l.resnets {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			x = l.layer(p, i, Concatenate([]*Node{x, skip}, -1), embedding)
		}
		if l.resample != nil {
			x = l.resample.forward(p, upsample(x))
		}
	}
	return wide(m.convOut.forward(p, silu(m.convNormOut.forward(p, x))))
}

// upsample doubles height and width, each pixel becoming a 2×2 block.
func upsample(x *Node) *Node {
	d := x.Shape().Dimensions
	y := BroadcastToDims(Reshape(x, d[0], d[1], 1, d[2], 1, d[3]), d[0], d[1], 2, d[2], 2, d[3])
	return Reshape(y, d[0], 2*d[1], 2*d[2], d[3])
}

// Layout is the order of the network's parameters in a flat vector.
func (m *UNet2D) Layout() Layout { return m.layout }

// Init returns the flat vector of initial parameters, distributed as PyTorch's
// modules are by default. rng gives the random numbers of one parameter, by
// name, so that networks which share parameter names share their values.
func (m *UNet2D) Init(rng func(name string) *rand.Rand) []float32 {
	flat := make([]float32, m.layout.Size())
	for _, p := range m.layout.entries {
		p.init(rng(p.Name), flat[p.Offset:p.Offset+p.Size()])
	}
	return flat
}

const classEmbedding = "class_emb.weight"

// params lists the parameters in the order in which diffusers registers them.
func (m *UNet2D) params() []Param {
	var all []Param
	if m.config.ClassEmbedSize > 0 {
		all = append(all, Param{Name: classEmbedding, Shape: []int{m.config.NumClasses, m.config.ClassEmbedSize}, init: standardNormal})
	}
	all = append(all, collect(m.convIn, m.time)...)
	for _, l := range slices.Concat(m.down, m.up, []*level{m.mid}) {
		all = append(all, l.params()...)
	}
	return append(all, collect(m.convNormOut, m.convOut)...)
}
