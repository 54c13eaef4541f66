package schedulers

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"
)

// Sampler makes the plans of one sampling method with one set of options.
type Sampler interface {
	// Plan lays out sampling in a number of steps, at least 1 and at most the process's
	// num_train_timesteps.
	Plan(steps int) (Plan, error)
}

// Plan lists the model calls of one sampling run and what is done with each. It is a value:
// the same config and number of steps give the same plan, and running it changes nothing in it.
type Plan struct {
	// Steps is the number of steps asked for.
	Steps int
	// Times of a flow-matching plan are the times, from 0 (noise) to 1 (data), at which its steps begin
	// and end: Steps+1 of them. A plan of the diffusion samplers has none.
	Times []float64
	// Calls are in the order they are made. An adaptive plan has none: it makes them as they turn out to be needed, and
	// whoever wants their number counts them.
	Calls []Call

	adaptive *adaptive
}

// NFE is the number of model calls (network function evaluations) per sample, not counting
// the second one that guidance makes; 0 for an adaptive plan, which does not know.
func (p Plan) NFE() int { return len(p.Calls) }

// endsStep tells whether a step ends with call i.
func (p Plan) endsStep(i int) bool {
	return i+1 == len(p.Calls) || p.Calls[i+1].Step != p.Calls[i].Step
}

// Call is one call of the model and the update that follows it.
type Call struct {
	// Index counts calls from 0.
	Index int
	// Step is the step the call belongs to, from 0; a Runge-Kutta step has several calls.
	Step int
	// Timestep is the time given to the model.
	Timestep float64
	// UsesNoise says that the update adds noise.
	UsesNoise bool

	update update
}

// update is what happens to the state after a call: stageUpdate or denoiseUpdate.
type update interface {
	// apply returns the state that follows; noise is nil unless the call uses it.
	apply(r *Runner, state State, prediction, noise *tensors.Tensor) (State, error)
	// coefficients are the numbers it works with.
	coefficients() []float64
}

// checkSteps reports a number of steps that a process cannot be sampled with.
func checkSteps(steps, trainTimesteps int) error {
	if steps < 1 {
		return fmt.Errorf("steps must be at least 1, got %d", steps)
	}
	if steps > trainTimesteps {
		return fmt.Errorf("%d steps are more than the %d timesteps the process is trained on (num_train_timesteps)", steps, trainTimesteps)
	}
	return nil
}

// checkFinite reports a plan whose numbers overflowed, which extreme noise schedules can cause.
func (p Plan) checkFinite() error {
	for _, e := range p.Calls {
		for _, c := range append(e.update.coefficients(), e.Timestep) {
			if c32 := float64(float32(c)); !isFinite(c32) {
				return fmt.Errorf("step %d (timestep %v) has a coefficient of %v in float32: the noise schedule is too extreme "+
					"to sample with these options; change beta_start, beta_end or the number of steps", e.Step, e.Timestep, c)
			}
		}
	}
	return nil
}

// noLimit is the clipping range of samples that are not clipped.
const noLimit = math.MaxFloat32
