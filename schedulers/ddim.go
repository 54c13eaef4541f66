package schedulers

import "math"

// ddim is the implicit sampler of Song et al. 2021 (arXiv:2010.02502, equation 12).
var ddim = registration{
	name: "ddim", process: DDPM, spacing: "leading",
	options: []string{"timestep_spacing", "steps_offset", "clip_sample", "clip_sample_range", "eta", "set_alpha_to_one"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return implicit{newDiffusion(s, p)}
	},
}

type implicit struct{ diffusion }

// Plan goes from t to t - T/steps (a whole division), as diffusers does, which for trailing and linspace
// spacing need not be the next timestep listed. The predicted noise is not changed by clipping the
// predicted data.
func (s implicit) Plan(steps int) (Plan, error) {
	if err := checkSteps(steps, s.trainTimesteps()); err != nil {
		return Plan{}, err
	}
	timesteps, err := spacedTimesteps(s.config, steps, s.trainTimesteps())
	if err != nil {
		return Plan{}, err
	}
	past := float32(1)
	if !*s.config.SetAlphaToOne {
		past = s.alphasCumprod[0]
	}
	updates := make([]denoiseUpdate, steps)
	for i, t := range timesteps {
		now := float64(s.alphasCumprod[t])
		then := float64(s.alphaCumprod(t-s.trainTimesteps()/steps, past))
		variance := s.config.Eta * s.config.Eta * (1 - then) / (1 - now) * (1 - now/then)
		direction := math.Sqrt(max(1-then-variance, 0))

		u := &updates[i]
		noiseOfSample, noiseOfPrediction := s.denoised(u, t)
		u.data = math.Sqrt(then)
		u.sample = direction * noiseOfSample
		u.prediction = direction * noiseOfPrediction
		u.noise = math.Sqrt(variance)
	}
	return s.plan(timesteps, updates)
}
