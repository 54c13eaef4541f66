package schedulers

// heun is Heun's method, the explicit trapezoidal rule. On the uniform grid its last call is at
// t = 1, just past the last timestep trained; the diffusers grid ends with an Euler step instead.
var heun = flowSampler("heun", tableau{
	order: 2,
	a:     [][]float64{{}, {1}},
	b:     []float64{0.5, 0.5},
	c:     []float64{0, 1},
}, "uniform", "diffusers", "karras", "listed")
