package schedulers

// ddpmSampler is ancestral sampling (Ho et al. 2020, arXiv:2006.11239, algorithm 2), respaced to fewer
// steps as by Nichol and Dhariwal 2021 (arXiv:2102.09672, section 4).
var ddpmSampler = registration{
	name: "ddpm", process: DDPM, spacing: "leading",
	options: []string{"timestep_spacing", "steps_offset", "variance_type", "clip_sample", "clip_sample_range"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return ancestral{newDiffusion(s, p)}
	},
}

type ancestral struct{ diffusion }

// Plan draws x_{t'} from the posterior of equation 7 of Ho et al. given the predicted data, where t' is
// the next timestep in the list. Noise is drawn at every timestep but 0.
func (s ancestral) Plan(steps int) (Plan, error) {
	if err := checkSteps(steps, s.trainTimesteps()); err != nil {
		return Plan{}, err
	}
	timesteps, err := spacedTimesteps(s.config, steps, s.trainTimesteps())
	if err != nil {
		return Plan{}, err
	}
	updates := make([]denoiseUpdate, steps)
	for i, t := range timesteps {
		next := -1
		if i+1 < steps {
			next = timesteps[i+1]
		}
		now, then := s.alphaCumprod(t, 1), s.alphaCumprod(next, 1)
		alpha := now / then
		beta := 1 - alpha

		u := &updates[i]
		signal, sigma := s.scales(t)
		s.denoised(u, signal, sigma)
		u.data = float64(sqrt(then) * beta / (1 - now))
		u.sample = float64(sqrt(alpha) * (1 - then) / (1 - now))
		if t > 0 {
			variance := max((1-then)/(1-now)*beta, 1e-20)
			if s.config.VarianceType == "fixed_large" {
				variance = beta
			}
			u.noise = float64(sqrt(variance))
		}
	}
	return s.plan(timesteps, updates)
}
