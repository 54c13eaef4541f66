package schedulers

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// lossOf is the loss of predictions [batch, 2] at timesteps.
func lossOf(t *testing.T, backend compute.Backend, config ProcessConfig, prediction, target, timesteps []float32) []float32 {
	t.Helper()
	process, err := NewProcess(config)
	if err != nil {
		t.Fatal(err)
	}
	exec := graph.MustNewExec(backend, func(prediction, target, timestep *graph.Node) *graph.Node {
		return Loss(process, prediction, target, timestep)
	})
	defer exec.Finalize()
	n := len(timesteps)
	return values(t, exec.MustCall1(tensors.FromFlatDataAndDimensions(prediction, n, len(prediction)/n),
		tensors.FromFlatDataAndDimensions(target, n, len(target)/n), timesteps))
}

func TestPseudoHuberIsASquareBelowItsConstantAndLinearAbove(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		got := lossOf(t, backend, ProcessConfig{Name: FlowMatch, Loss: "pseudo_huber", HuberC: 0.75}, []float32{1, 1, 0, 100},
			[]float32{0, 1, -2, 0}, []float32{0, 3})
		want := []float32{1.5 * (1.25 - 0.75), 0, 1.5 * (float32(math.Sqrt(4.5625)) - 0.75), 1.5 * (float32(math.Sqrt(10000.5625)) - 0.75)}
		expectRelative(t, got, want, 1e-5)
		small := lossOf(t, backend, ProcessConfig{Name: DDPM, Loss: "pseudo_huber", HuberC: 10}, []float32{0.5, 1}, []float32{0, 0}, []float32{0})
		expectRelative(t, small, []float32{0.25, 1}, 3e-3)
	})
}

// TestMinSNRWeighsDataByAtMostGamma: the loss of a prediction, carried over to that of the data which it stands for, has the weight
// min(SNR, gamma) for every kind of prediction.
func TestMinSNRWeighsDataByAtMostGamma(t *testing.T) {
	const gamma = 5
	timesteps := []float32{0, 1, 100, 250, 400, 700, 999}
	process := ProcessConfig{Name: DDPM}
	process.SetDefaults()
	table := alphasCumprod(process)
	prediction, target := make([]float32, len(timesteps)), make([]float32, len(timesteps))
	for i := range prediction {
		prediction[i] = 1
	}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		for kind, perData := range map[string]func(alpha, sigma float64) float64{
			// how far the data is off where the prediction is by 1
			"epsilon":      func(alpha, sigma float64) float64 { return sigma / alpha },
			"v_prediction": func(_, sigma float64) float64 { return sigma },
			"sample":       func(_, _ float64) float64 { return 1 },
		} {
			got := lossOf(t, backend, ProcessConfig{Name: DDPM, PredictionType: kind, LossWeight: "min_snr"}, prediction, target, timesteps)
			for i, timestep := range timesteps {
				share := float64(table[int(timestep)])
				snr := share / (1 - share)
				off := perData(math.Sqrt(share), math.Sqrt(1-share))
				if want := math.Min(snr, gamma) * off * off; math.Abs(float64(got[i])-want) > 1e-4*want {
					t.Errorf("%s at timestep %v: the loss is %v, want %v", kind, timestep, got[i], want)
				}
			}
		}
		zero := lossOf(t, backend, ProcessConfig{Name: DDPM, PredictionType: "v_prediction", LossWeight: "min_snr", SNRGamma: 1,
			RescaleBetasZeroSNR: true},
			[]float32{1, 1}, []float32{0, 0}, []float32{0, 999})
		if zero[1] != 0 || !(zero[0] > 0 && zero[0] < 1) {
			t.Errorf("the weights are %v, want one between 0 and 1, and 0 where nothing of the data is left", zero)
		}
	})
}

// TestNamedDefaultsAreTheSameConfig: a config that names a default is written, and hashed, as one that does not.
func TestNamedDefaultsAreTheSameConfig(t *testing.T) {
	for _, c := range [][2]ProcessConfig{
		{{Name: FlowMatch}, {Name: FlowMatch, Loss: "mse", Path: "linear"}},
		{{Name: DDPM}, {Name: DDPM, Loss: "mse", LossWeight: "uniform"}},
	} {
		var text [2]string
		for i := range c {
			c[i].SetDefaults()
			if err := c[i].Validate(); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(c[i])
			if err != nil {
				t.Fatal(err)
			}
			text[i] = string(b)
		}
		if text[0] != text[1] {
			t.Errorf("%s and %s", text[0], text[1])
		}
	}
}

// TestPathsGoFromNoiseToDataAtTheirVelocity: the target is the derivative of the noisy sample, and both are the interpolant's.
func TestPathsGoFromNoiseToDataAtTheirVelocity(t *testing.T) {
	backend := openBackend(t, "go")
	for name, path := range map[string]Interpolant{"linear": linearPath, "cosine": cosinePath} {
		process, err := NewProcess(ProcessConfig{Name: FlowMatch, Path: name})
		if err != nil {
			t.Fatal(err)
		}
		data, noise := float32(0.7), float32(-1.3)
		for _, timestep := range []float32{0, 1, 250, 500, 900, 1000} {
			time := float64(timestep) / 1000
			noisy, target := forward(t, backend, process, []int{1, 1}, []float32{data}, []float32{noise}, []float32{timestep})
			want := path.Alpha(time)*float64(data) + path.Sigma(time)*float64(noise)
			slope := path.AlphaSlope(time)*float64(data) + path.SigmaSlope(time)*float64(noise)
			if math.Abs(float64(noisy[0])-want) > 1e-6 || math.Abs(float64(target[0])-slope) > 1e-6 {
				t.Errorf("%s at %v: %v and %v, want %v and %v", name, time, noisy[0], target[0], want, slope)
			}
			const h = 1e-4
			at := func(t float64) float64 { return path.Alpha(t)*float64(data) + path.Sigma(t)*float64(noise) }
			if derivative := (at(time+h) - at(time-h)) / (2 * h); math.Abs(derivative-slope) > 1e-6 {
				t.Errorf("%s at %v: the slope is %v, the derivative %v", name, time, slope, derivative)
			}
		}
		if path.Alpha(0) != 0 || path.Sigma(0) != 1 || path.Alpha(1) != 1 || path.Sigma(1) != 0 {
			t.Errorf("%s does not go from noise to data", name)
		}
	}
}
