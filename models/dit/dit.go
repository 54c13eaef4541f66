package dit

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas

	"flowharness/models"
	"flowharness/models/nn"
)

// timeSinusoids is how many cosines and sines a timestep is embedded in.
const timeSinusoids = 256

// normEps is added to the variance in every layer norm.
const normEps = 1e-6

// classEmbedding has a row for each class, and a last one for "no class".
const classEmbedding = "y_embedder.embedding_table.weight"

// DiT is the network (Peebles & Xie 2023, figure 3, with adaLN-Zero). With x the tokens of an image, which are linear in
// the values of its patches and have their sin-cos positions added, and c the sum of the embeddings of time and class,
// a block is
//
//	shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = W·SiLU(c) + b
//	x = x + gate_1·Attention(LayerNorm(x)·(1 + scale_1) + shift_1)
//	x = x + gate_2·MLP(LayerNorm(x)·(1 + scale_2) + shift_2)
//
// and the prediction is linear in the last tokens, normalised, scaled and shifted likewise. W, b and the last layer begin
// as zero: every block begins as the identity, the prediction as zero. The parameters have the names of the authors'
// code; there is no prediction of the variance. It is a [models.Network].
type DiT struct {
	models.Base
	options         Options
	data            models.Data
	patches         nn.Linear // an embedding of the patches, which PyTorch's state dict has as a convolution
	time1, time2    nn.Linear
	blocks          []block
	finalModulation nn.Linear
	finalLinear     nn.Linear
}

type block struct {
	modulation, qkv, proj, fc1, fc2 nn.Linear
}

// New builds the network of options that are valid for the data.
func New(o Options, data models.Data, precision models.Precision) *DiT {
	hidden, patch := o.HiddenSize, o.PatchSize*o.PatchSize*data.Channels
	m := &DiT{options: o, data: data,
		patches:         nn.Linear{Name: "x_embedder.proj", In: patch, Out: hidden},
		time1:           nn.Linear{Name: "t_embedder.mlp.0", In: timeSinusoids, Out: hidden},
		time2:           nn.Linear{Name: "t_embedder.mlp.2", In: hidden, Out: hidden},
		finalModulation: nn.Linear{Name: "final_layer.adaLN_modulation.1", In: hidden, Out: 2 * hidden},
		finalLinear:     nn.Linear{Name: "final_layer.linear", In: hidden, Out: patch},
	}
	for i := range o.Depth {
		linear := func(name string, in, out int) nn.Linear {
			return nn.Linear{Name: fmt.Sprintf("blocks.%d.%s", i, name), In: in, Out: out}
		}
		m.blocks = append(m.blocks, block{
			qkv: linear("attn.qkv", hidden, 3*hidden), proj: linear("attn.proj", hidden, hidden),
			fc1: linear("mlp.fc1", hidden, o.mlpSize()), fc2: linear("mlp.fc2", o.mlpSize(), hidden),
			modulation: linear("adaLN_modulation.1", hidden, 6*hidden),
		})
	}
	layout := nn.NewLayout(m.params()).WithConstant("pos_embed", []int{1, m.tokens(), hidden}, m.positions())
	m.Base = models.Base{Parameters: layout, In: precision}
	return m
}

// Forward predicts, see [models.Network].
func (m *DiT) Forward(p nn.Params, sample, timestep, labels *Node) *Node {
	dtype := m.Precision().DType()
	x := m.embedPatches(p, ConvertDType(sample, dtype))
	positions := Reshape(Const(x.Graph(), m.positions()), 1, m.tokens(), m.options.HiddenSize)
	x = nn.Narrow(Add(nn.Wide(x), positions), x)

	c := nn.SiLU(m.condition(p, timestep, labels))
	for _, b := range m.blocks {
		x = b.forward(p, x, c, m.options.HiddenSize/m.options.NumHeads)
	}
	modulation := split(m.finalModulation.Forward(p, c), 2)
	x = nn.Narrow(modulated(x, modulation[0], modulation[1]), x)
	return m.unpatchify(nn.Wide(m.finalLinear.Forward(p, x)))
}

