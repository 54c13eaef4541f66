package schedulers

import "math"

// diffusion is what the samplers of the ddpm process share. Their coefficients are computed in float32
// and in the order diffusers computes them: 1-alphas_cumprod and the like cancel near t = 0 and at the
// noisiest timesteps, where the rounding of the reference, not the formula, decides the fifth digit.
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

// scales are the weights of signal and noise at a timestep.
func (d diffusion) scales(t int) (alpha, sigma float32) {
	return sqrt(d.alphasCumprod[t]), sqrt(1 - d.alphasCumprod[t])
}

// denoised sets how the predicted data follows from a prediction where signal and noise have the
// weights alpha and sigma, and returns the weights of sample and prediction in the predicted noise.
func (d diffusion) denoised(u *denoiseUpdate, alpha32, sigma32 float32) (noiseOfSample, noiseOfPrediction float64) {
	alpha, sigma := float64(alpha32), float64(sigma32)
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
		plan.Calls = append(plan.Calls, Call{
			Index: i, Step: i, Timestep: float64(t), UsesNoise: updates[i].noise != 0, update: updates[i],
		})
	}
	return plan, plan.checkFinite()
}

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }
func exp(v float32) float32  { return float32(math.Exp(float64(v))) }
func log(v float32) float32  { return float32(math.Log(float64(v))) }
