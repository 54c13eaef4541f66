package train

import (
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
)

// Calibration is a fixed amount of work of the kinds that a training step is
// made of: convolution, activation, matrix product, and their gradients. A
// training step's time divided by its time depends on the speed of a machine far
// less than either, so that a slower program can be told from a slower machine.
// The ratio depends on the number of processors and on the backend still.
type Calibration struct {
	exec   *Exec
	inputs []*tensors.Tensor
}

// The amount of work. Changing it makes recorded ratios meaningless.
const (
	calibrationBatch    = 4
	calibrationSize     = 28 // height and width
	calibrationChannels = 32
)

// A measurement is the median of repetitions, each of as many calls as fill a
// time that is long beside the slices of a busy processor: shorter ones would
// find the moments in which nothing else runs, and training steps do not.
const (
	calibrationRepetition = 50 * time.Millisecond
	calibrationTime       = 300 * time.Millisecond // of all, unless three take longer
)

// NewCalibration compiles the work and does it once.
func NewCalibration(b compute.Backend) (*Calibration, error) {
	exec, err := NewExec(b, func(x, kernel, matrix *Node) []*Node {
		pad := [2]int{1, 1}
		h := Convolve(x, kernel).PaddingPerDim([][2]int{pad, pad}).Done()
		h = Mul(h, Sigmoid(h))
		h = Dot(Reshape(h, -1, calibrationChannels), matrix).Product()
		loss := ReduceAllMean(Square(h))
		out := []*Node{loss}
		for _, grad := range Gradient(loss, x, kernel, matrix) {
			out = append(out, ReduceAllMean(Square(grad)))
		}
		return out
	})
	if err != nil {
		return nil, fmt.Errorf("building the calibration: %w", err)
	}
	c := &Calibration{exec: exec.WithName("calibration")}
	for i, dims := range [][]int{
		{calibrationBatch, calibrationSize, calibrationSize, calibrationChannels},
		{3, 3, calibrationChannels, calibrationChannels},
		{calibrationChannels, calibrationChannels},
	} {
		size := 1
		for _, d := range dims {
			size *= d
		}
		flat := make([]float32, size)
		random.Normal(random.New(0, "calibration", uint64(i)), flat)
		c.inputs = append(c.inputs, tensors.FromFlatDataAndDimensions(flat, dims...))
	}
	if _, err := c.once(); err != nil {
		c.Finalize()
		return nil, err
	}
	return c, nil
}

// Measure returns the median time of a call over several repetitions. It takes
// 0.3 s, or a little more on a slow backend.
func (c *Calibration) Measure() (time.Duration, error) {
	var times []time.Duration
	for total := time.Duration(0); len(times) < 3 || total < calibrationTime; {
		var took time.Duration
		calls := 0
		for ; took < calibrationRepetition; calls++ {
			once, err := c.once()
			if err != nil {
				return 0, err
			}
			took += once
		}
		times = append(times, took/time.Duration(calls))
		total += took
	}
	slices.Sort(times)
	return times[(len(times)-1)/2], nil
}

// Finalize frees the compiled program.
func (c *Calibration) Finalize() {
	c.exec.Finalize()
	for _, in := range c.inputs {
		in.MustFinalizeAll()
	}
}

// once does the work and reads a result back, as a training step does.
func (c *Calibration) once() (time.Duration, error) {
	start := time.Now()
	outputs, err := c.exec.Call(c.inputs[0], c.inputs[1], c.inputs[2])
	if err != nil {
		return 0, fmt.Errorf("calibrating: %w", err)
	}
	for _, out := range outputs {
		if _, err := tensors.CopyFlatData[float32](out); err != nil {
			return 0, fmt.Errorf("calibrating: %w", err)
		}
	}
	took := time.Since(start)
	for _, out := range outputs {
		out.MustFinalizeAll()
	}
	return took, nil
}

// calibrate records a measurement at a step.
func (t *trainer) calibrate(step int) error {
	if t.calibration == nil {
		return nil
	}
	took, err := t.calibration.Measure()
	if err != nil {
		return err
	}
	t.Recorder.Phase(record.PhaseCalibration, step, took)
	return nil
}
