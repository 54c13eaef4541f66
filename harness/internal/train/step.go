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
	layout := s.model.Layout()
	params := layout.Split(state[0])

	// The three elements of a diffusion model: noisy sample, target, and the
	// network between them.
	noisy := s.process.AddNoise(in.images, in.noise, in.timesteps)
	target := s.process.Target(in.images, in.noise, in.timesteps)
	prediction := s.model.Forward(params, noisy, in.timesteps, in.labels)
	loss := ReduceAllMean(Square(Sub(prediction, StopGradient(target))))

	grad := layout.Concat(gradients(loss, layout, params))
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
	if err != nil {
		return nil, fmt.Errorf("building the training step: %w", err)
	}
	// A last, smaller batch of an epoch (drop_last: false) is a second shape.
	return exec.WithName("training_step").SetMaxCache(2), nil
}

// step runs one update on the device. The state's buffers are donated: the new
// state takes their place.
func (t *trainer) step(b *batch, lr float64) (stepMetrics, error) {
	n := t.stepsDone + 1
	bc1, bc2 := t.graph.optimizer.BiasCorrections(n)
	hyper := []float32{hyperLR: float32(lr), hyperBiasCorrection1: float32(bc1), hyperBiasCorrection2: float32(bc2),
		hyperEMADecay: float32(emaDecay(t.Config.Train.EMADecay, n))}

	args := make([]any, 0, len(t.device)+5)
	for _, s := range t.device {
		d, err := DonateTensorBuffer(s, t.Backend, 0)
		if err != nil {
			return stepMetrics{}, err
		}
		args = append(args, d)
	}
	size, ds := len(b.labels), t.Data
	image := []int{size, ds.Height, ds.Width, 1}
	inputs := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(b.images, image...),
		tensors.FromFlatDataAndDimensions(b.noise, image...),
		tensors.FromFlatDataAndDimensions(b.timesteps, size),
		tensors.FromFlatDataAndDimensions(b.labels, size),
		tensors.FromFlatDataAndDimensions(hyper, numHyper),
	}
	for _, in := range inputs {
		args = append(args, in)
	}
	outputs, err := t.exec.Call(args...)
	if err != nil {
		return stepMetrics{}, err
	}
	for _, in := range inputs {
		in.MustFinalizeAll()
	}
	t.device = outputs[:len(t.device)]
	metrics, err := tensors.CopyFlatData[float32](outputs[len(outputs)-1])
	if err != nil {
		return stepMetrics{}, fmt.Errorf("reading the loss: %w", err)
	}
	outputs[len(outputs)-1].MustFinalizeAll()
	t.stepsDone = n
	return stepMetrics{loss: float64(metrics[0]), gradNorm: float64(metrics[1])}, nil
}

// emaDecay is diffusers' ramp of the decay of the weights' average: small at
// first, so that the random initial weights are soon forgotten.
func emaDecay(decay float64, n int) float64 {
	return min(decay, (1+float64(n))/(10+float64(n)))
}
