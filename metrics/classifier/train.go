package classifier

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
)

// Update is an optimizer's update of flat parameters, all [P]: from parameters,
// gradient and two moments to the new parameters and moments. The learning rate
// and the bias corrections of the two moments are scalars.
type Update func(param, grad, m, v, lr, biasCorrection1, biasCorrection2 *Node) (newParam, newM, newV *Node)

// Trainer trains the network, one batch at a time. Parameters and moments stay
// on the device. It panics as GoMLX does where a graph cannot be built.
type Trainer struct {
	shape   Shape
	backend compute.Backend
	exec    *Exec
	state   []*tensors.Tensor // parameters and two moments
}

// NewTrainer starts from the given parameters.
func NewTrainer(b compute.Backend, shape Shape, weights []float32, update Update) (*Trainer, error) {
	if err := shape.CheckWeights(weights); err != nil {
		return nil, err
	}
	exec, err := NewExec(b, func(in []*Node) []*Node {
		param, m, v, images, labels, hyper := in[0], in[1], in[2], in[3], in[4], in[5]
		named := shape.split(param)
		l := shape.loss(named, images, labels)
		param, m, v = update(param, shape.gradient(l, named), m, v, at(hyper, 0), at(hyper, 1), at(hyper, 2))
		return []*Node{param, m, v, l}
	})
	if err != nil {
		return nil, fmt.Errorf("building the classifier's training step: %w", err)
	}
	t := &Trainer{shape: shape, backend: b, exec: exec.WithName("classifier_training_step")}
	for _, flat := range [][]float32{weights, make([]float32, len(weights)), make([]float32, len(weights))} {
		t.state = append(t.state, tensors.FromFlatDataAndDimensions(flat, len(flat)))
	}
	return t, nil
}

// gradient differentiates with respect to each parameter and joins the
// gradients to a flat vector.
func (s Shape) gradient(loss *Node, named map[string]*Node) *Node {
	var nodes []*Node
	for _, p := range s.Params() {
		nodes = append(nodes, named[p.Name])
	}
	grads := Gradient(loss, nodes...)
	for i, g := range grads {
		grads[i] = Reshape(g, g.Shape().Size())
	}
	return Concatenate(grads, 0)
}

func at(vector *Node, i int) *Node { return Reshape(Slice(vector, AxisElem(i))) }

// Step updates the parameters with a batch: images [B, Height, Width, Channels]
// in [-1, 1] and labels [B], 0 … Classes-1. It returns the mean cross-entropy before the update, in nats.
func (t *Trainer) Step(images []float32, labels []int32, lr, biasCorrection1, biasCorrection2 float64) (float64, error) {
	inputs := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(images, len(labels), t.shape.Height, t.shape.Width, t.shape.Channels),
		tensors.FromFlatDataAndDimensions(labels, len(labels)),
		tensors.FromFlatDataAndDimensions([]float32{float32(lr), float32(biasCorrection1), float32(biasCorrection2)}, 3),
	}
	args := make([]any, 0, len(t.state)+len(inputs))
	for _, s := range t.state {
		donated, err := DonateTensorBuffer(s, t.backend, 0)
		if err != nil {
			return 0, err
		}
		args = append(args, donated)
	}
	for _, in := range inputs {
		args = append(args, in)
	}
	outputs, err := t.exec.Call(args...)
	if err != nil {
		return 0, err
	}
	for _, in := range inputs {
		in.MustFinalizeAll()
	}
	t.state = outputs[:3]
	defer outputs[3].MustFinalizeAll()
	return float64(tensors.ToScalar[float32](outputs[3])), nil
}

// Weights reads the parameters back.
func (t *Trainer) Weights() ([]float32, error) { return tensors.CopyFlatData[float32](t.state[0]) }

// Finalize frees what the trainer holds on the device.
func (t *Trainer) Finalize() {
	t.exec.Finalize()
	for _, s := range t.state {
		_ = s.FinalizeAll() // a donated buffer is gone already
	}
}
