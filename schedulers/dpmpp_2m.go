package schedulers

import "math"

// dpmpp2M is DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2): a second-order multistep
// method in the predicted data, with a first-order step at both ends. The predicted data is not clipped.
var dpmpp2M = registration{
	name: "dpmpp_2m", process: DDPM, spacing: "linspace",
	options: []string{"timestep_spacing", "steps_offset"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return multistep{newDiffusion(s, p)}
	},
}

type multistep struct{ diffusion }

// Plan works in lambda = log(alpha/sigma), half the logarithm of the signal-to-noise ratio, and ends
// at sigma = 0, where the formula becomes the predicted data itself.
func (s multistep) Plan(steps int) (Plan, error) {
	if err := checkSteps(steps, s.trainTimesteps()); err != nil {
		return Plan{}, err
	}
	timesteps, err := multistepTimesteps(s.config, steps, s.trainTimesteps())
	if err != nil {
		return Plan{}, err
	}
	updates := make([]denoiseUpdate, steps)
	for i, t := range timesteps {
		u := &updates[i]
		s.denoised(u, t)
		if i == steps-1 {
			u.data = 1
			continue
		}
		_, sigma, lambda := s.halfLogSNR(t)
		nextAlpha, nextSigma, nextLambda := s.halfLogSNR(timesteps[i+1])
		h := nextLambda - lambda
		u.sample = nextSigma / sigma
		u.data = -nextAlpha * math.Expm1(-h)
		if i > 0 {
			_, _, previousLambda := s.halfLogSNR(timesteps[i-1])
			r := (lambda - previousLambda) / h
			u.previousData = -u.data / (2 * r)
			u.data -= u.previousData
		}
	}
	return s.plan(timesteps, updates)
}

// halfLogSNR returns alpha, sigma and lambda at a timestep.
func (s multistep) halfLogSNR(t int) (alpha, sigma, lambda float64) {
	alpha = math.Sqrt(float64(s.alphasCumprod[t]))
	sigma = math.Sqrt(1 - float64(s.alphasCumprod[t]))
	return alpha, sigma, math.Log(alpha) - math.Log(sigma)
}
