package schedulers

import "math"

// alphasCumprod returns the product of 1-beta up to each timestep, the share of signal variance that
// is left there. It is a float32 table, made from float32 betas, because that is what models have been
// trained with: near t = 0 the rounding of 1-beta is visible in 1-alphas_cumprod.
func alphasCumprod(c ProcessConfig) []float32 {
	table := make([]float32, c.NumTrainTimesteps)
	product := 1.0
	for i, beta := range betas(c) {
		product *= float64(1 - float32(beta))
		table[i] = float32(product)
	}
	return table
}

// betas returns the noise variance added at each timestep, the least noisy first.
func betas(c ProcessConfig) []float64 {
	T := c.NumTrainTimesteps
	out := make([]float64, T)
	for i := range out {
		switch c.BetaSchedule {
		case "linear": // Ho et al. 2020, section 4
			out[i] = between(c.BetaStart, c.BetaEnd, i, T)
		case "scaled_linear": // linear in sqrt(beta): Rombach et al. 2022, arXiv:2112.10752
			root := between(math.Sqrt(c.BetaStart), math.Sqrt(c.BetaEnd), i, T)
			out[i] = root * root
		case "squaredcos_cap_v2": // Nichol and Dhariwal 2021, arXiv:2102.09672, equation 17
			out[i] = min(1-squaredCosine(float64(i+1)/float64(T))/squaredCosine(float64(i)/float64(T)), 0.999)
		}
	}
	return out
}

// squaredCosine is the alphas_cumprod of the cosine schedule at the fraction u of the process.
func squaredCosine(u float64) float64 {
	c := math.Cos((u + 0.008) / 1.008 * math.Pi / 2)
	return c * c
}

// between returns point i of n equally spaced ones from start to end, both included.
func between(start, end float64, i, n int) float64 {
	if n == 1 {
		return start
	}
	return start + (end-start)*float64(i)/float64(n-1)
}
