package unet

import (
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/models/nn"
)

// resnet is diffusers' ResnetBlock2D.
type resnet struct {
	norm1, norm2  nn.GroupNorm
	conv1, conv2  nn.Conv
	timeEmbedding nn.Linear
	scaleShift    bool     // the time scales and shifts what norm2 returns, instead of being added before
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
	if c.TimeScaleShift == ScaleAndShiftTimes {
		r.scaleShift, r.timeEmbedding.Out = true, 2*out
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

// Forward maps x [B,H,W,in] to [B,H,W,out]; given is SiLU of the embedding of time
// and class [B,T].
func (r *resnet) Forward(p nn.Params, x, given *Node, dropout nn.Dropout) *Node {
	h := r.conv1.Forward(p, nn.SiLU(r.norm1.Forward(p, x)))
	t := r.timeEmbedding.Forward(p, given)
	t = nn.Wide(Reshape(t, t.Shape().Dim(0), 1, 1, t.Shape().Dim(1)))
	if r.scaleShift {
		channels := r.norm2.Channels
		scale, shift := SliceAxis(t, 3, AxisRange(0, channels)), SliceAxis(t, 3, AxisRange(channels, 2*channels))
		h = nn.Narrow(Add(Mul(nn.Wide(r.norm2.Forward(p, h)), OnePlus(scale)), shift), x)
	} else {
		h = r.norm2.Forward(p, nn.Narrow(Add(nn.Wide(h), t), x))
	}
	h = r.conv2.Forward(p, dropout.Apply(nn.SiLU(h)))
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

func (l *level) layer(p nn.Params, i int, x, given *Node, dropout nn.Dropout) *Node {
	x = l.resnets[i].Forward(p, x, given, dropout)
	if l.attentions != nil {
		x = l.attentions[i].Forward(p, x)
	}
	return x
}

// add adds a residual block and, with so many groups of its norm, attention; nil is no attention, 0 groups no norm.
func (l *level) add(c Options, name string, in, out int, attentionGroups *int) {
	i := len(l.resnets)
	l.resnets = append(l.resnets, newResnet(c, fmt.Sprintf("%s.resnets.%d", name, i), in, out))
	if attentionGroups != nil {
		l.attentions = append(l.attentions, nn.NewSelfAttention(fmt.Sprintf("%s.attentions.%d", name, i), out, c.AttentionHeadDim,
			*attentionGroups, c.NormEps))
	}
}

// attentionGroups is for a block of a type.
func (o Options) attentionGroups(blockType string) *int {
	if strings.HasPrefix(blockType, "Attn") {
		return &o.NormNumGroups
	}
	return nil
}

// midAttentionGroups: where the time scales and shifts, diffusers' mid block attends without a norm.
func (o Options) midAttentionGroups() *int {
	if o.TimeScaleShift == ScaleAndShiftTimes {
		return new(int)
	}
	return &o.NormNumGroups
}

func (o Options) timeEmbedDim() int { return 4 * o.BlockOutChannels[0] }
