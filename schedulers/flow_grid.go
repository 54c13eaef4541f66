package schedulers

import (
	"fmt"
	"math"
	"slices"
)

// flowOptions are the config keys of the samplers of flows.
var flowOptions = []string{"grid", "shift", "rho", "times", "timestep_input"}

// flowGrid returns the times, steps+1 of them from 0 (noise) to 1 (data), at which the steps of a flow's sampler begin and end.
func flowGrid(c SamplerConfig, steps, trainTimesteps int) ([]float64, error) {
	if err := checkSteps(steps, trainTimesteps); err != nil {
		return nil, err
	}
	switch c.Grid {
	case "diffusers":
		return diffusersGrid(steps, trainTimesteps, c.Shift), nil
	case "karras":
		return karrasGrid(steps, trainTimesteps, c.Rho), nil
	case "listed":
		if listed := len(c.Times) - 1; steps != listed {
			return nil, fmt.Errorf("times lists the ends of %d steps, not of %d", listed, steps)
		}
		return slices.Clone(c.Times), nil
	}
	grid := make([]float64, steps+1)
	for j := range grid {
		grid[j] = shiftTime(float64(j)/float64(steps), c.Shift)
	}
	return grid, nil
}

// diffusersGrid is the grid of FlowMatchEulerDiscreteScheduler and FlowMatchHeunDiscreteScheduler in
// diffusers: the first steps times are equally spaced from 0 to 1-1/T, both included, so the last step
// is a very short one. A shift is applied twice, once to the ends of the range and once to every time.
func diffusersGrid(steps, trainTimesteps int, shift float64) []float64 {
	last := shiftTime(1-1/float64(trainTimesteps), shift)
	grid := make([]float64, steps+1)
	for j := range steps {
		grid[j] = shiftTime(last*float64(j)/float64(max(steps-1, 1)), shift)
	}
	grid[steps] = 1
	return grid
}

// karrasGrid is Karras et al. 2022 (arXiv:2206.00364, equation 5) with the ends that diffusers gives it for flows
// (use_karras_sigmas): sigma = 1-t goes from 1 to 1/T as (1 + j/(steps-1)·((1/T)^(1/rho) - 1))^rho, then to 0.
func karrasGrid(steps, trainTimesteps int, rho float64) []float64 {
	last := math.Pow(1/float64(trainTimesteps), 1/rho)
	grid := make([]float64, steps+1)
	for j := range steps {
		grid[j] = 1 - math.Pow(1+float64(j)/float64(max(steps-1, 1))*(last-1), rho)
	}
	grid[steps] = 1
	return grid
}

// validateTimes reports a list of times that is none of a flow's: ascending from 0 to 1.
func (c SamplerConfig) validateTimes(p *Problems) {
	n := len(c.Times)
	if !p.Check(n >= 2, "times", "must list where each step begins and ends, from 0 (noise) to 1 (data), such as [0, 0.3, 1]") {
		return
	}
	p.Check(c.Times[0] == 0 && c.Times[n-1] == 1, "times", "must go from 0 (noise) to 1 (data), got %v to %v", c.Times[0], c.Times[n-1])
	for i := 1; i < n; i++ {
		if !p.Check(c.Times[i-1] < c.Times[i], "times", "must ascend, got %v after %v", c.Times[i], c.Times[i-1]) {
			return
		}
	}
}
