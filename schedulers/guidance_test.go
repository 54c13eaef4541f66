package schedulers

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func TestGuideExtrapolatesFromUncondThroughCond(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		exec := graph.MustNewExec(backend, Guide)
		defer exec.Finalize()
		for scale, want := range map[float32][]float32{0: {1, -2}, 1: {2, 0}, 4: {5, 6}, -1: {0, -4}} {
			got, err := exec.Call1([]float32{1, -2}, []float32{2, 0}, tensors.FromScalar(scale))
			if err != nil {
				t.Fatal(err)
			}
			expectRelative(t, values(t, got), want, 1e-6)
		}
	})
}

func TestGuidanceAppliesInsideItsInterval(t *testing.T) {
	cases := map[string]struct {
		guidance Guidance
		steps    int
		guided   []bool
	}{
		"everywhere without one":         {Guidance{Scale: 4}, 3, []bool{true, true, true}},
		"the whole":                      {Guidance{4, [2]float64{0, 1}}, 3, []bool{true, true, true}},
		"the middle":                     {Guidance{4, [2]float64{0.25, 0.75}}, 4, []bool{false, true, true, false}},
		"ends are rounded down":          {Guidance{4, [2]float64{0.3, 0.7}}, 5, []bool{false, true, true, false, false}},
		"too short for this many steps":  {Guidance{4, [2]float64{0.1, 0.2}}, 4, []bool{false, false, false, false}},
		"up to but excluding the second": {Guidance{4, [2]float64{0, 0.5}}, 4, []bool{true, true, false, false}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			nfe := c.steps
			for step, guided := range c.guided {
				want, mode := 1.0, CondOnly
				if guided {
					want, mode = 4, CondUncond
					nfe++
				}
				if got := c.guidance.ScaleAt(step, c.steps); got != want {
					t.Errorf("step %d: scale %v, want %v", step, got, want)
				}
				if got := c.guidance.ModeAt(step, c.steps); got != mode {
					t.Errorf("step %d: mode %v, want %v", step, got, mode)
				}
			}
			if got := c.guidance.NFE(mustPlan(t, SamplerConfig{Name: "euler"}, ProcessConfig{Name: FlowMatch}, c.steps)); got != nfe {
				t.Errorf("%d model evaluations, want %d", got, nfe)
			}
		})
	}
}

func TestScalesOneAndZeroNeedOnePredictionOnly(t *testing.T) {
	for scale, want := range map[float64]GuidanceMode{0: UncondOnly, 1: CondOnly, 2: CondUncond, -1: CondUncond} {
		if got := (Guidance{Scale: scale}).ModeAt(0, 10); got != want {
			t.Errorf("scale %v: mode %v, want %v", scale, got, want)
		}
	}
}

func TestGuidanceOutOfRangeIsAnError(t *testing.T) {
	for _, ok := range []Guidance{{}, {Scale: -1}, {4, [2]float64{0.2, 0.8}}, {4, [2]float64{0, 1}}} {
		if err := ok.Validate(); err != nil {
			t.Errorf("%+v: %v", ok, err)
		}
	}
	expectProblems(t, Guidance{Scale: math.NaN()}.Validate(), []string{"guidance", "got NaN"})
	for _, interval := range [][2]float64{{0.5, 0.5}, {0.8, 0.2}, {-0.1, 0.5}, {0.5, 1.1}, {0, math.NaN()}} {
		expectProblems(t, Guidance{4, interval}.Validate(), []string{"guidance_interval", "0 <= a < b <= 1"})
	}
}
