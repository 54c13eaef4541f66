// Package schedulers holds the mathematics of diffusion models: the processes a model is trained on
// (flow matching and DDPM) and the samplers that turn noise into data with a trained model.
//
// Time follows the flow-matching convention of the literature: t = 0 is noise and t = 1 is data,
// x_t = t*data + (1-t)*noise, and the model predicts the velocity data - noise. Diffusers counts the
// other way (sigma = 1-t, velocity noise - data). DDPM timesteps count as in diffusers: 0 is the least noisy.
//
// A process belongs to training and a sampler to sampling; both are plain values. A sampler makes a
// [Plan] for a number of steps (float64 numbers, no tensors) and a [Runner] carries the plan out on a device.
// Samples are float32 tensors shaped [batch, height, width, channels].
package schedulers

import (
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
)

// Process is what a model is trained on: a path from noise to data and a target on it.
type Process interface {
	// Name is one of ProcessNames.
	Name() string
	// NumTrainTimesteps is the scale of the timesteps given to the model.
	NumTrainTimesteps() int
	// SampleTimestep draws one training timestep in [0, NumTrainTimesteps-1]; it is an integer
	// unless the timestep density or a shift makes it fractional.
	SampleTimestep(rng *rand.Rand) float64
	// AddNoise returns the noisy sample at the timesteps. sample (the data) and noise are shaped
	// [batch, ...], timestep [batch] in the scale of SampleTimestep.
	AddNoise(sample, noise, timestep *Node) *Node
	// Target returns what the model should predict there, shaped like sample.
	Target(sample, noise, timestep *Node) *Node
}

// perSample reshapes one value per sample, [batch], so that it broadcasts over like: [batch, 1, ...].
func perSample(values, like *Node) *Node {
	for values.Rank() < like.Rank() {
		values = ExpandAxes(values, -1)
	}
	return values
}
