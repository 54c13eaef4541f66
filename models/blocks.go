package models

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
)

// resnet is diffusers' ResnetBlock2D with additive time embedding.
type resnet struct {
	norm1, norm2  groupNorm
	conv1, conv2  conv
	timeEmbedding linear
	shortcut      *conv // 1×1, where the number of channels changes
}

func newResnet(c Config, name string, in, out int) *resnet {
	r := &resnet{
		norm1:         groupNorm{name + ".norm1", in, c.NormNumGroups, c.NormEps},
		conv1:         conv{name + ".conv1", in, out, 3, 1},
		timeEmbedding: linear{name + ".time_emb_proj", c.timeEmbedDim(), out},
		norm2:         groupNorm{name + ".norm2", out, c.NormNumGroups, c.NormEps},
		conv2:         conv{name + ".conv2", out, out, 3, 1},
	}
	if in != out {
		r.shortcut = &conv{name + ".conv_shortcut", in, out, 1, 1}
	}
	return r
}

func (r *resnet) params() []Param {
	all := collect(r.norm1, r.conv1, r.timeEmbedding, r.norm2, r.conv2)
	if r.shortcut != nil {
		all = append(all, r.shortcut.params()...)
	}
	return all
}

// forward maps x [B,H,W,in] to [B,H,W,out]; embedding is SiLU of the time
// embedding [B,T].
func (r *resnet) forward(p Params, x, embedding *Node) *Node {
	h := r.conv1.forward(p, silu(r.norm1.forward(p, x)))
	t := r.timeEmbedding.forward(p, embedding)
	h = narrow(Add(wide(h), wide(Reshape(t, t.Shape().Dim(0), 1, 1, t.Shape().Dim(1)))), x)
	h = r.conv2.forward(p, silu(r.norm2.forward(p, h)))
	if r.shortcut != nil {
		x = r.shortcut.forward(p, x)
	}
	return Add(x, h)
}

// attention is diffusers' spatial self-attention with a residual connection.
type attention struct {
	norm            groupNorm
	q, k, v, output linear
	headDim         int
}

func newAttention(c Config, name string, channels int) *attention {
	return &attention{
		norm:   groupNorm{name + ".group_norm", channels, c.NormNumGroups, c.NormEps},
		q:      linear{name + ".to_q", channels, channels},
		k:      linear{name + ".to_k", channels, channels},
		v:      linear{name + ".to_v", channels, channels},
		output: linear{name + ".to_out.0", channels, channels},

		headDim: c.AttentionHeadDim,
	}
}

func (a *attention) params() []Param { return collect(a.norm, a.q, a.k, a.v, a.output) }

// forward maps x [B,H,W,C] to the same shape.
func (a *attention) forward(p Params, x *Node) *Node {
	b, channels := x.Shape().Dim(0), x.Shape().Dim(3)
	tokens, heads := x.Shape().Dim(1)*x.Shape().Dim(2), channels/a.headDim
	z := a.norm.forward(p, Reshape(x, b, tokens, channels))
	var weights, biases []*Node // of one product for all three
	for _, l := range []linear{a.q, a.k, a.v} {
		weights, biases = append(weights, p[l.name+".weight"]), append(biases, p[l.name+".bias"])
	}
	qkv := addChannels(matmul(z, Transpose(Concatenate(weights, 0), 0, 1)), Concatenate(biases, 0))
	y := scaledDotProduct(Reshape(Transpose(qkv, 1, 2), b, 3, heads, a.headDim, tokens))
	y = Transpose(Reshape(y, b, channels, tokens), 1, 2)
	return Add(x, Reshape(a.output.forward(p, y), x.Shape().Dimensions...))
}

// timeMLP embeds timesteps (Vaswani et al. 2017, section 3.5, cosines first)
// and maps them through two linear layers.
type timeMLP struct {
	channels         int
	linear1, linear2 linear
}

func newTimeMLP(c Config, name string) *timeMLP {
	ch := c.BlockOutChannels[0]
	return &timeMLP{ch, linear{name + ".linear_1", ch, c.timeEmbedDim()}, linear{name + ".linear_2", c.timeEmbedDim(), c.timeEmbedDim()}}
}

func (t *timeMLP) params() []Param { return collect(t.linear1, t.linear2) }

// forward maps timesteps [B], on the scale 0…1000, to [B, 4·channels] of dtype.
func (t *timeMLP) forward(p Params, timestep *Node, dtype dtypes.DType) *Node {
	half := t.channels / 2
	frequencies := make([]float32, half)
	for i := range frequencies {
		frequencies[i] = float32(math.Exp(-math.Log(10000) * float64(i) / float64(half)))
	}
	angles := Mul(Reshape(timestep, -1, 1), Const(timestep.Graph(), [][]float32{frequencies}))
	embedding := ConvertDType(Concatenate([]*Node{Cos(angles), Sin(angles)}, -1), dtype)
	return t.linear2.forward(p, silu(t.linear1.forward(p, embedding)))
}

// level is a down or an up block: residual blocks, each followed by attention
// where the type has it, and a change of resolution at the end.
type level struct {
	resnets    []*resnet
	attentions []*attention // nil, or one a residual block
	resample   *conv        // nil on the last level
}

func (l *level) params() []Param {
	var all []Param
	for _, a := range l.attentions {
		all = append(all, a.params()...)
	}
	for _, r := range l.resnets {
		all = append(all, r.params()...)
	}
	if l.resample != nil {
		all = append(all, l.resample.params()...)
	}
	return all
}

func (l *level) layer(p Params, i int, x, embedding *Node) *Node {
	x = l.resnets[i].forward(p, x, embedding)
	if l.attentions != nil {
		x = l.attentions[i].forward(p, x)
	}
	return x
}

func (l *level) add(c Config, name string, in, out int, attends bool) {
	i := len(l.resnets)
	l.resnets = append(l.resnets, newResnet(c, fmt.Sprintf("%s.resnets.%d", name, i), in, out))
	if attends {
		l.attentions = append(l.attentions, newAttention(c, fmt.Sprintf("%s.attentions.%d", name, i), out))
	}
}

func (c Config) timeEmbedDim() int { return 4 * c.BlockOutChannels[0] }

func collect(modules ...module) []Param {
	var all []Param
	for _, m := range modules {
		all = append(all, m.params()...)
	}
	return all
}
