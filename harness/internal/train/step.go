package train

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/nn"
	"flowharness/models/optim"
	"flowharness/schedulers"
)

// stepGraph builds one training step: forward process, model, loss, gradient,
// optimizer and average of the weights, in one compiled program.
type stepGraph struct {
	model     models.Network
	process   schedulers.Process
	optimizer optim.AdamW
	clip      float64 // maximal global gradient norm; 0 is off
	ema       bool
	devices   int // that the step runs on at once, see devices.go
}

// Indices of the host's scalars in the vector `hyper` of a step.
const (
	hyperLR = iota
	hyperBiasCorrection1
	hyperBiasCorrection2
	hyperEMADecay
	numHyper
)

// inputs of a step after the optimizer state: a batch and the scalars.
type stepInputs struct {
	images, noise, timesteps, labels *Node // [B,H,W,C], [B,H,W,C], [B], [B]
	dropout                          *Node // [B,2]; nil if the network leaves out nothing
	hyper                            *Node // [numHyper]
}

// update returns the new state (same order as given: params, m, v and, if kept,
// ema; all [P]) followed by [loss, gradient norm].
func (s *stepGraph) update(state []*Node, in stepInputs) []*Node {
	loss, grad := s.gradient(state[0], in)
	return s.apply(state, loss, grad, in.hyper)
}

// apply is the part of update that follows the loss and the gradient of the batch.
func (s *stepGraph) apply(state []*Node, loss, grad, hyper *Node) []*Node {
	grad, norm := optim.ClipByGlobalNorm(grad, s.clip)
	param, m, v := s.optimizer.Update(state[0], grad, state[1], state[2],
		at(hyper, hyperLR), at(hyper, hyperBiasCorrection1), at(hyper, hyperBiasCorrection2))

	out := []*Node{param, m, v}
	if s.ema {
		decay := at(hyper, hyperEMADecay)
		out = append(out, Add(Mul(decay, state[3]), Mul(OneMinus(decay), param)))
	}
	return append(out, Concatenate([]*Node{Reshape(loss, 1), Reshape(norm, 1)}, 0))
}

// gradient returns the loss of a batch and its gradient [P] with respect to the
// weights [P]. On several devices each sees a part of the batch, and both are
// those of the whole.
func (s *stepGraph) gradient(weights *Node, in stepInputs) (loss, grad *Node) {
	return s.average(s.ownGradient(weights, in))
}

// ownGradient is the gradient of the images that a device is given.
func (s *stepGraph) ownGradient(weights *Node, in stepInputs) (loss, grad *Node) {
	layout := s.model.Layout()
	params := layout.Split(weights)

	// The three elements of a diffusion model: noisy sample, target, and the
	// network between them.
	noisy := s.process.AddNoise(in.images, in.noise, in.timesteps)
	target := s.process.Target(in.images, in.noise, in.timesteps)
	network := func(input *Node) *Node { return s.model.Forward(params, input, in.timesteps, in.labels) }
	if model, drops := models.Dropping(s.model); drops {
		network = func(input *Node) *Node {
			return model.ForwardTraining(params, input, in.timesteps, in.labels, in.dropout)
		}
	}
	prediction := schedulers.Preconditioned(s.process, network, noisy, in.timesteps)
	loss = ReduceAllMean(schedulers.Loss(s.process, prediction, target, in.timesteps))

	return loss, layout.Concat(gradients(loss, layout, params))
}

// gradients differentiates with respect to each parameter rather than to the
// flat vector: the gradient of a slice of a vector is a vector of its size,
// 318 times over.
func gradients(loss *Node, layout nn.Layout, params nn.Params) nn.Params {
	nodes := make([]*Node, 0, len(params))
	for _, p := range layout.Entries() {
		nodes = append(nodes, params[p.Name])
	}
	grads := make(nn.Params, len(params))
	for i, g := range Gradient(loss, nodes...) {
		grads[layout.Entries()[i].Name] = g
	}
	return grads
}

func at(vector *Node, i int) *Node {
	return Reshape(Slice(vector, AxisElem(i)))
}

// numState is the number of vectors in the state.
func (s *stepGraph) numState() int {
	if s.ema {
		return 4
	}
	return 3
}

// stepMetrics is what a step reports to the host.
type stepMetrics struct{ loss, gradNorm float64 }

// compileStep returns the executable of a step of whole batches. GoMLX compiles it
// at its first call, once per batch size.
func compileStep(b compute.Backend, s *stepGraph) (*Exec, error) {
	n := s.numState()
	exec, err := s.program(b, "training_step", func(in []*Node) []*Node {
		return s.update(in[:n], s.inputsOf(in[n:]))
	})
	if err != nil {
		return nil, err
	}
	// A last, smaller batch of an epoch (drop_last: false) is a second shape.
	return exec.SetMaxCache(2), nil
}

