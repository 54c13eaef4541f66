package schedulers

import "math"

// flowMultistep is what the samplers share that solve a flow in lambda = log(alpha/sigma) from the data it predicts.
type flowMultistep struct {
	config         SamplerConfig
	path           Interpolant
	trainTimesteps int
}

// flowDPMPP2M is dpmpp_2m for flows: see dpmpp2M.
var flowDPMPP2M = registration{
	name: "dpmpp_2m", process: FlowMatch, needsPath: true, options: flowOptions, grids: []string{"uniform", "diffusers", "karras", "listed"},
	new: func(s SamplerConfig, p ProcessConfig) Sampler {
		return flowDPMSolver{flowMultistep{s, pathOf(p), p.NumTrainTimesteps}}
	},
}

// flowDPMSolver is DPM-Solver++(2M) (Lu et al. 2022, arXiv:2211.01095, algorithm 2) on the sigmas of a flow, as
// DPMSolverMultistepScheduler of diffusers with use_flow_sigmas.
type flowDPMSolver struct{ flowMultistep }

// Plan makes one call a step. On grids that begin at the noise itself, where lambda is infinite, the first two steps
// are of first order, as is the last one, which ends at the predicted data. Errors then fall as log(steps)/steps².
func (s flowDPMSolver) Plan(steps int) (Plan, error) {
	// DPM-Solver of diffusers begins at sigma = 1-1/T.
	grid, err := s.grid(steps, 1-1/float64(s.trainTimesteps), 0)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Steps: steps, Times: startAtNoise(grid)}
	for i := range steps {
		u := denoiseUpdate{dataDivisor: 1, limit: noLimit}
		u.dataOfSample, u.dataOfPrediction = s.path.denoised(grid[i])
		lambda, next := s.path.halfLogSNR(grid[i]), s.path.halfLogSNR(grid[i+1])
		h := next - lambda
		u.sample = s.path.Sigma(grid[i+1]) / s.path.Sigma(grid[i])
		u.data = -s.path.Alpha(grid[i+1]) * math.Expm1(-h)
		if i > 0 && i < steps-1 {
			r := (lambda - s.path.halfLogSNR(grid[i-1])) / h
			u.change = u.data / (2 * r)
		}
		plan.Calls = append(plan.Calls, Call{
			Index: i, Step: i, Timestep: flowTimestep(s.config, s.trainTimesteps, i, grid[i], 0), update: u,
		})
	}
	return plan, plan.checkFinite()
}

// grid is flowGrid's, but for that of diffusers, which for these samplers is equally spaced in sigma before the shift, from
// sigmaMax to sigmaMin with the latter left out, and then goes to 0.
func (s flowMultistep) grid(steps int, sigmaMax, sigmaMin float64) ([]float64, error) {
	grid, err := flowGrid(s.config, steps, s.trainTimesteps)
	if err != nil || s.config.Grid != "diffusers" {
		return grid, err
	}
	for i := range steps {
		sigma := sigmaMax + float64(i)/float64(steps)*(sigmaMin-sigmaMax)
		grid[i] = shiftTime(1-sigma, s.config.Shift)
	}
	return grid, nil
}

// startAtNoise are the times of a plan that takes its noise for the sample of the grid's first time.
func startAtNoise(grid []float64) []float64 { return append([]float64{0}, grid[1:]...) }
