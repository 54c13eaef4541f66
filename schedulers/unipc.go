package schedulers

import "math"

// uniPC is the unified predictor-corrector (Zhao et al. 2023, arXiv:2302.04867, algorithms 5 to 7, B(h) = e^h - 1 in the
// predicted data) on the sigmas of a flow, as UniPCMultistepScheduler of diffusers with use_flow_sigmas: the prediction at
// the end of a step also corrects where the step ended, which costs no call.
var uniPC = registration{
	name: "unipc", process: FlowMatch, needsPath: true, grids: []string{"uniform", "diffusers", "karras", "listed"},
	options: append([]string{"solver_order"}, flowOptions...),
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return flowUniPC{flowMultistep{s, pathOf(p), p.NumTrainTimesteps}}
	},
}

type flowUniPC struct{ flowMultistep }

// Plan makes one call a step. The order rises from 1 over the first steps and falls to 1 at the last, so that errors fall
// as 1/steps² whatever it is in between (log(steps)/steps² for solver_order 1).
func (s flowUniPC) Plan(steps int) (Plan, error) {
	// UniPC of diffusers keeps its first sigma, after the shift, 1e-6 away from 1, in float32.
	grid, err := s.grid(steps, 1, 1/float64(s.trainTimesteps))
	if err != nil {
		return Plan{}, err
	}
	if s.config.Grid == "diffusers" {
		grid[0] = 1 - float64(float32(1-1e-6))
	}
	lambdas := make([]float64, steps+1)
	for i, t := range grid {
		lambdas[i] = s.path.halfLogSNR(t)
	}
	plan := Plan{Steps: steps, Times: startAtNoise(grid)}
	order := 0 // of the step before
	for i := range steps {
		u := predictCorrectUpdate{}
		u.dataOfSample, u.dataOfPrediction = s.path.denoised(grid[i])
		if i > 0 {
			u.corrects = true
			u.correct = s.step(grid, lambdas, i-1, order, true)
		}
		order = min(s.config.SolverOrder, i+1, steps-i)
		u.predict = s.step(grid, lambdas, i, order, false)
		plan.Calls = append(plan.Calls, Call{
			Index: i, Step: i, Timestep: flowTimestep(s.config, s.trainTimesteps, i, grid[i], 0), update: u,
		})
	}
	return plan, plan.checkFinite()
}

// step returns the weights with which a step of an order from time i to the next is the sum of the sample at its beginning and
// of the data predicted at the time it ends (of the corrector alone), at i and at times before.
//
// With h = lambda(i+1) - lambda(i) it is sigma(i+1)/sigma(i)·x - alpha(i+1)·(e^-h - 1)·(D_i + sum of rho_k·(D_k - D_i)/r_k),
// where r_k = (lambda_k - lambda_i)/h is 1 for the end of the step and negative before it.
func (s flowUniPC) step(grid, lambdas []float64, i, order int, corrector bool) (w stepWeights) {
	h := lambdas[i+1] - lambdas[i]
	ratios := []float64{}
	for k := 1; k < order; k++ {
		ratios = append(ratios, (lambdas[i-k]-lambdas[i])/h)
	}
	var rho []float64
	if corrector {
		ratios = append(ratios, 1)
	}
	switch {
	case len(ratios) == 1: // as diffusers, and the authors: the coefficient of the second order for small h
		rho = []float64{0.5}
	case len(ratios) > 1:
		rho = unifiedCoefficients(ratios, h)
	}
	w.sample = s.path.Sigma(grid[i+1]) / s.path.Sigma(grid[i])
	scale := -s.path.Alpha(grid[i+1]) * math.Expm1(-h)
	w.data[1] = scale
	for k, ratio := range ratios {
		weight := scale * rho[k] / ratio // 0 where lambda_k is infinite
		at := k + 2                      // D_(i-1), D_(i-2)
		if corrector && k == len(ratios)-1 {
			at = 0
		}
		w.data[at] += weight
		w.data[1] -= weight
	}
	return w
}

// unifiedCoefficients solves sum over k of rho_k·r_k^(n-1) = b_n for n = 1..len(ratios), where b_n = n!·phi_(n+1)(-h)·(-h)/B(h)
// of section 3.1 of the paper, with the simplification that ratios of -Inf have no weight.
func unifiedCoefficients(ratios []float64, h float64) []float64 {
	finite := make([]float64, 0, len(ratios))
	for _, r := range ratios {
		if !math.IsInf(r, 0) {
			finite = append(finite, r)
		}
	}
	b := make([]float64, len(finite))
	hh := -h
	scale := math.Expm1(hh)
	phi := scale/hh - 1
	factorial := 1.0
	for n := range b {
		b[n] = phi * factorial / scale
		factorial *= float64(n + 2)
		phi = phi/hh - 1/factorial
	}
	solved := solveVandermonde(finite, b)
	rho := make([]float64, len(ratios))
	for k, r := range ratios {
		if !math.IsInf(r, 0) {
			rho[k], solved = solved[0], solved[1:]
		}
	}
	return rho
}

// solveVandermonde solves sum over k of x_k·nodes_k^n = b_n, n = 0..len-1, for distinct nodes, by Gaussian elimination.
func solveVandermonde(nodes, b []float64) []float64 {
	n := len(nodes)
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n+1)
		for k, node := range nodes {
			rows[i][k] = math.Pow(node, float64(i))
		}
		rows[i][n] = b[i]
	}
	for i := range n {
		pivot := i
		for j := i + 1; j < n; j++ {
			if math.Abs(rows[j][i]) > math.Abs(rows[pivot][i]) {
				pivot = j
			}
		}
		rows[i], rows[pivot] = rows[pivot], rows[i]
		for j := range n {
			if j == i {
				continue
			}
			factor := rows[j][i] / rows[i][i]
			for k := i; k <= n; k++ {
				rows[j][k] -= factor * rows[i][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = rows[i][n] / rows[i][i]
	}
	return x
}
