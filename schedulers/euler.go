package schedulers

// euler is the explicit Euler method, the sampler of most flow-matching work.
var euler = flowSampler("euler", eulerTableau, "uniform", "diffusers", "karras", "listed")

var eulerTableau = tableau{
	order: 1,
	a:     [][]float64{{}},
	b:     []float64{1},
	c:     []float64{0},
}
