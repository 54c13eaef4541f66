package classifier

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
)

// readBatch is the number of images in an execution: one program serves any
// number of images, the last batch being filled up with blanks.
const readBatch = 250

// Reader classifies images with fixed weights. It panics as GoMLX does where a
// graph cannot be built.
type Reader struct {
	shape   Shape
	exec    *Exec
	weights *tensors.Tensor
}

// NewReader puts the parameters, a flat vector in the order of [Shape.Params], on
// the device.
func NewReader(b compute.Backend, shape Shape, weights []float32) (*Reader, error) {
	if err := shape.CheckWeights(weights); err != nil {
		return nil, err
	}
	exec, err := NewExec(b, func(flat, images *Node) (*Node, *Node) {
		logits, features := shape.Forward(flat, ClipScalar(images, -1, 1))
		return ArgMax(logits, -1), features
	})
	if err != nil {
		return nil, fmt.Errorf("building the classifier: %w", err)
	}
	return &Reader{shape: shape, exec: exec.WithName("classifier"), weights: tensors.FromFlatDataAndDimensions(weights, len(weights))}, nil
}

// Run classifies n images [n, Height, Width, Channels] in [-1, 1]; what is outside
// is clipped, as a picture file would. It returns the class of the largest logit [n] and the
// features [n,64], row-major.
func (r *Reader) Run(images []float32, n int) (predicted []uint8, features []float32, err error) {
	pixels := r.shape.Pixels()
	if n < 0 || len(images) != n*pixels {
		return nil, nil, fmt.Errorf("the classifier takes %v: %d images are %d values, not %d", r.shape, n, n*pixels, len(images))
	}
	predicted, features = make([]uint8, 0, n), make([]float32, 0, n*NumFeatures)
	padded := make([]float32, readBatch*pixels)
	for from := 0; from < n; from += readBatch {
		size := min(readBatch, n-from)
		clear(padded[copy(padded, images[from*pixels:(from+size)*pixels]):])
		classes, rows, err := r.batch(padded)
		if err != nil {
			return nil, nil, fmt.Errorf("classifying images %d to %d: %w", from, from+size-1, err)
		}
		for _, c := range classes[:size] {
			predicted = append(predicted, uint8(c))
		}
		features = append(features, rows[:size*NumFeatures]...)
	}
	return predicted, features, nil
}

func (r *Reader) batch(images []float32) (classes []int32, features []float32, err error) {
	in := tensors.FromFlatDataAndDimensions(images, readBatch, r.shape.Height, r.shape.Width, r.shape.Channels)
	defer in.MustFinalizeAll()
	outputs, err := r.exec.Call(r.weights, in)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		for _, out := range outputs {
			out.MustFinalizeAll()
		}
	}()
	if classes, err = tensors.CopyFlatData[int32](outputs[0]); err != nil {
		return nil, nil, err
	}
	features, err = tensors.CopyFlatData[float32](outputs[1])
	return classes, features, err
}

// Finalize frees what the reader holds on the device.
func (r *Reader) Finalize() {
	r.exec.Finalize()
	r.weights.MustFinalizeAll()
}
