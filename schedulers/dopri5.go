package schedulers

// dopri5 is the adaptive method of order 5 with an embedded one of order 4 of Dormand and Prince 1980 (A family of embedded
// Runge-Kutta formulae), the solver of most papers on flows. It takes steps as long as rtol and atol allow, the same for all
// samples of a batch. The number of steps asked for is how many parts, by the grid, it does the way in: 1 leaves all to the
// tolerances.
var dopri5 = registration{
	name: "dopri5", process: FlowMatch, grids: []string{"uniform", "karras", "listed"},
	options: []string{"grid", "shift", "rho", "times", "rtol", "atol"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return adaptiveSampler{method: dormandPrince, config: s, trainTimesteps: p.NumTrainTimesteps}
	},
}

// dormandPrince is RK5(4)7M of Dormand and Prince 1980, table 2. Its last stage is the first of the next step.
var dormandPrince = embedded{
	tableau: tableau{
		order: 5,
		a: [][]float64{{}, {1. / 5}, {3. / 40, 9. / 40}, {44. / 45, -56. / 15, 32. / 9},
			{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
			{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
			{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}},
		b: []float64{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84, 0},
		c: []float64{0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1},
	},
	e: []float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40},
}

type adaptiveSampler struct {
	method         embedded
	config         SamplerConfig
	trainTimesteps int
}

// Plan says where steps have to end; which others there are is decided on the way.
func (s adaptiveSampler) Plan(steps int) (Plan, error) {
	grid, err := flowGrid(s.config, steps, s.trainTimesteps)
	if err != nil {
		return Plan{}, err
	}
	return Plan{Steps: steps, Times: grid, adaptive: &adaptive{
		method: s.method, rtol: s.config.Rtol, atol: s.config.Atol, trainTimesteps: s.trainTimesteps}}, nil
}