// embedPatches maps images [B,H,W,C] to tokens [B,tokens,hidden].
func (m *DiT) embedPatches(p nn.Params, x *Node) *Node {
	weight := m.patches.Name + ".weight"
	flat := nn.Params{weight: Reshape(p[weight], m.patches.Out, m.patches.In), m.patches.Name + ".bias": p[m.patches.Name+".bias"]}
	return m.patches.Forward(flat, m.patchify(x))
}

// condition is the sum of the embeddings of times and classes, [B,hidden].
func (m *DiT) condition(p nn.Params, timestep, labels *Node) *Node {
	sines := ConvertDType(nn.Sinusoids(timestep, timeSinusoids), m.Precision().DType())
	c := m.time2.Forward(p, nn.SiLU(m.time1.Forward(p, sines)))
	if !m.options.ClassConditional {
		return c
	}
	// Label 0 is "no class", the table's last row; label 1 is the first class, its first.
	noClass := Scalar(labels.Graph(), labels.DType(), m.data.Classes)
	row := Where(Equal(labels, ZerosLike(labels)), BroadcastToShape(noClass, labels.Shape()), SubScalar(labels, 1))
	class := Gather(p[classEmbedding], Reshape(row, -1, 1))
	return nn.Narrow(Add(nn.Wide(c), class), c)
}

// forward is a block, for tokens x [B,tokens,hidden] and SiLU(c) [B,hidden].
func (b block) forward(p nn.Params, x, c *Node, headDim int) *Node {
	m := split(b.modulation.Forward(p, c), 6)
	h := nn.Narrow(modulated(x, m[0], m[1]), x)
	h = b.proj.Forward(p, nn.Attend(b.qkv.Forward(p, h), headDim))
	x = gated(x, m[2], h)
	h = nn.Narrow(modulated(x, m[3], m[4]), x)
	h = b.fc2.Forward(p, nn.GELU(b.fc1.Forward(p, h)))
	return gated(x, m[5], h)
}

// modulated is the layer norm of x, scaled and shifted, in float32.
func modulated(x, shift, scale *Node) *Node {
	return Add(Mul(nn.LayerNorm(x, normEps), OnePlus(scale)), shift)
}

// gated is x + gate·h.
func gated(x, gate, h *Node) *Node { return nn.Narrow(Add(nn.Wide(x), Mul(gate, nn.Wide(h))), x) }

// split cuts [B,n·hidden] into n parts [B,1,hidden] of float32, which are the same for all tokens of an image.
func split(x *Node, n int) []*Node {
	x = nn.Wide(x)
	parts, width := make([]*Node, n), x.Shape().Dim(1)/n
	for i := range parts {
		parts[i] = ExpandAxes(SliceAxis(x, 1, AxisRange(i*width, (i+1)*width)), 1)
	}
	return parts
}

// params lists the parameters as they are initialized in the authors' code.
func (m *DiT) params() []nn.Param {
	zero := nn.Constant(0)
	patch := m.options.PatchSize
	weight := nn.Param{Name: m.patches.Name + ".weight", Shape: []int{m.patches.Out, m.data.Channels, patch, patch},
		Init: nn.Xavier(m.patches.In, m.patches.Out)}
	all := []nn.Param{weight, {Name: m.patches.Name + ".bias", Shape: []int{m.patches.Out}, Init: zero}}
	add := func(l nn.Linear, weight nn.Initializer) {
		p := l.Params()
		p[0].Init, p[1].Init = weight, zero
		all = append(all, p...)
	}
	add(m.time1, nn.NormalOf(0.02))
	add(m.time2, nn.NormalOf(0.02))
	if m.options.ClassConditional {
		all = append(all, nn.Param{Name: classEmbedding, Shape: []int{m.data.Classes + 1, m.options.HiddenSize}, Init: nn.NormalOf(0.02)})
	}
	for _, b := range m.blocks {
		for _, l := range []nn.Linear{b.qkv, b.proj, b.fc1, b.fc2} {
			add(l, nn.Xavier(l.In, l.Out))
		}
		add(b.modulation, zero)
	}
	add(m.finalLinear, zero)
	add(m.finalModulation, zero)
	return all
}
