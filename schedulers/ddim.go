package schedulers

import "math"

// ddim is the implicit sampler of Song et al. 2021 (arXiv:2010.02502, equation 12).
var ddim = registration{
	name: "ddim", process: DDPM, spacing: "leading",
	options: []string{"timestep_spacing", "steps_offset", "clip_sample", "clip_sample_range", "eta", "previous_timestep", "set_alpha_to_one"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return implicit{newDiffusion(s, p)}
	},
}

type implicit struct{ diffusion }

// Plan goes from each timestep to the next one listed, or where the config says so to the one that diffusers goes to, and from
// the last one to the data. The predicted noise is not changed by clipping the predicted data.
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
		now, then := s.alphasCumprod[t], s.alphaCumprod(s.previous(timesteps, i), past)
		variance := (1 - then) / (1 - now) * (1 - now/then)
		noise := float32(s.config.Eta * math.Sqrt(float64(variance)))
		direction := math.Sqrt(float64(max(1-then-noise*noise, 0)))

		u := &updates[i]
		alpha, sigma := s.scales(t)
		noiseOfSample, noiseOfPrediction := s.denoised(u, alpha, sigma)
		u.data = math.Sqrt(float64(then))
		u.sample = direction * noiseOfSample
		u.prediction = direction * noiseOfPrediction
		u.noise = float64(noise)
	}
	return s.plan(timesteps, updates)
}

// previous is the timestep that step i goes to; below zero it is the data.
func (s implicit) previous(timesteps []int, i int) int {
	switch {
	case s.config.PreviousTimestep == "diffusers":
		return timesteps[i] - s.trainTimesteps()/len(timesteps)
	case i+1 < len(timesteps):
		return timesteps[i+1]
	}
	return -1
}
