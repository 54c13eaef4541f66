package unet

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/models"
	"flowharness/models/nn"
)

// UNet2D is the class-conditioned UNet2DModel of diffusers (after Ronneberger
// et al. 2015 and Ho et al. 2020, appendix B): the class embedding joins the
// image as extra channels. It is a [models.Network].
type UNet2D struct {
	models.Base
	options Options

	time        *nn.TimeEmbedding
	convIn      nn.Conv
	down, up    []*level
	mid         *level
	convNormOut nn.GroupNorm
	convOut     nn.Conv
}

// New builds the network of options that are valid.
func New(c Options, precision models.Precision) *UNet2D {
	const root = "model."
	channels, last := c.BlockOutChannels, len(c.BlockOutChannels)-1
	m := &UNet2D{Base: models.Base{In: precision}, options: c,
		convIn: nn.Conv{Name: root + "conv_in", In: c.InChannels + c.ClassEmbedSize, Out: channels[0], Kernel: 3, Stride: 1},
		time:   nn.NewTimeEmbedding(root+"time_embedding", channels[0], c.timeEmbedDim()),
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
			l.resample = &nn.Conv{Name: name + ".downsamplers.0.conv", In: out, Out: out, Kernel: 3, Stride: 2}
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
			l.resample = &nn.Conv{Name: name + ".upsamplers.0.conv", In: out, Out: out, Kernel: 3, Stride: 1}
		}
		m.up = append(m.up, l)
	}
	m.convNormOut = nn.GroupNorm{Name: root + "conv_norm_out", Channels: channels[0], Groups: c.NormNumGroups, Eps: c.NormEps}
	m.convOut = nn.Conv{Name: root + "conv_out", In: channels[0], Out: c.OutChannels, Kernel: 3, Stride: 1}
	m.Parameters = nn.NewLayout(m.params())
	return m
}

// Forward predicts, for noisy samples [B,H,W,in_channels], timesteps [B] (on the
// scale of training, 0…1000, not 0…1) and class labels [B] (int32; 0 is "no
// class"), the process's target [B,H,W,out_channels]. All floats are float32, also
// with a lower precision inside.
func (m *UNet2D) Forward(p nn.Params, sample, timestep, labels *Node) *Node {
	c, dtype := m.options, m.Precision().DType()
	b, h, w := sample.Shape().Dim(0), sample.Shape().Dim(1), sample.Shape().Dim(2)
	x := sample
	if c.ClassEmbedSize > 0 {
		class := Gather(p[classEmbedding], Reshape(labels, b, 1))
		class = BroadcastToDims(Reshape(class, b, 1, 1, c.ClassEmbedSize), b, h, w, c.ClassEmbedSize)
		x = Concatenate([]*Node{x, class}, -1)
	}
	embedding := nn.SiLU(m.time.Forward(p, timestep, dtype)) // every residual block begins with this SiLU

	x = m.convIn.Forward(p, ConvertDType(x, dtype))
	skips := []*Node{x}
	for _, l := range m.down {
		for i := range l.resnets {
			x = l.layer(p, i, x, embedding)
			skips = append(skips, x)
		}
		if l.resample != nil {
			x = l.resample.Forward(p, x)
			skips = append(skips, x)
		}
	}
	x = m.mid.resnets[0].Forward(p, x, embedding)
	x = m.mid.attentions[0].Forward(p, x)
	x = m.mid.resnets[1].Forward(p, x, embedding)
	for _, l := range m.up {
		for i := range l.resnets {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			x = l.layer(p, i, Concatenate([]*Node{x, skip}, -1), embedding)
		}
		if l.resample != nil {
			x = l.resample.Forward(p, upsample(x))
		}
	}
	return nn.Wide(m.convOut.Forward(p, nn.SiLU(m.convNormOut.Forward(p, x))))
}

// upsample doubles height and width, each pixel becoming a 2×2 block.
func upsample(x *Node) *Node {
	d := x.Shape().Dimensions
	y := BroadcastToDims(Reshape(x, d[0], d[1], 1, d[2], 1, d[3]), d[0], d[1], 2, d[2], 2, d[3])
	return Reshape(y, d[0], 2*d[1], 2*d[2], d[3])
}

const classEmbedding = "class_emb.weight"

// params lists the parameters in the order in which diffusers registers them.
func (m *UNet2D) params() []nn.Param {
	var all []nn.Param
	if m.options.ClassEmbedSize > 0 {
		all = append(all, nn.Param{Name: classEmbedding, Shape: []int{m.options.NumClasses, m.options.ClassEmbedSize}, Init: nn.StandardNormal})
	}
	all = append(all, nn.Collect(m.convIn, m.time)...)
	for _, l := range slices.Concat(m.down, m.up, []*level{m.mid}) {
		all = append(all, l.Params()...)
	}
	return append(all, nn.Collect(m.convNormOut, m.convOut)...)
}
