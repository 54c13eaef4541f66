package schedulers

import "math"

// alphasCumprod returns the product of 1-beta up to each timestep, the share of signal variance that
// is left there. Its rounding follows the reference's, float32 values accumulated in float64: the
// samplers divide by sqrt(alphas_cumprod), down to 1/160 of a linear schedule, which magnifies any difference.
func alphasCumprod(c ProcessConfig) []float32 {
	table := make([]float32, c.NumTrainTimesteps)
	schedule := betas(c)
	cumulate(schedule, table)
	if c.RescaleBetasZeroSNR {
		rescaleZeroSNR(schedule, table)
		cumulate(schedule, table)
	}
	return table
}

// cumulate fills a table with the product of 1-beta.
func cumulate(betas, table []float32) {
	product := 1.0
	for i, beta := range betas {
		product *= float64(1 - beta)
		table[i] = float32(product)
	}
}

// rescaleZeroSNR changes betas, whose alphasCumprod are given, so that the last of these is 0 and the first stays (Lin et al.
// 2024, arXiv:2305.08891, algorithm 1), with the rounding of diffusers' rescale_zero_terminal_snr. A schedule of one timestep
// stays as it is.
func rescaleZeroSNR(betas, alphasCumprod []float32) {
	first, last := sqrt(alphasCumprod[0]), sqrt(alphasCumprod[len(alphasCumprod)-1])
	if first == last {
		return
	}
	scale := first / (first - last)
	before := float32(1)
	for i, alpha := range alphasCumprod {
		root := (sqrt(alpha) - last) * scale
		betas[i] = 1 - root*root/before
		before = root * root
	}
}

// betas returns the noise variance added at each timestep, the least noisy first.
func betas(c ProcessConfig) []float32 {
	T := c.NumTrainTimesteps
	switch c.BetaSchedule {
	case "scaled_linear": // linear in sqrt(beta): Rombach et al. 2022, arXiv:2112.10752
		betas := linspace(math.Sqrt(c.BetaStart), math.Sqrt(c.BetaEnd), T)
		for i, root := range betas {
			betas[i] = root * root
		}
		return betas
	case "squaredcos_cap_v2": // Nichol and Dhariwal 2021, arXiv:2102.09672, equation 17
		betas := make([]float32, T)
		for i := range betas {
			ratio := squaredCosine(float64(i+1)/float64(T)) / squaredCosine(float64(i)/float64(T))
			betas[i] = float32(min(1-ratio, 0.999))
		}
		return betas
	default: // linear: Ho et al. 2020, section 4
		return linspace(c.BetaStart, c.BetaEnd, T)
	}
}

// squaredCosine is the alphas_cumprod of the cosine schedule at the fraction u of the process.
func squaredCosine(u float64) float64 {
	c := math.Cos((u + 0.008) / 1.008 * math.Pi / 2)
	return c * c
}

// linspace returns n equally spaced float32 numbers from start to end, both included, counting steps
// from the nearer end as PyTorch does.
func linspace(start, end float64, n int) []float32 {
	out := make([]float32, n)
	first, last := float32(start), float32(end)
	step := float64(last-first) / float64(max(n-1, 1))
	step = float64(float32(step))
	for i := range out {
		if i < n/2 || n == 1 {
			out[i] = float32(float64(first) + float64(i)*step)
		} else {
			out[i] = float32(float64(last) - float64(n-1-i)*step)
		}
	}
	return out
}
