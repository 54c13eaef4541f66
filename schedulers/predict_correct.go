package schedulers

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	. "github.com/gomlx/gomlx/core/graph"
)

// predictCorrectUpdate corrects the sample with what was predicted for it, and goes on from there. The predicted data is
// dataOfSample*sample + dataOfPrediction*prediction.
type predictCorrectUpdate struct {
	dataOfSample, dataOfPrediction float64

	corrects bool
	correct  stepWeights // of the step that ended here
	predict  stepWeights // of the one that begins
}

// stepWeights are those of a step's end: of the sample where it began and of the data predicted at its end, at its beginning and
// at the two times before.
type stepWeights struct {
	sample float64
	data   [4]float64
}

func (w stepWeights) list() []float64 { return append([]float64{w.sample}, w.data[:]...) }

func (u predictCorrectUpdate) coefficients() []float64 {
	return append(append([]float64{u.dataOfSample, u.dataOfPrediction}, u.correct.list()...), u.predict.list()...)
}

func (u predictCorrectUpdate) apply(r *Runner, state State, prediction, _ *tensors.Tensor) (State, error) {
	last := state.base
	if u.corrects && last == nil {
		return State{}, fmt.Errorf("the state holds no sample of the step before: calls must be made in order")
	}
	coefficients := u.coefficients()
	if last == nil {
		last = state.Sample
		coefficients[2] = 1 // nothing is corrected: the sample stays
	}
	previous := state.slopes // the data predicted so far, the latest first
	inputs := []any{float32s(coefficients), state.Sample, prediction, last}
	for i := range 3 {
		if i < len(previous) {
			inputs = append(inputs, previous[i])
			continue
		}
		if u.correct.data[i+1] != 0 || i < 2 && u.predict.data[i+2] != 0 {
			return State{}, fmt.Errorf("the state holds %d predictions of steps before, the plan needs %d: calls must be made in order",
				len(previous), i+1)
		}
		inputs = append(inputs, prediction) // any tensor of the shape: its coefficient is 0
	}
	next, corrected, data, err := r.predictCorrect.Call3(inputs...)
	if err != nil {
		return State{}, err
	}
	kept := append([]*tensors.Tensor{data}, previous[:min(len(previous), 2)]...)
	return State{Sample: next, base: corrected, slopes: kept}, nil
}

// predictCorrectGraph is the formula of predictCorrectUpdate; it returns the next sample, the corrected one and the predicted data.
func predictCorrectGraph(inputs []*Node) (next, corrected, data *Node) {
	c, sample, prediction, last, previous := inputs[0], inputs[1], inputs[2], inputs[3], inputs[4:]
	data = Add(Mul(element(c, 0), sample), Mul(element(c, 1), prediction))
	corrected = weightedSum(c, 2, last, data, previous[0], previous[1], previous[2])
	next = weightedSum(c, 7, corrected, nil, data, previous[0], previous[1]) // nothing is known yet of its end
	return next, corrected, data
}

// weightedSum is the sum of nodes times the elements of c from first on; nil nodes are left out.
func weightedSum(c *Node, first int, nodes ...*Node) *Node {
	var sum *Node
	for i, node := range nodes {
		if node == nil {
			continue
		}
		term := Mul(element(c, first+i), node)
		if sum == nil {
			sum = term
		} else {
			sum = Add(sum, term)
		}
	}
	return sum
}
