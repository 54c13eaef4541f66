package schedulers

import (
	"fmt"
	"math"
)

// spacedTimesteps picks the timesteps of a diffusion sampler out of 0..T-1, the noisiest first, by the
// rules of Lin et al. 2024 (arXiv:2305.08891, table 2) with the rounding of diffusers (half to even).
func spacedTimesteps(c SamplerConfig, steps, trainTimesteps int) ([]int, error) {
	timesteps := make([]int, steps)
	T := float64(trainTimesteps)
	for i := range timesteps {
		switch c.TimestepSpacing {
		case "leading":
			timesteps[i] = (steps-1-i)*(trainTimesteps/steps) + c.StepsOffset
		case "trailing":
			timesteps[i] = trailing(T, steps, i)
		case "linspace":
			timesteps[i] = linspaced(T, steps, steps-1-i)
		}
	}
	return timesteps, checkTimesteps(timesteps, trainTimesteps)
}

// multistepTimesteps does the same as diffusers does it for DPM-Solver: steps+1 timesteps are spread
// and the least noisy one is dropped, except for trailing.
func multistepTimesteps(c SamplerConfig, steps, trainTimesteps int) ([]int, error) {
	timesteps := make([]int, steps)
	T := float64(trainTimesteps)
	for i := range timesteps {
		switch c.TimestepSpacing {
		case "leading":
			timesteps[i] = (steps-i)*(trainTimesteps/(steps+1)) + c.StepsOffset
		case "trailing":
			timesteps[i] = trailing(T, steps, i)
		case "linspace":
			timesteps[i] = linspaced(T, steps+1, steps-i)
		}
	}
	return timesteps, checkTimesteps(timesteps, trainTimesteps)
}

// trailing is T - i*T/steps, rounded, less 1. The increment is taken as NumPy's arange takes it, the
// difference of the first two values, because the rounding of exact halves depends on it.
func trailing(T float64, steps, i int) int {
	increment := (T - T/float64(steps)) - T
	return int(math.RoundToEven(T+float64(float64(i)*increment))) - 1
}

// linspaced is point i of n equally spaced ones on [0, T-1], rounded.
func linspaced(T float64, n, i int) int {
	if n == 1 {
		return 0
	}
	return int(math.RoundToEven(float64(i) * ((T - 1) / float64(n-1))))
}

// checkTimesteps reports timesteps outside of the trained range or repeated.
func checkTimesteps(timesteps []int, trainTimesteps int) error {
	for i, t := range timesteps {
		if t < 0 || t >= trainTimesteps {
			return fmt.Errorf("timestep %d of step %d is outside of the trained range 0 to %d; lower steps_offset or the number of steps",
				t, i, trainTimesteps-1)
		}
		if i > 0 && t >= timesteps[i-1] {
			return fmt.Errorf("steps %d and %d fall on the same timestep %d of %d; use fewer steps", i-1, i, t, trainTimesteps)
		}
	}
	return nil
}
