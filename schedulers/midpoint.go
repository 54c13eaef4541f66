package schedulers

// midpoint is the explicit midpoint method.
var midpoint = flowSampler("midpoint", tableau{
	order: 2,
	a:     [][]float64{{}, {0.5}},
	b:     []float64{0, 1},
	c:     []float64{0, 0.5},
}, "uniform", "karras", "listed")
