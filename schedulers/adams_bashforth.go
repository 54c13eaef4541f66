package schedulers

// ab2 is the two-step Adams-Bashforth method with variable steps (Hairer, Nørsett and Wanner, Solving Ordinary
// Differential Equations I, section III.5): of order 2 for one call a step. With r = h_n/h_(n-1) a step is
//
//	x_(n+1) = x_n + h_n·((1 + r/2)·v_n - r/2·v_(n-1)),
//
// and the first is one of Euler's.
var ab2 = registration{
	name: "ab2", process: FlowMatch, options: flowOptions, grids: []string{"uniform", "karras", "listed"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler { return adamsBashforth{s, p.NumTrainTimesteps} },
}

type adamsBashforth struct {
	config         SamplerConfig
	trainTimesteps int
}

// Order is the order of convergence of the method.
func (s adamsBashforth) Order() int { return 2 }

// Plan makes one call a step.
func (s adamsBashforth) Plan(steps int) (Plan, error) {
	grid, err := flowGrid(s.config, steps, s.trainTimesteps)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Steps: steps, Times: grid}
	for step := range steps {
		h := grid[step+1] - grid[step]
		u := slopesUpdate{keep: 1, weights: []float64{h}}
		if step > 0 {
			r := h / (grid[step] - grid[step-1])
			u.weights = []float64{-h * r / 2, h * (1 + r/2)}
		}
		plan.Calls = append(plan.Calls, Call{
			Index: step, Step: step, Timestep: flowTimestep(s.config, s.trainTimesteps, step, grid[step], 0), update: u,
		})
	}
	return plan, plan.checkFinite()
}
