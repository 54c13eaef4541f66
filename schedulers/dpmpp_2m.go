package schedulers

// dpmpp2M is DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2): a second-order multistep
// method in the predicted data, with a first-order step at both ends. The predicted data is not clipped.
var dpmpp2M = registration{
	name: "dpmpp_2m", process: DDPM, spacing: "linspace",
	options: []string{"timestep_spacing", "steps_offset"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		d := newDiffusion(s, p)
		if last := len(d.alphasCumprod) - 1; d.alphasCumprod[last] == 0 {
			d.alphasCumprod[last] = 0x1p-24 // as diffusers: lambda stays finite
		}
		return multistep{d}
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
		alpha, sigma, lambda := s.halfLogSNR(t)
		s.denoised(u, alpha, sigma)
		if i == steps-1 {
			u.data = 1
			continue
		}
		nextAlpha, nextSigma, nextLambda := s.halfLogSNR(timesteps[i+1])
		h := nextLambda - lambda
		u.sample = float64(nextSigma / sigma)
		u.data = float64(-nextAlpha * (exp(-h) - 1))
		if i > 0 {
			_, _, previousLambda := s.halfLogSNR(timesteps[i-1])
			r := (lambda - previousLambda) / h
			u.change = u.data / float64(2*r)
		}
	}
	return s.plan(timesteps, updates)
}

// halfLogSNR returns alpha, sigma and lambda at a timestep.
func (s multistep) halfLogSNR(t int) (alpha, sigma, lambda float32) {
	alphaCumprod := s.alphasCumprod[t]
	ratio := sqrt((1 - alphaCumprod) / alphaCumprod)
	alpha = 1 / sqrt(ratio*ratio+1)
	sigma = ratio * alpha
	return alpha, sigma, log(alpha) - log(sigma)
}
