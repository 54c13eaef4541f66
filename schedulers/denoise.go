package schedulers

import "math"

// diffusion is what the samplers of the ddpm process share.
type diffusion struct {
	config         SamplerConfig
	predictionType string
	alphasCumprod  []float32
}

func newDiffusion(s SamplerConfig, p ProcessConfig) diffusion {
	return diffusion{config: s, predictionType: p.PredictionType, alphasCumprod: alphasCumprod(p)}
}

func (d diffusion) trainTimesteps() int { return len(d.alphasCumprod) }

// alphaCumprod is the table's value, or past when t lies before its first timestep.
func (d diffusion) alphaCumprod(t int, past float32) float32 {
	if t < 0 {
		return past
	}
	return d.alphasCumprod[t]
}

// denoised sets how the predicted data follows from the prediction at a timestep, and returns the
// weights of sample and prediction in the predicted noise.
func (d diffusion) denoised(u *denoiseUpdate, t int) (noiseOfSample, noiseOfPrediction float64) {
	alpha := math.Sqrt(float64(d.alphasCumprod[t]))
	sigma := math.Sqrt(1 - float64(d.alphasCumprod[t]))
	u.limit = noLimit
	if d.config.ClipSample != nil && *d.config.ClipSample {
		u.limit = d.config.ClipSampleRange
	}
	switch d.predictionType {
	case "sample":
		u.dataOfPrediction, u.dataDivisor = 1, 1
		return 1 / sigma, -alpha / sigma
	case "v_prediction": // Salimans and Ho 2022, arXiv:2202.00512, appendix D
		u.dataOfSample, u.dataOfPrediction, u.dataDivisor = alpha, -sigma, 1
		return sigma, alpha
	default:
		u.dataOfSample, u.dataOfPrediction, u.dataDivisor = 1, -sigma, alpha
		return 0, 1
	}
}

// plan turns timesteps and the updates after them into a plan.
func (d diffusion) plan(timesteps []int, updates []denoiseUpdate) (Plan, error) {
	plan := Plan{Steps: len(timesteps)}
	for i, t := range timesteps {
		plan.Evaluations = append(plan.Evaluations, Evaluation{
			Index: i, Step: i, Timestep: float64(t), UsesNoise: updates[i].noise != 0, update: updates[i],
		})
	}
	return plan, plan.checkFinite()
}
