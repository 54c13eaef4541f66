package unet

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/models/nn"
)

// resnet is diffusers' ResnetBlock2D with additive time embedding.
type resnet struct {
	norm1, norm2  nn.GroupNorm
	conv1, conv2  nn.Conv
	timeEmbedding nn.Linear
	shortcut      *nn.Conv // 1×1, where the number of channels changes
}

func newResnet(c Options, name string, in, out int) *resnet {
	r := &resnet{
		norm1:         nn.GroupNorm{Name: name + ".norm1", Channels: in, Groups: c.NormNumGroups, Eps: c.NormEps},
		conv1:         nn.Conv{Name: name + ".conv1", In: in, Out: out, Kernel: 3, Stride: 1},
		timeEmbedding: nn.Linear{Name: name + ".time_emb_proj", In: c.timeEmbedDim(), Out: out},
		norm2:         nn.GroupNorm{Name: name + ".norm2", Channels: out, Groups: c.NormNumGroups, Eps: c.NormEps},
		conv2:         nn.Conv{Name: name + ".conv2", In: out, Out: out, Kernel: 3, Stride: 1},
	}
	if in != out {
		r.shortcut = &nn.Conv{Name: name + ".conv_shortcut", In: in, Out: out, Kernel: 1, Stride: 1}
	}
	return r
}

func (r *resnet) Params() []nn.Param {
	all := nn.Collect(r.norm1, r.conv1, r.timeEmbedding, r.norm2, r.conv2)
	if r.shortcut != nil {
		all = append(all, r.shortcut.Params()...)
	}
	return all
}

// Forward maps x [B,H,W,in] to [B,H,W,out]; embedding is SiLU of the time
// embedding [B,T].
func (r *resnet) Forward(p nn.Params, x, embedding *Node) *Node {
	h := r.conv1.Forward(p, nn.SiLU(r.norm1.Forward(p, x)))
	t := r.timeEmbedding.Forward(p, embedding)
	h = nn.Narrow(Add(nn.Wide(h), nn.Wide(Reshape(t, t.Shape().Dim(0), 1, 1, t.Shape().Dim(1)))), x)
	h = r.conv2.Forward(p, nn.SiLU(r.norm2.Forward(p, h)))
	if r.shortcut != nil {
		x = r.shortcut.Forward(p, x)
	}
	return Add(x, h)
}

// level is a down or an up block: residual blocks, each followed by attention
// where the type has it, and a change of resolution at the end.
type level struct {
	resnets    []*resnet
	attentions []*nn.SelfAttention // nil, or one a residual block
	resample   *nn.Conv            // nil on the last level
}

func (l *level) Params() []nn.Param {
	var all []nn.Param
	for _, a := range l.attentions {
		all = append(all, a.Params()...)
	}
	for _, r := range l.resnets {
		all = append(all, r.Params()...)
	}
	if l.resample != nil {
		all = append(all, l.resample.Params()...)
	}
	return all
}

func (l *level) layer(p nn.Params, i int, x, embedding *Node) *Node {
	x = l.resnets[i].Forward(p, x, embedding)
	if l.attentions != nil {
		x = l.attentions[i].Forward(p, x)
	}
	return x
}

func (l *level) add(c Options, name string, in, out int, attends bool) {
	i := len(l.resnets)
	l.resnets = append(l.resnets, newResnet(c, fmt.Sprintf("%s.resnets.%d", name, i), in, out))
	if attends {
		l.attentions = append(l.attentions, nn.NewSelfAttention(fmt.Sprintf("%s.attentions.%d", name, i), out, c.AttentionHeadDim,
			c.NormNumGroups, c.NormEps))
	}
}

func (o Options) timeEmbedDim() int { return 4 * o.BlockOutChannels[0] }
