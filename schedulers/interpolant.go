package schedulers

import "math"

// Interpolant is the path of a flow from noise (t = 0) to data (t = 1): x_t = alpha(t)·data + sigma(t)·noise. Samplers that
// work with the predicted data, or draw noise, need it to read them from a velocity.
type Interpolant struct {
	Alpha, Sigma func(t float64) float64
	// AlphaSlope and SigmaSlope are their derivatives.
	AlphaSlope, SigmaSlope func(t float64) float64
}

// linearPath is alpha = t, sigma = 1-t: straight from noise to data, at constant velocity.
var linearPath = Interpolant{
	Alpha: func(t float64) float64 { return t }, AlphaSlope: func(float64) float64 { return 1 },
	Sigma: func(t float64) float64 { return 1 - t }, SigmaSlope: func(float64) float64 { return -1 },
}

// cosinePath is alpha = sin(πt/2), sigma = cos(πt/2): alpha² + sigma² stays 1.
var cosinePath = Interpolant{
	Alpha:      func(t float64) float64 { return math.Sin(math.Pi / 2 * t) },
	AlphaSlope: func(t float64) float64 { return math.Pi / 2 * math.Cos(math.Pi/2*t) },
	Sigma:      func(t float64) float64 { return math.Sin(math.Pi / 2 * (1 - t)) },
	SigmaSlope: func(t float64) float64 { return -math.Pi / 2 * math.Sin(math.Pi/2*t) },
}

// denoised returns the weights of sample and velocity in the data: with x = alpha·data + sigma·noise and
// v = alpha'·data + sigma'·noise it is (sigma·v - sigma'·x)/(alpha'·sigma - alpha·sigma').
func (i Interpolant) denoised(t float64) (ofSample, ofVelocity float64) {
	divisor := i.AlphaSlope(t)*i.Sigma(t) - i.Alpha(t)*i.SigmaSlope(t)
	return -i.SigmaSlope(t) / divisor, i.Sigma(t) / divisor
}

// halfLogSNR is lambda = log(alpha/sigma), half the logarithm of the signal-to-noise ratio: from -Inf at noise to +Inf at data.
func (i Interpolant) halfLogSNR(t float64) float64 {
	return math.Log(i.Alpha(t)) - math.Log(i.Sigma(t))
}

// score returns the weights of sample and velocity in the score, the gradient of the logarithm of the density of samples, which
// is -noise/sigma: (alpha·v - alpha'·x)/(sigma·(alpha'·sigma - alpha·sigma')).
func (i Interpolant) score(t float64) (ofSample, ofVelocity float64) {
	divisor := i.Sigma(t) * (i.AlphaSlope(t)*i.Sigma(t) - i.Alpha(t)*i.SigmaSlope(t))
	return -i.AlphaSlope(t) / divisor, i.Alpha(t) / divisor
}