// program makes an executable that runs on all devices of the step.
func (s *stepGraph) program(b compute.Backend, name string, graph func([]*Node) []*Node) (*Exec, error) {
	exec, err := NewExec(b, graph)
	if err == nil {
		err = s.distribute(exec)
	}
	if err != nil {
		return nil, fmt.Errorf("building the training step: %w", err)
	}
	return exec.WithName(name), nil
}

// inputsOf names the inputs of a program that follow the state.
func (s *stepGraph) inputsOf(in []*Node) stepInputs {
	named := stepInputs{images: in[0], noise: in[1], timesteps: in[2], labels: in[3]}
	rest := in[4:]
	if _, drops := models.Dropping(s.model); drops {
		named.dropout, rest = rest[0], rest[1:]
	}
	if len(rest) > 0 {
		named.hyper = rest[0]
	}
	return named
}

// step runs one update, on every device. The state's buffers are donated: the new
// state takes their place.
func (t *trainer) step(b *batch, lr float64) (stepMetrics, error) {
	n := t.stepsDone + 1
	updates := t.state.Earlier + n // that the moments and the average have seen
	bc1, bc2 := t.graph.optimizer.BiasCorrections(updates)
	hyper := []float32{hyperLR: float32(lr), hyperBiasCorrection1: float32(bc1), hyperBiasCorrection2: float32(bc2),
		hyperEMADecay: float32(emaDecay(t.Config.Train.EMADecay, updates))}

	update := t.updateByWhole
	if t.parts != nil {
		update = t.updateByParts
	}
	outputs, err := update(t.shards(b), hyper)
	if err != nil {
		return stepMetrics{}, err
	}
	reports := t.take(outputs)
	// The devices agree on loss and norm: that of the first is read.
	metrics, err := tensors.CopyFlatData[float32](reports[0])
	if err != nil {
		return stepMetrics{}, fmt.Errorf("reading the loss: %w", err)
	}
	for _, r := range reports {
		r.MustFinalizeAll()
	}
	t.stepsDone = n
	return stepMetrics{loss: float64(metrics[0]), gradNorm: float64(metrics[1])}, nil
}

// updateByWhole gives each device all of its part of the batch at once.
func (t *trainer) updateByWhole(shards []*batch, hyper []float32) ([]*tensors.Tensor, error) {
	var c call
	defer c.free()
	for i, state := range t.replicas {
		if err := c.donate(t.Backend, i, state); err != nil {
			return nil, err
		}
		c.give(t.inputs(shards[i])...)
		c.give(tensors.FromFlatDataAndDimensions(hyper, numHyper))
	}
	return t.exec.Call(c.args...)
}

// call collects what a program is called with, one device after the other.
type call struct {
	args  []any
	given []*tensors.Tensor
}

// donate adds tensors whose buffers the program may write its outputs to.
func (c *call) donate(b compute.Backend, device int, ts []*tensors.Tensor) error {
	for _, t := range ts {
		d, err := DonateTensorBuffer(t, b, compute.DeviceNum(device))
		if err != nil {
			return err
		}
		c.args = append(c.args, d)
	}
	return nil
}

// keep adds tensors that are needed after the call.
func (c *call) keep(ts ...*tensors.Tensor) {
	for _, t := range ts {
		c.args = append(c.args, t)
	}
}

// give adds tensors that free is to free.
func (c *call) give(ts ...*tensors.Tensor) {
	c.keep(ts...)
	c.given = append(c.given, ts...)
}

// free frees what was given. The program must have ended.
func (c *call) free() {
	for _, t := range c.given {
		t.MustFinalizeAll()
	}
}

// inputs are the images of a batch, and what goes with them, as a program takes them.
func (t *trainer) inputs(b *batch) []*tensors.Tensor {
	size := len(b.labels)
	image := []int{size, t.Data.Height, t.Data.Width, t.Data.Channels}
	inputs := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(b.images, image...),
		tensors.FromFlatDataAndDimensions(b.noise, image...),
		tensors.FromFlatDataAndDimensions(b.timesteps, size),
		tensors.FromFlatDataAndDimensions(b.labels, size),
	}
	if b.dropout != nil {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(b.dropout, size, dropoutKey))
	}
	return inputs
}

// take makes the first outputs of each device its state, and returns the rest:
// what the devices report.
func (t *trainer) take(outputs []*tensors.Tensor) (reports []*tensors.Tensor) {
	for i, state := range t.replicas {
		n := len(state)
		t.replicas[i] = outputs[i*(n+1) : i*(n+1)+n]
		reports = append(reports, outputs[i*(n+1)+n])
	}
	return reports
}

// emaDecay is diffusers' ramp of the decay of the weights' average: small at
// first, so that the random initial weights are soon forgotten.
func emaDecay(decay float64, n int) float64 {
	return min(decay, (1+float64(n))/(10+float64(n)))
}
