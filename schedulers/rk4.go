package schedulers

// rk4 is the classical Runge-Kutta method. Its last call is at t = 1, just past the last timestep trained.
var rk4 = flowSampler("rk4", tableau{
	order: 4,
	a:     [][]float64{{}, {0.5}, {0, 0.5}, {0, 0, 1}},
	b:     []float64{1. / 6, 1. / 3, 1. / 3, 1. / 6},
	c:     []float64{0, 0.5, 0.5, 1},
}, "uniform", "karras", "listed")
