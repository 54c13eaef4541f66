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
		name: name, process: FlowMatch, options: flowOptions, grids: grids,
		new: func(s SamplerConfig, p ProcessConfig) Sampler {
			return rungeKutta{method: method, config: s, trainTimesteps: p.NumTrainTimesteps}
		},
	}
}

// Order is the order of convergence of the method.
func (s rungeKutta) Order() int { return s.method.order }

// Plan steps through the grid of the config, with as many calls a step as the method has stages.
func (s rungeKutta) Plan(steps int) (Plan, error) {
	grid, err := flowGrid(s.config, steps, s.trainTimesteps)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Steps: steps, Times: grid}
	for step := range steps {
		method := s.method
		if s.config.Grid == "diffusers" && step == steps-1 {
			method = eulerTableau // as diffusers ends its Heun sampler
		}
		h := grid[step+1] - grid[step]
		for stage := range method.b {
			c := method.c[stage]
			plan.Calls = append(plan.Calls, Call{
				Index: len(plan.Calls), Step: step, update: method.update(stage, h),
				Timestep: flowTimestep(s.config, s.trainTimesteps, step, grid[step]+c*h, c),
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

// flowTimestep is the timestep given to the model at a time, a fraction of the step gone.
func flowTimestep(c SamplerConfig, trainTimesteps, step int, time, fraction float64) float64 {
	if c.TimestepInput == "index" {
		return float64(step) + fraction
	}
	return float64(trainTimesteps) * time
}
