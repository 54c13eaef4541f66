package train

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/config"
)

// What train.microbatch_size: auto chooses from on a CPU, where a batch that fits
// the caches less is slower by the image, as is a very small one; see
// docs/performance.md.
const (
	autoMicrobatch      = 64 // largest
	autoMicrobatchLeast = 16
)

// Microbatch is the number of images that the network is run on at once on each
// of the devices that a config is trained on (see [Devices]): all of the device's
// part of a batch, or a divisor of it whose gradients are added up.
//
// train.microbatch_size: auto is all of it, but with XLA on a CPU the largest
// divisor of 16 to 64 of more than 64 images, if there is one. A number that does
// not divide the part is an error.
func Microbatch(cfg config.Config, b compute.Backend, devices int) (int, error) {
	// Points are so small that calling a program takes longer than running it.
	return microbatch(cfg.Train.MicrobatchSize, cfg.Train.BatchSize/devices, backend.IsXLACPU(b) && !cfg.Spec().Points)
}

func microbatch(wanted, images int, xlaCPU bool) (int, error) {
	switch {
	case wanted < 0:
		return 0, fmt.Errorf("train.microbatch_size must be at least 1, is %d", wanted)
	case wanted != config.AutoMicrobatch && images%wanted != 0:
		return 0, fmt.Errorf("train.microbatch_size is %d, which does not divide the %d images that a device gets of a batch: set it to a "+
			"divisor, or to auto",
			wanted, images)
	case wanted != config.AutoMicrobatch:
		return wanted, nil
	}
	if xlaCPU && images > autoMicrobatch {
		for size := autoMicrobatch; size >= autoMicrobatchLeast; size-- {
			if images%size == 0 {
				return size, nil
			}
		}
	}
	return images, nil
}

// partwise are the programs of a step that adds up the gradients of parts of a
// batch. The host calls them: XLA's CPU runs convolutions slowly within a loop of a
// program.
type partwise struct {
	size  int   // images of a part
	add   *Exec // weights, sums, part → sums
	apply *Exec // state, sums, images of the batch, hyper → state, [loss, gradient norm]
	zeros [][]*tensors.Tensor
}

// sums, of the images of a batch that a device has seen, are the sum of their
// losses [], and of the gradients of these [P].
const numSums = 2

// newPartwise returns programs that GoMLX compiles at their first call.
func newPartwise(b compute.Backend, s *stepGraph, size int) (*partwise, error) {
	p := &partwise{size: size}
	var err error
	if p.add, err = s.program(b, "training_part", func(in []*Node) []*Node {
		return s.addPart(in[0], in[1:1+numSums], s.inputsOf(in[1+numSums:]))
	}); err != nil {
		return nil, err
	}
	// The last part of the last, smaller batch of an epoch (drop_last: false) is a
	// second shape.
	p.add.SetMaxCache(2)
	n := s.numState()
	if p.apply, err = s.program(b, "training_update", func(in []*Node) []*Node {
		return s.applySums(in[:n], in[n:n+numSums], in[n+numSums], in[n+numSums+1])
	}); err != nil {
		p.add.Finalize()
		return nil, err
	}
	flat := make([]float32, s.model.Layout().Size())
	for range s.devices {
		p.zeros = append(p.zeros, []*tensors.Tensor{tensors.FromScalar(float32(0)), tensors.FromFlatDataAndDimensions(flat, len(flat))})
	}
	return p, nil
}

// addPart adds the loss and the gradient of a part to the sums. Each counts as
// often as it has images, so that the parts need not be of one size.
func (s *stepGraph) addPart(weights *Node, sums []*Node, in stepInputs) []*Node {
	loss, grad := s.ownGradient(weights, in)
	images := float64(in.labels.Shape().Size())
	return []*Node{Add(sums[0], MulScalar(loss, images)), Add(sums[1], MulScalar(grad, images))}
}

// applySums is the update by the means of the sums over the images of a device, and
// over the devices.
func (s *stepGraph) applySums(state, sums []*Node, images, hyper *Node) []*Node {
	loss, grad := s.average(Div(sums[0], images), Div(sums[1], images))
	return s.apply(state, loss, grad, hyper)
}

// updateByParts gives each device its part of the batch in parts.
func (t *trainer) updateByParts(shards []*batch, hyper []float32) ([]*tensors.Tensor, error) {
	sums := t.parts.zeros
	images := len(shards[0].labels)
	for from := 0; from < images; from += t.parts.size {
		var err error
		if sums, err = t.addPart(sums, shards, from, min(from+t.parts.size, images)); err != nil {
			return nil, err
		}
	}
	var c call
	defer c.free()
	for i, state := range t.replicas {
		if err := c.donate(t.Backend, i, state); err != nil {
			return nil, err
		}
		if err := c.donate(t.Backend, i, sums[i]); err != nil {
			return nil, err
		}
		c.give(tensors.FromScalar(float32(images)), tensors.FromFlatDataAndDimensions(hyper, numHyper))
	}
	return t.parts.apply.Call(c.args...)
}

// addPart runs the network on some images of each device's part of the batch, and
// returns the sums with theirs. The former sums are gone after it, but for the zeros.
func (t *trainer) addPart(sums [][]*tensors.Tensor, shards []*batch, from, to int) ([][]*tensors.Tensor, error) {
	var c call
	defer c.free()
	for i, state := range t.replicas {
		c.keep(state[0])
		if from == 0 {
			c.keep(sums[i]...)
		} else if err := c.donate(t.Backend, i, sums[i]); err != nil {
			return nil, err
		}
		c.give(t.inputs(shards[i].slice(from, to))...)
	}
	outputs, err := t.parts.add.Call(c.args...)
	if err != nil {
		return nil, err
	}
	added := make([][]*tensors.Tensor, len(sums))
	for i := range added {
		added[i] = outputs[numSums*i : numSums*(i+1)]
	}
	return added, nil
}

// finalize frees the programs.
func (p *partwise) finalize() {
	p.add.Finalize()
	p.apply.Finalize()
	for _, zeros := range p.zeros {
		for _, z := range zeros {
			_ = z.FinalizeAll() // the backend may have failed
		}
	}
}
