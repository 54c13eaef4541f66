package schedulers

import "math"

// eulerMaruyama samples a flow by the stochastic differential equation that has the flow's marginals at every time, as SiT does
// (Ma et al. 2024, arXiv:2401.08740, section 3.2; the method of its code):
//
//	dx = (v + D·s)·dt + sqrt(2·D)·dW,  s = (alpha·v - alpha'·x)/(sigma·(alpha'·sigma - alpha·sigma')),
//
// where s is the score and D, diffusion_norm times sigma or 1, may be anything. The last step is one of Euler's on the flow
// itself, without noise.
var eulerMaruyama = registration{
	name: "euler_maruyama", process: FlowMatch, needsPath: true, needsNoise: true, grids: []string{"uniform", "karras", "listed"},
	options: append([]string{"diffusion", "diffusion_norm"}, flowOptions...),
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return flowSDE{config: s, path: pathOf(p), trainTimesteps: p.NumTrainTimesteps}
	},
}

type flowSDE struct {
	config         SamplerConfig
	path           Interpolant
	trainTimesteps int
}

// Plan makes one call a step. Its errors, of the distribution of samples, fall as 1/steps.
func (s flowSDE) Plan(steps int) (Plan, error) {
	grid, err := flowGrid(s.config, steps, s.trainTimesteps)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Steps: steps, Times: grid}
	for i := range steps {
		t, h := grid[i], grid[i+1]-grid[i]
		u := denoiseUpdate{dataDivisor: 1, limit: noLimit, sample: 1, prediction: h}
		if i < steps-1 {
			diffusion := s.config.DiffusionNorm
			if s.config.Diffusion == "sigma" {
				diffusion *= s.path.Sigma(t)
			}
			scoreOfSample, scoreOfVelocity := s.path.score(t)
			u.sample += h * diffusion * scoreOfSample
			u.prediction += h * diffusion * scoreOfVelocity
			u.noise = math.Sqrt(2 * diffusion * h)
		}
		plan.Calls = append(plan.Calls, Call{
			Index: i, Step: i, Timestep: flowTimestep(s.config, s.trainTimesteps, i, t, 0), UsesNoise: u.noise != 0, update: u,
		})
	}
	return plan, plan.checkFinite()
}
