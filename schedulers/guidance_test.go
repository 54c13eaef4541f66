package schedulers

import (
	"fmt"
	"math"
	"os"
	"slices"
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
		"the whole":                      {Guidance{Scale: 4, Interval: [2]float64{0, 1}}, 3, []bool{true, true, true}},
		"the middle":                     {Guidance{Scale: 4, Interval: [2]float64{0.25, 0.75}}, 4, []bool{false, true, true, false}},
		"ends are rounded down":          {Guidance{Scale: 4, Interval: [2]float64{0.3, 0.7}}, 5, []bool{false, true, true, false, false}},
		"too short for this many steps":  {Guidance{Scale: 4, Interval: [2]float64{0.1, 0.2}}, 4, []bool{false, false, false, false}},
		"up to but excluding the second": {Guidance{Scale: 4, Interval: [2]float64{0, 0.5}}, 4, []bool{true, true, false, false}},
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
				t.Errorf("%d model calls, want %d", got, nfe)
			}
		})
	}
}

func TestScalesOneAndZeroNeedOnePredictionOnly(t *testing.T) {
	for scale, want := range map[float64]GuidanceMode{0: UncondOnly, 1: CondOnly, 2: CondUncond, 0.5: CondUncond} {
		for _, g := range []Guidance{{}, {Rescale: 1}, {Method: "cfg_zero_star"}} {
			g.Scale = scale
			if got := g.ModeAt(0, 10); got != want {
				t.Errorf("%+v: mode %v, want %v", g, got, want)
			}
		}
	}
}

func TestGuidanceOutOfRangeIsAnError(t *testing.T) {
	for _, ok := range []Guidance{{}, {Scale: 4, Interval: [2]float64{0.2, 0.8}}, {Scale: 4, Interval: [2]float64{0, 1}},
		{Method: "cfg"}, {Method: "cfg_zero_star", ZeroInitSteps: 2, Rescale: 1}} {
		if err := ok.Validate(); err != nil {
			t.Errorf("%+v: %v", ok, err)
		}
	}
	for want, bad := range map[string]Guidance{
		"guidance: must be a finite number, at least 0, got NaN":          {Scale: math.NaN()},
		"guidance: must be a finite number, at least 0, got -1":           {Scale: -1},
		"guidance_rescale: must be between 0 and 1, got 1.5":              {Rescale: 1.5},
		"guidance_rescale: must be between 0 and 1, got NaN":              {Rescale: math.NaN()},
		"guidance_method: must be one of cfg, cfg_zero_star, got \"apg\"": {Method: "apg"},
		"zero_init_steps: must not be negative, got -1":                   {Method: "cfg_zero_star", ZeroInitSteps: -1},
		"zero_init_steps: does not apply to guidance_method \"cfg\"":      {ZeroInitSteps: 1},
	} {
		expectError(t, bad.Validate(), want)
	}
	for _, interval := range [][2]float64{{0.5, 0.5}, {0.8, 0.2}, {-0.1, 0.5}, {0.5, 1.1}, {0, math.NaN()}} {
		expectProblems(t, Guidance{Scale: 4, Interval: interval}.Validate(), []string{"guidance_interval", "0 <= a < b <= 1"})
	}
}

// TestGuidanceCombinesAsDiffusersDoes reads what its guiders made of two predictions.
func TestGuidanceCombinesAsDiffusersDoes(t *testing.T) {
	raw, err := os.ReadFile("testdata/guidance.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Source string    `json:"source"`
		Shape  []int     `json:"shape"`
		Uncond []float32 `json:"uncond"`
		Cond   []float32 `json:"cond"`
		Cases  []struct {
			Method  string    `json:"method"`
			Scale   float32   `json:"scale"`
			Rescale float64   `json:"rescale"`
			Guided  []float32 `json:"guided"`
		} `json:"cases"`
	}
	if strictJSON(t, "guidance.json", raw, &golden); len(golden.Cases) < 18 {
		t.Fatalf("guidance.json holds %d cases", len(golden.Cases))
	}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, c := range golden.Cases {
			guidance := Guidance{Method: c.Method, Rescale: c.Rescale}
			exec := graph.MustNewExec(backend, guidance.Combine)
			got := exec.MustCall1(tensors.FromFlatDataAndDimensions(golden.Uncond, golden.Shape...),
				tensors.FromFlatDataAndDimensions(golden.Cond, golden.Shape...), c.Scale)
			expectClose(t, fmt.Sprint(c.Method, " ", c.Scale, " ", c.Rescale), values(t, got), c.Guided, slices.Repeat([]float64{1e-5},
				len(c.Guided)))
			exec.Finalize()
		}
	})
}

func TestZeroStarStartsWithStepsThatCallNoModel(t *testing.T) {
	guidance := Guidance{Scale: 3, Method: "cfg_zero_star", ZeroInitSteps: 2}
	plan := mustPlan(t, SamplerConfig{Name: "heun"}, ProcessConfig{Name: FlowMatch}, 5)
	if got := guidance.NFE(plan); got != 3*2*2 {
		t.Errorf("%d calls of 3 steps of heun, want 12", got)
	}
	for step, want := range []GuidanceMode{ZeroPrediction, ZeroPrediction, CondUncond, CondUncond, CondUncond} {
		if got := guidance.ModeAt(step, 5); got != want {
			t.Errorf("step %d: mode %v, want %v", step, got, want)
		}
	}
	if err := guidance.ValidateFor(ProcessConfig{Name: FlowMatch}, 3); err != nil {
		t.Error(err)
	}
	expectError(t, guidance.ValidateFor(ProcessConfig{Name: FlowMatch}, 2), "zero_init_steps: of 2 leaves nothing of 2 steps")
	expectError(t, guidance.ValidateFor(ProcessConfig{Name: DDPM}, 9),
		`guidance_method: cfg_zero_star is for the velocities of flows, which process "ddpm" does not predict`)
}

// TestGuidanceOfPredictionsThatSayNothingIsFinite: zeros have no direction and no deviation.
func TestGuidanceOfPredictionsThatSayNothingIsFinite(t *testing.T) {
	exec := graph.MustNewExec(openBackend(t, "go"), Guidance{Method: "cfg_zero_star", Rescale: 1}.Combine)
	defer exec.Finalize()
	for _, v := range values(t, exec.MustCall1([][]float32{{0, 0}}, [][]float32{{0, 0}}, float32(4))) {
		if v != 0 {
			t.Errorf("got %v, want 0", v)
		}
	}
}
