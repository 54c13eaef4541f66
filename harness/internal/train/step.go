package train

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/optim"
	"flowharness/schedulers"
)

// stepGraph builds one training step: forward process, model, loss, gradient,
// optimizer and average of the weights, in one compiled program.
type stepGraph struct {
	model     *models.UNet2D
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
	hyper                            *Node // [numHyper]
}

// update returns the new state (same order as given: params, m, v and, if kept,
// ema; all [P]) followed by [loss, gradient norm].
func (s *stepGraph) update(state []*Node, in stepInputs) []*Node {
	loss, grad := s.gradient(state[0], in)
	grad, norm := optim.ClipByGlobalNorm(grad, s.clip)
	param, m, v := s.optimizer.Update(state[0], grad, state[1], state[2],
		at(in.hyper, hyperLR), at(in.hyper, hyperBiasCorrection1), at(in.hyper, hyperBiasCorrection2))

	out := []*Node{param, m, v}
	if s.ema {
		decay := at(in.hyper, hyperEMADecay)
		out = append(out, Add(Mul(decay, state[3]), Mul(OneMinus(decay), param)))
	}
	return append(out, Concatenate([]*Node{Reshape(loss, 1), Reshape(norm, 1)}, 0))
}

// gradient returns the loss of a batch and its gradient [P] with respect to the
// weights [P]. On several devices each sees a part of the batch, and both are
// those of the whole.
func (s *stepGraph) gradient(weights *Node, in stepInputs) (loss, grad *Node) {
	layout := s.model.Layout()
	params := layout.Split(weights)

	// The three elements of a diffusion model: noisy sample, target, and the
	// network between them.
	noisy := s.process.AddNoise(in.images, in.noise, in.timesteps)
	target := s.process.Target(in.images, in.noise, in.timesteps)
	prediction := s.model.Forward(params, noisy, in.timesteps, in.labels)
	loss = ReduceAllMean(Square(Sub(prediction, StopGradient(target))))

	grad = layout.Concat(gradients(loss, layout, params))
	return s.average(loss, grad)
}

// gradients differentiates with respect to each parameter rather than to the
// flat vector: the gradient of a slice of a vector is a vector of its size,
// 318 times over.
func gradients(loss *Node, layout models.Layout, params models.Params) models.Params {
	nodes := make([]*Node, 0, len(params))
	for _, p := range layout.Entries() {
		nodes = append(nodes, params[p.Name])
	}
	grads := make(models.Params, len(params))
	for i, g := range Gradient(loss, nodes...) {
		grads[layout.Entries()[i].Name] = g
	}
	return grads
}

func at(vector *Node, i int) *Node {
	return Reshape(Slice(vector, AxisElem(i)))
}

// stepMetrics is what a step reports to the host.
type stepMetrics struct{ loss, gradNorm float64 }

// compileStep returns the executable of the step. GoMLX compiles it at its
// first call, once per batch size.
func compileStep(b compute.Backend, s *stepGraph) (*Exec, error) {
	numState := 3
	if s.ema {
		numState++
	}
	exec, err := NewExec(b, func(in []*Node) []*Node {
		rest := in[numState:]
		return s.update(in[:numState], stepInputs{images: rest[0], noise: rest[1], timesteps: rest[2], labels: rest[3], hyper: rest[4]})
	})
	if err == nil {
		err = s.distribute(exec)
	}
	if err != nil {
		return nil, fmt.Errorf("building the training step: %w", err)
	}
	// A last, smaller batch of an epoch (drop_last: false) is a second shape.
	return exec.WithName("training_step").SetMaxCache(2), nil
}

// step runs one update, on every device. The state's buffers are donated: the new
// state takes their place.
func (t *trainer) step(b *batch, lr float64) (stepMetrics, error) {
	n := t.stepsDone + 1
	bc1, bc2 := t.graph.optimizer.BiasCorrections(n)
	hyper := []float32{hyperLR: float32(lr), hyperBiasCorrection1: float32(bc1), hyperBiasCorrection2: float32(bc2),
		hyperEMADecay: float32(emaDecay(t.Config.Train.EMADecay, n))}

	var args []any
	var inputs []*tensors.Tensor
	shards := t.shards(b)
	for i, state := range t.replicas {
		for _, s := range state {
			d, err := DonateTensorBuffer(s, t.Backend, compute.DeviceNum(i))
			if err != nil {
				return stepMetrics{}, err
			}
			args = append(args, d)
		}
		for _, in := range t.inputs(shards[i], hyper) {
			args, inputs = append(args, in), append(inputs, in)
		}
	}
	outputs, err := t.exec.Call(args...)
	if err != nil {
		return stepMetrics{}, err
	}
	for _, in := range inputs {
		in.MustFinalizeAll()
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

// inputs are a batch and the scalars as the step takes them.
func (t *trainer) inputs(b *batch, hyper []float32) []*tensors.Tensor {
	size := len(b.labels)
	image := []int{size, t.Data.Height, t.Data.Width, 1}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(b.images, image...),
		tensors.FromFlatDataAndDimensions(b.noise, image...),
		tensors.FromFlatDataAndDimensions(b.timesteps, size),
		tensors.FromFlatDataAndDimensions(b.labels, size),
		tensors.FromFlatDataAndDimensions(hyper, numHyper),
	}
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
