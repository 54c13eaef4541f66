// Package schedulers holds the mathematics of diffusion models: the processes a model is trained on
// (flow matching, DDPM) and the samplers that turn noise into data with a trained model.
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
	// Target returns what the prediction should be there, shaped like sample.
	Target(sample, noise, timestep *Node) *Node
	// ScaleInput returns what the network is given for a noisy sample: c_in·x for those that precondition it
	// (Karras et al. 2022, arXiv:2206.00364, equation 7), the sample itself for others.
	ScaleInput(sample, timestep *Node) *Node
	// ScaleOutput returns the prediction that the network's output for a noisy sample stands for: c_skip·x + c_out·F
	// there, the output itself for others.
	ScaleOutput(output, sample, timestep *Node) *Node
	// Distance returns the loss of each value of a prediction, for its difference from the target.
	Distance(difference *Node) *Node
	// LossWeight returns what the loss of a sample at a timestep is multiplied by, shaped as the timesteps are: [batch].
	// nil is 1 for all.
	LossWeight(timestep *Node) *Node
}

// Base is what processes have in common and may embed: the methods of [Process] but AddNoise and Target, for a network
// that is given the noisy sample and makes the prediction, at timesteps drawn uniformly from the integers 0..T-1, all
// with the same weight.
type Base struct{ Config ProcessConfig }

// Name is the config's.
func (b Base) Name() string { return b.Config.Name }

// NumTrainTimesteps is the config's.
func (b Base) NumTrainTimesteps() int { return b.Config.NumTrainTimesteps }

// SampleTimestep draws uniformly from the integers 0..T-1.
func (b Base) SampleTimestep(rng *rand.Rand) float64 {
	return float64(rng.IntN(b.Config.NumTrainTimesteps))
}

// ScaleInput is the sample.
func (Base) ScaleInput(sample, _ *Node) *Node { return sample }

// ScaleOutput is the output.
func (Base) ScaleOutput(output, _, _ *Node) *Node { return output }

// Distance is the square, or what else the config says.
func (b Base) Distance(difference *Node) *Node { return b.Config.distance(difference) }

// LossWeight is nil: 1 for all.
func (Base) LossWeight(*Node) *Node { return nil }

// Preconditioned returns the prediction that a network makes of a noisy sample [batch, ...] at timesteps [batch]. Where a
// process scales neither input nor output it is the network's output itself.
func Preconditioned(p Process, network func(input *Node) *Node, sample, timestep *Node) *Node {
	return p.ScaleOutput(network(p.ScaleInput(sample, timestep)), sample, timestep)
}

// perSample reshapes one value per sample, [batch], so that it broadcasts over like: [batch, 1, ...].
func perSample(values, like *Node) *Node {
	for values.Rank() < like.Rank() {
		values = ExpandAxes(values, -1)
	}
	return values
}
