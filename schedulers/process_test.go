package schedulers

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
)

func drawTimesteps(t *testing.T, config ProcessConfig, n int) []float64 {
	t.Helper()
	process, err := NewProcess(config)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	draws := make([]float64, n)
	for i := range draws {
		draws[i] = process.SampleTimestep(rng)
	}
	slices.Sort(draws)
	return draws
}

func TestTimestepsAreDrawnFromTheDensity(t *testing.T) {
	logistic := func(x float64) float64 { return 1000 / (1 + math.Exp(-x)) }
	cases := map[string]struct {
		config   ProcessConfig
		integers bool
		quartile [3]float64
	}{
		"ddpm is uniform":                  {ProcessConfig{Name: DDPM}, true, [3]float64{250, 500, 750}},
		"flow matching is uniform":         {ProcessConfig{Name: FlowMatch}, true, [3]float64{250, 500, 750}},
		"a shift of 3 moves towards noise": {ProcessConfig{Name: FlowMatch, Shift: 3}, false, [3]float64{100, 250, 500}},
		"logit-normal is densest in half": {ProcessConfig{Name: FlowMatch, TimestepDensity: "logit_normal"}, false,
			[3]float64{logistic(-0.6745), 500, logistic(0.6745)}},
		"a positive mean moves to the data": {ProcessConfig{Name: FlowMatch, TimestepDensity: "logit_normal", LogitMean: 1,
			LogitStd: 0.5}, false, [3]float64{logistic(1 - 0.337), logistic(1), logistic(1 + 0.337)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			const n = 100_000
			draws := drawTimesteps(t, c.config, n)
			if draws[0] < 0 || draws[n-1] > 999 {
				t.Errorf("draws reach from %v to %v", draws[0], draws[n-1])
			}
			for i, want := range c.quartile {
				if got := draws[(i+1)*n/4]; math.Abs(got-want) > 6 {
					t.Errorf("quartile %d is %v, want %v", i+1, got, want)
				}
			}
			fractional := slices.ContainsFunc(draws, func(v float64) bool { return v != math.Trunc(v) })
			if fractional == c.integers {
				t.Errorf("fractional timesteps: %v", fractional)
			}
			if c.integers && (draws[0] != 0 || draws[n-1] != 999 || len(slices.Compact(draws)) != 1000) {
				t.Error("not every timestep was drawn")
			}
		})
	}
}

func TestTimestepsNeverExceedTheLastTrained(t *testing.T) {
	draws := drawTimesteps(t, ProcessConfig{Name: FlowMatch, TimestepDensity: "logit_normal", LogitMean: 12}, 1000)
	if draws[0] < 0 || draws[len(draws)-1] != 999 {
		t.Errorf("draws reach from %v to %v, want up to 999", draws[0], draws[len(draws)-1])
	}
}

func TestFlowMatchingInterpolatesAtFractionalTimestepsOfImages(t *testing.T) {
	process, err := NewProcess(ProcessConfig{Name: FlowMatch})
	if err != nil {
		t.Fatal(err)
	}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		shape := []int{2, 1, 2, 1} // [batch, height, width, channels]
		noisy, target := forward(t, backend, process, shape, []float32{1, 0, 1, 0.5}, []float32{-1, 2, 0, -0.5}, []float32{0, 250.5})
		expectRelative(t, noisy, []float32{-1, 2, 0.2505, -0.2495}, 1e-6)
		expectRelative(t, target, []float32{2, -2, 1, 1}, 1e-6)
	})
}
