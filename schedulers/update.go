package schedulers

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	. "github.com/gomlx/gomlx/core/graph"
)

// State is what a sampler carries from one call to the next, on the device. Its tensors are
// never changed in place.
type State struct {
	// Sample is what the model sees next and, at the end, the result.
	Sample *tensors.Tensor

	base         *tensors.Tensor   // sample at the beginning of the current Runge-Kutta step, or of the step to be corrected
	slopes       []*tensors.Tensor // predictions in this Runge-Kutta step, or in steps before this one
	previousData *tensors.Tensor   // data predicted at the previous call
}

// all lists the state's tensors; some may be nil or the same.
func (s State) all() []*tensors.Tensor {
	return append([]*tensors.Tensor{s.Sample, s.base, s.previousData}, s.slopes...)
}

// stageUpdate goes to the next stage of a Runge-Kutta step, or ends it: base + sum of weights*slopes.
type stageUpdate struct {
	weights  []float64 // one per slope so far, times the step size
	endsStep bool
}

func (u stageUpdate) coefficients() []float64 { return slices.Clone(u.weights) }

func (u stageUpdate) apply(r *Runner, state State, prediction, _ *tensors.Tensor) (State, error) {
	base := state.base
	if base == nil {
		base = state.Sample
	}
	slopes := append(slices.Clone(state.slopes), prediction)
	if len(slopes) != len(u.weights) {
		return State{}, fmt.Errorf("the state holds %d slopes of this step, the plan needs %d: calls must be made in order",
			len(slopes), len(u.weights))
	}
	next, err := r.combination.Call1(combinationInputs(base, slopes, u.weights)...)
	if err != nil {
		return State{}, err
	}
	if u.endsStep {
		return State{Sample: next}, nil
	}
	return State{Sample: next, base: base, slopes: slopes}, nil
}

// slopesUpdate ends a step of a multistep method: the sample plus the sum of weights*slopes, the latest last.
type slopesUpdate struct {
	weights []float64 // times the step size
	keep    int       // slopes that the next step needs
}

func (u slopesUpdate) coefficients() []float64 { return slices.Clone(u.weights) }

func (u slopesUpdate) apply(r *Runner, state State, prediction, _ *tensors.Tensor) (State, error) {
	slopes := append(slices.Clone(state.slopes), prediction)
	if len(slopes) != len(u.weights) {
		return State{}, fmt.Errorf("the state holds %d slopes of steps before, the plan needs %d: calls must be made in order",
			len(state.slopes), len(u.weights)-1)
	}
	next, err := r.combination.Call1(combinationInputs(state.Sample, slopes, u.weights)...)
	if err != nil {
		return State{}, err
	}
	return State{Sample: next, slopes: slopes[max(len(slopes)-u.keep, 0):]}, nil
}

// combinationInputs leaves out the slopes without weight, of which Runge-Kutta methods have many.
func combinationInputs(base *tensors.Tensor, slopes []*tensors.Tensor, weights []float64) []any {
	inputs := []any{nil, base}
	var nonZero []float32
	for i, w := range weights {
		if w != 0 {
			nonZero = append(nonZero, float32(w))
			inputs = append(inputs, slopes[i])
		}
	}
	inputs[0] = nonZero
	return inputs
}

// combinationGraph takes weights [n], a base and n slopes, and returns base + sum of weights*slopes.
func combinationGraph(inputs []*Node) *Node {
	weights, sum := inputs[0], inputs[1]
	for i, slope := range inputs[2:] {
		sum = Add(sum, Mul(element(weights, i), slope))
	}
	return sum
}

// denoiseUpdate is one step of a diffusion sampler. The predicted data is
//
//	data = clip((dataOfSample*sample + dataOfPrediction*prediction) / dataDivisor, -limit, limit)
//
// and the next sample the sum of what is known, each times its coefficient, where change is the
// coefficient of the predicted data less that of the previous call.
type denoiseUpdate struct {
	dataOfSample, dataOfPrediction, dataDivisor, limit float64

	sample, prediction, data, change, noise float64
}

func (u denoiseUpdate) coefficients() []float64 {
	return []float64{u.dataOfSample, u.dataOfPrediction, u.dataDivisor, u.limit,
		u.sample, u.prediction, u.data, u.change, u.noise}
}

func (u denoiseUpdate) apply(r *Runner, state State, prediction, noise *tensors.Tensor) (State, error) {
	previousData := state.previousData
	if previousData == nil {
		if u.change != 0 {
			return State{}, fmt.Errorf("the state holds no previous prediction: calls must be made in order")
		}
		previousData = prediction // any tensor of the shape: its coefficient is 0
	}
	if noise == nil {
		noise = prediction // likewise
	}
	next, data, err := r.denoise.Call2(float32s(u.coefficients()), state.Sample, prediction, previousData, noise)
	if err != nil {
		return State{}, err
	}
	return State{Sample: next, previousData: data}, nil
}

// denoiseGraph is the formula of denoiseUpdate; it returns the next sample and the predicted data.
func denoiseGraph(c, sample, prediction, previousData, noise *Node) (next, data *Node) {
	data = Add(Mul(element(c, 0), sample), Mul(element(c, 1), prediction))
	data = Div(data, element(c, 2))
	limit := element(c, 3)
	data = Min(Max(data, Neg(limit)), limit)
	next = Add(Mul(element(c, 4), sample), Mul(element(c, 5), prediction))
	next = Add(next, Mul(element(c, 6), data))
	next = Add(next, Mul(element(c, 7), Sub(data, previousData)))
	next = Add(next, Mul(element(c, 8), noise))
	return next, data
}

// element i of a vector, as a scalar.
func element(vector *Node, i int) *Node { return Squeeze(Slice(vector, AxisElem(i))) }

func float32s(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
