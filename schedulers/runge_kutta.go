package schedulers

// tableau is the Butcher tableau of an explicit Runge-Kutta method: stage i is evaluated at time
// t + c[i]*h and x + h*sum_j a[i][j]*k_j, and the step ends at x + h*sum_j b[j]*k_j.
type tableau struct {
	order int // global error shrinks as h^order
	a     [][]float64
	b     []float64
	c     []float64
}

// rungeKutta solves dx/dt = velocity(x, t) from t = 0 (noise) to t = 1 (data).
type rungeKutta struct {
	method         tableau
	config         SamplerConfig
	trainTimesteps int
}

// flowSampler registers a Runge-Kutta method under a name, with the grids it can be run on.
func flowSampler(name string, method tableau, grids ...string) registration {
	return registration{
		name: name, process: FlowMatch, options: []string{"grid", "shift", "timestep_input"}, grids: grids,
		new: func(s SamplerConfig, p ProcessConfig) Sampler {
			return rungeKutta{method: method, config: s, trainTimesteps: p.NumTrainTimesteps}
		},
	}
}

// Order is the order of convergence of the method.
func (s rungeKutta) Order() int { return s.method.order }

// Plan steps through the grid of the config, with as many evaluations a step as the method has stages.
func (s rungeKutta) Plan(steps int) (Plan, error) {
	if err := checkSteps(steps, s.trainTimesteps); err != nil {
		return Plan{}, err
	}
	grid := s.grid(steps)
	plan := Plan{Steps: steps, Times: grid}
	for step := range steps {
		method := s.method
		if s.config.Grid == "diffusers" && step == steps-1 {
			method = eulerTableau // as diffusers ends its Heun sampler
		}
		h := grid[step+1] - grid[step]
		for stage := range method.b {
			timestep := float64(step) + method.c[stage]
			if s.config.TimestepInput == "scaled" {
				timestep = float64(s.trainTimesteps) * (grid[step] + method.c[stage]*h)
			}
			plan.Evaluations = append(plan.Evaluations, Evaluation{
				Index: len(plan.Evaluations), Step: step, Timestep: timestep, update: method.update(stage, h),
			})
		}
	}
	return plan, plan.checkFinite()
}

// update leads from a stage to the next one, or after the last stage to the end of the step.
func (m tableau) update(stage int, h float64) stageUpdate {
	weights, last := m.b, stage == len(m.b)-1
	if !last {
		weights = m.a[stage+1]
	}
	u := stageUpdate{endsStep: last}
	for _, w := range weights[:stage+1] {
		u.weights = append(u.weights, h*w)
	}
	return u
}

// grid returns steps+1 times from 0 to 1.
func (s rungeKutta) grid(steps int) []float64 {
	if s.config.Grid == "diffusers" {
		return diffusersGrid(steps, s.trainTimesteps, s.config.Shift)
	}
	grid := make([]float64, steps+1)
	for j := range grid {
		grid[j] = shiftTime(float64(j)/float64(steps), s.config.Shift)
	}
	return grid
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
