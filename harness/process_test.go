package main

import (
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/schedulers"
)

// preconditioned is a process that the program does not have: flow matching whose network is given a sample of variance 1
// and predicts what is left of the velocity beyond the best linear guess, as Karras et al. 2022 (arXiv:2206.00364) do it
// for diffusion.
type preconditioned struct {
	schedulers.Base
	preconditionedOptions
}

type preconditionedOptions struct {
	SigmaData float64 `yaml:"sigma_data" json:"sigma_data" jsonschema:"exclusiveMinimum=0,maximum=100"`
	Weighting string  `yaml:"weighting,omitempty" json:"weighting,omitempty" jsonschema:"enum=residual,enum=velocity"`
}

// DescribeKeys says what each key is for.
func (preconditionedOptions) DescribeKeys() map[string]string {
	return map[string]string{
		"sigma_data": "Standard deviation of the data.",
		"weighting":  "What counts alike at every timestep. Default: residual.",
	}
}

func registerProcesses() {
	schedulers.Register(schedulers.Registration{
		Name: "preconditioned", About: "straight paths, for a network whose input and output have variance 1.",
		Sampler: "heun", SampledAs: schedulers.FlowMatch, Predictions: []string{"velocity"}, Densities: []string{"uniform"},
		Options: &preconditionedOptions{SigmaData: 0.5},
		Validate: func(c schedulers.ProcessConfig, p *schedulers.Problems) {
			o := schedulers.OptionsOf[preconditionedOptions](c)
			p.Check(c.NumTrainTimesteps > 1 || o.SigmaData <= 1, "preconditioned.sigma_data",
				"must be at most 1 for a single timestep, got %v", o.SigmaData)
		},
		New: func(c schedulers.ProcessConfig) schedulers.Process {
			return preconditioned{schedulers.Base{Config: c}, schedulers.OptionsOf[preconditionedOptions](c)}
		},
	})
}

func (p preconditioned) AddNoise(sample, noise, timestep *Node) *Node {
	t := p.time(timestep, sample)
	return Add(Mul(t, sample), Mul(OneMinus(t), noise))
}

func (p preconditioned) Target(sample, noise, _ *Node) *Node { return Sub(sample, noise) }

func (p preconditioned) ScaleInput(sample, timestep *Node) *Node {
	return Div(sample, Sqrt(p.variance(p.time(timestep, sample))))
}

func (p preconditioned) ScaleOutput(output, sample, timestep *Node) *Node {
	t := p.time(timestep, sample)
	covariance := Sub(MulScalar(t, p.SigmaData*p.SigmaData), OneMinus(t))
	return Add(Mul(Div(covariance, p.variance(t)), sample), Div(MulScalar(output, p.SigmaData), Sqrt(p.variance(t))))
}

func (p preconditioned) LossWeight(timestep *Node) *Node {
	if p.Weighting == "velocity" {
		return nil
	}
	return DivScalar(p.variance(p.time(timestep, timestep)), p.SigmaData*p.SigmaData)
}

// time is t of each sample, shaped to multiply like.
func (p preconditioned) time(timestep, like *Node) *Node {
	t := DivScalar(timestep, float64(p.NumTrainTimesteps()))
	for t.Rank() < like.Rank() {
		t = ExpandAxes(t, -1)
	}
	return t
}

// variance is that of a noisy sample.
func (p preconditioned) variance(t *Node) *Node {
	return Add(MulScalar(Square(t), p.SigmaData*p.SigmaData), Square(OneMinus(t)))
}
