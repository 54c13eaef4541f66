package schedulers

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Predict calls the model on a sample at a call's timestep. It returns a new tensor of the
// sample's shape and leaves the sample as it is.
type Predict func(ctx context.Context, sample *tensors.Tensor, call Call) (*tensors.Tensor, error)

// Noise returns a new tensor of standard normal noise of the sample's shape. It is called only for
// calls that use noise.
type Noise func(call Call) (*tensors.Tensor, error)

// Runner carries out plans on a backend. Coefficients are inputs of its compiled updates, so that the
// same programs serve every sampler and number of steps on samples of one shape.
type Runner struct {
	combination    *graph.Exec // combinationGraph
	denoise        *graph.Exec // denoiseGraph
	predictCorrect *graph.Exec // predictCorrectGraph
	sum            *graph.Exec // sumGraph
	norm           *graph.Exec // normGraph
}

// NewRunner makes a runner; nothing is compiled before it is needed.
func NewRunner(backend compute.Backend) *Runner {
	// Making an executor fails only for functions of an unsuitable type.
	return &Runner{
		combination:    graph.MustNewExec(backend, combinationGraph).SetMaxCache(-1),
		denoise:        graph.MustNewExec(backend, denoiseGraph).SetMaxCache(-1),
		predictCorrect: graph.MustNewExec(backend, predictCorrectGraph).SetMaxCache(-1),
		sum:            graph.MustNewExec(backend, sumGraph).SetMaxCache(-1),
		norm:           graph.MustNewExec(backend, normGraph).SetMaxCache(-1),
	}
}

// Observe is shown the sample at the beginning of sampling (step 0) and after each step (1 … plan.Steps).
// The sample is the runner's and must be read before Observe returns; an error ends sampling.
type Observe func(step int, sample *tensors.Tensor) error

// Run carries out a plan from a sample of pure noise and returns the finished sample, which like all
// samples in between stays on the device. The given sample remains the caller's; the result is the
// caller's to finalize. noise may be nil for plans that use none, and so may observe. Run stops with
// ctx's error between calls once ctx is done.
func (r *Runner) Run(ctx context.Context, plan Plan, sample *tensors.Tensor, predict Predict, noise Noise,
	observe Observe) (*tensors.Tensor, error) {
	if observe == nil {
		observe = func(int, *tensors.Tensor) error { return nil }
	}
	if err := observe(0, sample); err != nil {
		return nil, err
	}
	if plan.adaptive != nil {
		return r.runAdaptive(ctx, plan, sample, predict, observe)
	}
	state := State{Sample: sample}
	for i, call := range plan.Calls {
		next, err := r.makeCall(ctx, plan, call, state, predict, noise)
		release(state.all(), append(next.all(), sample))
		if err != nil {
			return nil, fmt.Errorf("sampling step %d of %d (call %d of %d): %w", call.Step+1, plan.Steps, i+1, plan.NFE(), err)
		}
		state = next
		if plan.endsStep(i) {
			if err := observe(call.Step+1, state.Sample); err != nil {
				release(state.all(), []*tensors.Tensor{sample})
				return nil, err
			}
		}
	}
	release(state.all(), []*tensors.Tensor{state.Sample, sample})
	return state.Sample, nil
}

// makeCall calls the model and applies the update; it frees what it made and the next state doesn't hold.
func (r *Runner) makeCall(ctx context.Context, plan Plan, call Call, state State, predict Predict,
	noise Noise) (next State, err error) {
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	prediction, err := predict(ctx, state.Sample, call)
	if err != nil {
		return State{}, fmt.Errorf("predicting: %w", err)
	}
	var z *tensors.Tensor
	defer func() { release([]*tensors.Tensor{prediction, z}, append(next.all(), state.all()...)) }()
	if call.UsesNoise {
		if noise == nil {
			return State{}, fmt.Errorf("the sampler draws noise but was given no source of it")
		}
		if z, err = noise(call); err != nil {
			return State{}, fmt.Errorf("drawing noise: %w", err)
		}
	}
	return r.Step(plan, call.Index, state, prediction, z)
}

// Step applies the update that follows call index of a plan to a state, given the model's
// prediction for state.Sample and, if the call uses noise, the noise. It is a pure function: the
// returned state may share tensors with the given ones, and nothing is finalized.
func (r *Runner) Step(plan Plan, index int, state State, prediction, noise *tensors.Tensor) (State, error) {
	if index < 0 || index >= plan.NFE() {
		return State{}, fmt.Errorf("call %d is not in a plan of %d", index, plan.NFE())
	}
	call := plan.Calls[index]
	if err := checkPrediction(prediction, state.Sample); err != nil {
		return State{}, err
	}
	if !call.UsesNoise {
		noise = nil
	} else if noise == nil || !noise.Shape().Equal(state.Sample.Shape()) {
		return State{}, fmt.Errorf("call %d needs noise of the sample's shape %s", index, state.Sample.Shape())
	}
	return call.update.apply(r, state, prediction, noise)
}

// checkPrediction reports a prediction that is none of a sample.
func checkPrediction(prediction, sample *tensors.Tensor) error {
	if prediction == nil {
		return fmt.Errorf("the model returned no prediction")
	}
	if !prediction.Shape().Equal(sample.Shape()) {
		return fmt.Errorf("the prediction has shape %s, the sample %s", prediction.Shape(), sample.Shape())
	}
	return nil
}

// Finalize frees the compiled updates. The runner cannot be used afterwards.
func (r *Runner) Finalize() {
	r.combination.Finalize()
	r.denoise.Finalize()
	r.predictCorrect.Finalize()
	r.sum.Finalize()
	r.norm.Finalize()
}

// release finalizes tensors that are not among those to keep. Freeing device memory can only fail
// for a tensor that holds none any more, so errors carry no news.
func release(all, keep []*tensors.Tensor) {
	for i, t := range all {
		if t != nil && !slices.Contains(keep, t) && !slices.Contains(all[:i], t) {
			_ = t.FinalizeAll()
		}
	}
}
