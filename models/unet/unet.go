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
// image as extra channels, or is added to the time embedding, or both. It is a
// [models.WithDropout].
type UNet2D struct {
	models.Base
	options Options

	time        *nn.TimeEmbedding
	class       *nn.TimeEmbedding // nil unless the class is embedded as the time is
	convIn      nn.Conv
	down, up    []*level
	mid         *level
	convNormOut nn.GroupNorm
	convOut     nn.Conv
}

// New builds the network of options that are valid.
func New(c Options, precision models.Precision) *UNet2D {
	channels, last := c.BlockOutChannels, len(c.BlockOutChannels)-1
	m := &UNet2D{Base: models.Base{In: precision}, options: c,
		convIn: nn.Conv{Name: root + "conv_in", In: c.InChannels + c.ClassEmbedSize, Out: channels[0], Kernel: 3, Stride: 1},
		time:   nn.NewTimeEmbedding(root+"time_embedding", channels[0], c.timeEmbedDim()),
	}
	if c.ClassEmbedType == ClassAsTimestep {
		m.class = nn.NewTimeEmbedding(addedClass, channels[0], c.timeEmbedDim())
	}
	skips := []int{channels[0]} // channels of what the down path leaves for the up path
	in := channels[0]
	for i, out := range channels {
		name, l := fmt.Sprintf("%sdown_blocks.%d", root, i), &level{}
		for range c.LayersPerBlock {
			l.add(c, name, in, out, c.attentionGroups(c.DownBlockTypes[i]))
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
	m.mid.add(c, root+"mid_block", in, in, c.midAttentionGroups())
	m.mid.add(c, root+"mid_block", in, in, nil)
	for i := range channels {
		name, l, out := fmt.Sprintf("%sup_blocks.%d", root, i), &level{}, channels[last-i]
		for range c.LayersPerBlock + 1 {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			l.add(c, name, in+skip, out, c.attentionGroups(c.UpBlockTypes[i]))
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
	return m.predict(p, sample, timestep, labels, nn.Dropout{})
}

// Drops says whether values are left out in training.
func (m *UNet2D) Drops() bool { return m.options.Dropout > 0 }

// ForwardTraining is Forward with dropout, see [models.WithDropout].
func (m *UNet2D) ForwardTraining(p nn.Params, sample, timestep, labels, keys *Node) *Node {
	return m.predict(p, sample, timestep, labels, nn.NewDropout(m.options.Dropout, keys))
}

func (m *UNet2D) predict(p nn.Params, sample, timestep, labels *Node, dropout nn.Dropout) *Node {
	c, dtype := m.options, m.Precision().DType()
	b, h, w := sample.Shape().Dim(0), sample.Shape().Dim(1), sample.Shape().Dim(2)
	x := sample
	if c.ClassEmbedSize > 0 {
		class := Gather(p[classEmbedding], Reshape(labels, b, 1))
		class = BroadcastToDims(Reshape(class, b, 1, 1, c.ClassEmbedSize), b, h, w, c.ClassEmbedSize)
		x = Concatenate([]*Node{x, class}, -1)
	}
	given := nn.SiLU(m.embed(p, timestep, labels)) // every residual block begins with this SiLU

	x = m.convIn.Forward(p, ConvertDType(x, dtype))
	skips := []*Node{x}
	for _, l := range m.down {
		for i := range l.resnets {
			x = l.layer(p, i, x, given, dropout)
			skips = append(skips, x)
		}
		if l.resample != nil {
			x = l.resample.Forward(p, x)
			skips = append(skips, x)
		}
	}
	x = m.mid.resnets[0].Forward(p, x, given, dropout)
	x = m.mid.attentions[0].Forward(p, x)
	x = m.mid.resnets[1].Forward(p, x, given, dropout)
	for _, l := range m.up {
		for i := range l.resnets {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			x = l.layer(p, i, Concatenate([]*Node{x, skip}, -1), given, dropout)
		}
		if l.resample != nil {
			x = l.resample.Forward(p, upsample(x))
		}
	}
	return nn.Wide(m.convOut.Forward(p, nn.SiLU(m.convNormOut.Forward(p, x))))
}

// embed is the embedding of the time, with that of the class added if there is one of this kind: [B,T].
func (m *UNet2D) embed(p nn.Params, timestep, labels *Node) *Node {
	dtype := m.Precision().DType()
	embedding := m.time.Forward(p, timestep, dtype)
	var class *Node
	switch {
	case m.class != nil:
		class = m.class.Forward(p, ConvertDType(labels, timestep.DType()), dtype)
	case m.options.NumClassEmbeds > 0:
		class = nn.Narrow(Gather(p[addedClass+".weight"], Reshape(labels, -1, 1)), embedding)
	default:
		return embedding
	}
	return Add(embedding, class)
}

// upsample doubles height and width, each pixel becoming a 2×2 block.
func upsample(x *Node) *Node {
	d := x.Shape().Dimensions
	y := BroadcastToDims(Reshape(x, d[0], d[1], 1, d[2], 1, d[3]), d[0], d[1], 2, d[2], 2, d[3])
	return Reshape(y, d[0], 2*d[1], 2*d[2], d[3])
}

// The embeddings of classes: the table whose rows join the image, and what is added to the time embedding.
const (
	classEmbedding = "class_emb.weight"
	addedClass     = root + "class_embedding"
)

// root begins the names of what diffusers' UNet2DModel has.
const root = "model."

// params lists the parameters in the order in which diffusers registers them.
func (m *UNet2D) params() []nn.Param {
	var all []nn.Param
	if m.options.ClassEmbedSize > 0 {
		all = append(all, nn.Param{Name: classEmbedding, Shape: []int{m.options.NumClasses, m.options.ClassEmbedSize}, Init: nn.StandardNormal})
	}
	all = append(all, nn.Collect(m.convIn, m.time)...)
	if m.class != nil {
		all = append(all, m.class.Params()...)
	}
	if n := m.options.NumClassEmbeds; n > 0 {
		all = append(all, nn.Param{Name: addedClass + ".weight", Shape: []int{n, m.options.timeEmbedDim()}, Init: nn.StandardNormal})
	}
	for _, l := range slices.Concat(m.down, m.up, []*level{m.mid}) {
		all = append(all, l.Params()...)
	}
	return append(all, nn.Collect(m.convNormOut, m.convOut)...)
}
