package schedulers

import (
	"fmt"
	"math"
	"testing"
)

// TestEulerMaruyamaConvergesToTheDataAtFirstOrder: on Gaussian data, whose velocity is linear in the sample, the mean and the
// variance of what a plan makes of standard normal noise follow from its coefficients.
func TestEulerMaruyamaConvergesToTheDataAtFirstOrder(t *testing.T) {
	for _, config := range []SamplerConfig{{}, {DiffusionNorm: 0.3}, {Diffusion: "constant"}, {Shift: 2}} {
		config.Name = "euler_maruyama"
		for name, path := range map[string]Interpolant{"linear": linearPath, "cosine": cosinePath} {
			t.Run(config.String()+" "+name, func(t *testing.T) { checkMoments(t, config, name, gaussianVelocityOn(path)) })
		}
	}
}

func checkMoments(t *testing.T, config SamplerConfig, path string, velocity func(x, t float64) float64) {
	off := func(steps int) (mean, variance float64) {
		mean, variance = 0, 1
		for _, e := range mustPlan(t, config, ProcessConfig{Name: FlowMatch, NumTrainTimesteps: 100_000, Path: path}, steps).Calls {
			u, time := e.update.(denoiseUpdate), e.Timestep/100_000
			slope := velocity(1, time) - velocity(0, time)
			mean = u.sample*mean + u.prediction*velocity(mean, time)
			gain := u.sample + u.prediction*slope
			variance = gain*gain*variance + u.noise*u.noise
		}
		return math.Abs(mean - gaussianMean), math.Abs(math.Sqrt(variance) - gaussianStd)
	}
	mean, deviation := off(500)
	finerMean, finerDeviation := off(1000)
	t.Logf("500 steps: mean off by %.2g, deviation by %.2g; 1000 steps: %.2g, %.2g", mean, deviation, finerMean, finerDeviation)
	for what, ratio := range map[string]float64{"mean": mean / finerMean, "deviation": deviation / finerDeviation} {
		if order := math.Log2(ratio); order < 0.8 && !(what == "mean" && mean < 1e-9) {
			t.Errorf("halving the step size shrinks the error of the %s by 2^%.2f, want 2^1", what, order)
		}
	}
	if finerDeviation > 0.02 || finerMean > 0.02 {
		t.Errorf("in 1000 steps the mean is off by %v, the deviation by %v", finerMean, finerDeviation)
	}
}

// TestTheScoreOfGaussianDataIsExact: that of a normal distribution is -(x - mean)/variance.
func TestTheScoreOfGaussianDataIsExact(t *testing.T) {
	for _, path := range []Interpolant{linearPath, cosinePath} {
		for _, time := range []float64{0, 0.1, 0.5, 0.99} {
			const x = -2
			ofSample, ofVelocity := path.score(time)
			got := ofSample*x + ofVelocity*gaussianVelocityOn(path)(x, time)
			alpha, sigma := path.Alpha(time), path.Sigma(time)
			if want := -(x - alpha*gaussianMean) / (alpha*alpha*gaussianStd*gaussianStd + sigma*sigma); math.Abs(got-want) > 1e-9*math.Abs(want) {
				t.Errorf("%s is %v, want %v", fmt.Sprint("the score at ", time), got, want)
			}
		}
	}
}
