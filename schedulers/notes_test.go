package schedulers

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

// toyStart is the sample all check values start from.
var toyStart = []float32{0.5, -0.25, 1.5, -2}

// runToy samples from toyStart with a network given element by element. The n-th noise, counted from 1,
// is [0.5, -0.5, 0.25, -1]*sin(n).
func runToy(t *testing.T, runner *Runner, plan Plan, network func(x, timestep float64) float64) []float32 {
	t.Helper()
	predict := func(_ context.Context, sample *tensors.Tensor, e Call) (*tensors.Tensor, error) {
		output := values(t, sample)
		for i, x := range output {
			output[i] = float32(network(float64(x), e.Timestep))
		}
		return tensors.FromFlatDataAndDimensions(output, 1, 2, 2, 1), nil
	}
	draws := 0.0
	noise := func(Call) (*tensors.Tensor, error) {
		draws++
		var z []float32
		for _, v := range []float64{0.5, -0.5, 0.25, -1} {
			z = append(z, float32(v*math.Sin(draws)))
		}
		return tensors.FromFlatDataAndDimensions(z, 1, 2, 2, 1), nil
	}
	sample, err := runner.Run(t.Context(), plan, tensors.FromFlatDataAndDimensions(toyStart, 1, 2, 2, 1), predict, noise, nil)
	if err != nil {
		t.Fatal(err)
	}
	return values(t, sample)
}

func mustPlan(t *testing.T, s SamplerConfig, p ProcessConfig, steps int) Plan {
	t.Helper()
	sampler, err := NewSampler(s, p)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := sampler.Plan(steps)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestSamplersReachTheCheckValuesOfAToyNetwork(t *testing.T) {
	no := ptr(false)
	flow, diffusion := ProcessConfig{Name: FlowMatch}, ProcessConfig{Name: DDPM}
	cases := []struct {
		sampler   SamplerConfig
		process   ProcessConfig
		tolerance float64 // relative; unclipped samples magnify rounding
		want      map[int][]float32
	}{
		{SamplerConfig{Name: "ddpm"}, diffusion, 2e-5, map[int][]float32{
			4:  {0.900991, -0.815171, 0.733387, -0.996439},
			10: {0.112298, -0.040558, 0.114724, -0.045227},
			50: {0.010559, -0.038631, 0.011462, -0.074512}}},
		{SamplerConfig{Name: "ddpm", TimestepSpacing: "trailing"}, diffusion, 2e-5, map[int][]float32{
			4:  {0.705608, -0.590140, 0.401663, -0.755676},
			10: {0.116604, -0.113350, 0.090522, -0.161591},
			50: {-0.017152, -0.010325, -0.004221, -0.014796}}},
		{SamplerConfig{Name: "ddim"}, diffusion, 2e-5, map[int][]float32{
			4:  {0.712556, -0.335586, 0.998668, -0.858847},
			10: {0.250848, -0.307281, 0.660454, -0.476919},
			50: {-0.152053, -0.170185, -0.136235, -0.174432}}},
		{SamplerConfig{Name: "ddim", TimestepSpacing: "trailing"}, diffusion, 2e-5, map[int][]float32{
			4:  {0.477957, -0.308236, 0.903869, -0.802306},
			10: {0.134240, -0.310861, 0.342590, -0.439324},
			50: {-0.157539, -0.170521, -0.148315, -0.174073}}},
		{SamplerConfig{Name: "ddim", Eta: 1}, diffusion, 2e-5, map[int][]float32{
			4:  {0.889097, -0.805698, 0.561741, -0.996396},
			10: {0.089827, -0.015936, 0.068749, 0.114847},
			50: {0.007805, -0.026009, -0.007763, -0.024460}}},
		{SamplerConfig{Name: "ddim", ClipSample: no}, diffusion, 1e-4, map[int][]float32{
			4:  {1.062115, -0.537872, 12.787683, -21.791454},
			10: {4.442729, -0.365247, 48.107132, -71.277412},
			50: {7.987954, -0.337453, 103.126045, -149.115784}}},
		{SamplerConfig{Name: "dpmpp_2m"}, diffusion, 1e-4, map[int][]float32{
			4:  {21.233114, -0.550876, 130.915771, -182.161011},
			10: {10.408209, -0.339705, 126.494377, -180.915863},
			50: {8.927629, -0.339027, 124.429329, -179.718262}}},
		{SamplerConfig{Name: "euler", Grid: "diffusers"}, flow, 2e-5, map[int][]float32{
			4:  {0.233394, -0.074933, 0.853432, -1.222212},
			10: {0.234346, -0.099900, 0.854807, -1.246113},
			50: {0.233850, -0.109717, 0.854274, -1.257433}}},
		{SamplerConfig{Name: "euler", Grid: "diffusers", Shift: 3}, flow, 2e-5, map[int][]float32{
			4:  {0.153536, -0.137057, 0.779709, -1.276513},
			10: {0.241613, -0.086766, 0.858966, -1.234479},
			50: {0.234978, -0.107642, 0.854949, -1.255236}}},
		{SamplerConfig{Name: "heun", Grid: "diffusers"}, flow, 2e-5, map[int][]float32{
			4:  {0.230669, -0.118507, 0.850542, -1.267738},
			10: {0.233531, -0.112385, 0.853856, -1.260747},
			50: {0.233716, -0.111871, 0.854106, -1.260079}}},
	}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for _, c := range cases {
			for steps, want := range c.want {
				t.Run(fmt.Sprintf("%s %s%s shift %v eta %v in %d steps", c.sampler.Name, c.sampler.Grid, c.sampler.TimestepSpacing,
					c.sampler.Shift, c.sampler.Eta, steps), func(t *testing.T) {
					network := toyNetwork
					if c.process.Name == FlowMatch { // the check values count time and velocity as diffusers does
						network = func(x, timestep float64) float64 { return -toyNetwork(x, 1000-timestep) }
					}
					got := runToy(t, runner, mustPlan(t, c.sampler, c.process, steps), network)
					expectRelative(t, got, want, c.tolerance)
				})
			}
		}
	})
}

func toyNetwork(x, timestep float64) float64 { return 0.8*math.Tanh(x) + 0.1*math.Cos(timestep/100) }

func TestODESamplersReachTheCheckValuesOnTheUniformGrid(t *testing.T) {
	want := map[string]map[int][]float32{
		"euler": {
			1:  {0.9696937, -0.3459349, 2.3241186, -2.6712221},
			4:  {0.9815621, -0.4757687, 2.2735117, -2.7612083},
			10: {0.9835271, -0.5127450, 2.2615266, -2.7797321},
			50: {0.9853022, -0.5339988, 2.2559469, -2.7885829}},
		"midpoint": {
			1:  {1.0291835, -0.4531950, 2.2941726, -2.7567954},
			4:  {0.9844546, -0.5373562, 2.2532591, -2.7924307},
			10: {0.9856482, -0.5390726, 2.2544509, -2.7909335},
			50: {0.9857928, -0.5395108, 2.2546157, -2.7907098}},
		"heun": {
			1:  {0.9923212, -0.4730272, 2.2625156, -2.7737555},
			4:  {0.9874765, -0.5332081, 2.2573908, -2.7872969},
			10: {0.9859761, -0.5385643, 2.2550150, -2.7902040},
			50: {0.9858048, -0.5394910, 2.2546377, -2.7906812}},
		"rk4": {
			1:  {1.0257168, -0.4890873, 2.2831215, -2.7630524},
			4:  {0.9856274, -0.5397163, 2.2545203, -2.7907943},
			10: {0.9857947, -0.5395340, 2.2546201, -2.7907028},
			50: {0.9857983, -0.5395304, 2.2546223, -2.7907008}},
	}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for name, bySteps := range want {
			for steps, want := range bySteps {
				t.Run(fmt.Sprintf("%s in %d steps", name, steps), func(t *testing.T) {
					plan := mustPlan(t, SamplerConfig{Name: name}, ProcessConfig{Name: FlowMatch}, steps)
					expectRelative(t, runToy(t, runner, plan, toyNetwork), want, 2e-6)
				})
			}
		}
	})
}

func TestSingleDiffusionStepsMatchTheCheckValues(t *testing.T) {
	no := ptr(false)
	cases := map[string]struct {
		sampler    SamplerConfig
		prediction string
		timestep   float64
		want       []float32
	}{
		"ddpm at 980": {SamplerConfig{Name: "ddpm"}, "epsilon", 980, []float32{0.6988034, 0.0824571, 1.5205985, -1.3617547}},
		"ddpm at 500": {SamplerConfig{Name: "ddpm"}, "epsilon", 500, []float32{0.7146357, -0.0038584, 1.6034353, -1.6275697}},
		"ddpm at 0":   {SamplerConfig{Name: "ddpm"}, "epsilon", 0, []float32{0.4990249, -0.2470121, 1, -1}},
		"ddim at 500": {SamplerConfig{Name: "ddim"}, "epsilon", 500, []float32{0.4031460, -0.2433482, 0.9739764, -1.3545299}},
		"ddim with eta 1 at 500": {SamplerConfig{Name: "ddim", Eta: 1}, "epsilon", 500, []float32{0.6034931, -0.0038584,
			1.1156092, -1.0367545}},
		"ddim without clipping at 500": {SamplerConfig{Name: "ddim", ClipSample: no}, "epsilon", 500, []float32{0.5412347,
			-0.2433482, 1.5800735, -2.0885854}},
		"ddim with v_prediction at 500": {SamplerConfig{Name: "ddim"}, "v_prediction", 500, []float32{0.4967262, -0.2407572,
			1.4780091, -1.9656084}},
	}
	runner := newRunner(t, openBackend(t, "go"))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			plan := mustPlan(t, c.sampler, ProcessConfig{Name: DDPM, PredictionType: c.prediction}, 50)
			index := slices.IndexFunc(plan.Calls, func(e Call) bool { return e.Timestep == c.timestep })
			if index < 0 {
				t.Fatalf("timestep %v is not in the plan", c.timestep)
			}
			state, err := runner.Step(plan, index, State{Sample: tensors.FromFlatDataAndDimensions(toyStart, 4)},
				tensors.FromFlatDataAndDimensions([]float32{0.1, -0.3, 0.7, -1.1}, 4),
				tensors.FromFlatDataAndDimensions([]float32{0.5, 0.5, 0.5, 0.5}, 4))
			if err != nil {
				t.Fatal(err)
			}
			expectRelative(t, values(t, state.Sample), c.want, 1e-6)
		})
	}
}

func TestTimestepsFollowTheSpacing(t *testing.T) {
	cases := map[string]struct {
		sampler SamplerConfig
		steps   int
		first   []float64
		last    []float64
	}{
		"leading 50":          {SamplerConfig{Name: "ddim"}, 50, []float64{980, 960}, []float64{20, 0}},
		"leading 50 offset":   {SamplerConfig{Name: "ddim", StepsOffset: 1}, 50, []float64{981, 961}, []float64{21, 1}},
		"leading 30":          {SamplerConfig{Name: "ddpm"}, 30, []float64{957, 924}, []float64{33, 0}},
		"trailing 50":         {SamplerConfig{Name: "ddim", TimestepSpacing: "trailing"}, 50, []float64{999, 979}, []float64{39, 19}},
		"trailing 30":         {SamplerConfig{Name: "ddpm", TimestepSpacing: "trailing"}, 30, []float64{999, 966, 932}, []float64{66, 32}},
		"linspace 50":         {SamplerConfig{Name: "ddim", TimestepSpacing: "linspace"}, 50, []float64{999, 979, 958}, []float64{20, 0}},
		"linspace 30":         {SamplerConfig{Name: "ddpm", TimestepSpacing: "linspace"}, 30, []float64{999, 965, 930}, []float64{34, 0}},
		"every training step": {SamplerConfig{Name: "ddpm"}, 1000, []float64{999, 998}, []float64{1, 0}},
		"dpmpp_2m 10":         {SamplerConfig{Name: "dpmpp_2m"}, 10, []float64{999, 899, 799, 699, 599, 500}, []float64{200, 100}},
		"flow scaled":         {SamplerConfig{Name: "euler"}, 50, []float64{0, 20}, []float64{960, 980}},
		"flow by index":       {SamplerConfig{Name: "euler", TimestepInput: "index"}, 50, []float64{0, 1, 2}, []float64{48, 49}},
		"midpoint by index":   {SamplerConfig{Name: "midpoint", TimestepInput: "index"}, 2, []float64{0, 0.5}, []float64{1, 1.5}},
		"flow shifted once":   {SamplerConfig{Name: "euler", Shift: 3}, 4, []float64{0, 100}, []float64{250, 500}},
		"flow shifted twice": {SamplerConfig{Name: "euler", Shift: 3, Grid: "diffusers"}, 4, []float64{0, 142.308, 397.849},
			[]float64{991.071}},
		"heun on diffusers'":    {SamplerConfig{Name: "heun", Grid: "diffusers"}, 4, []float64{0, 333, 333, 666, 666}, []float64{999, 999}},
		"rk4 ends at t = 1":     {SamplerConfig{Name: "rk4"}, 2, []float64{0, 250, 250, 500}, []float64{500, 750, 750, 1000}},
		"flow in a single step": {SamplerConfig{Name: "euler", Grid: "diffusers"}, 1, []float64{0}, []float64{0}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, _ := find(c.sampler.Name)
			plan := mustPlan(t, c.sampler, ProcessConfig{Name: r.process}, c.steps)
			var got []float64
			for _, e := range plan.Calls {
				got = append(got, e.Timestep)
			}
			close := func(a, b float64) bool { return math.Abs(a-b) < 1e-3 }
			if !slices.EqualFunc(got[:len(c.first)], c.first, close) || !slices.EqualFunc(got[len(got)-len(c.last):], c.last, close) {
				t.Errorf("timesteps %v, want %v ... %v", got, c.first, c.last)
			}
		})
	}
}

func TestAlphasCumprodMatchTheCheckValues(t *testing.T) {
	cases := map[string]struct {
		config ProcessConfig
		want   map[int]float64
	}{
		"linear": {ProcessConfig{Name: DDPM}, map[int]float64{0: 0.99990, 1: 0.99978006, 10: 0.99780649, 250: 0.52142298,
			500: 0.07779665, 750: 0.003300159, 998: 4.118194e-5, 999: 4.035830e-5}},
		"cosine": {ProcessConfig{Name: DDPM, BetaSchedule: "squaredcos_cap_v2"}, map[int]float64{0: 0.99995869, 250: 0.84588802,
			500: 0.49228504, 750: 0.14317866, 998: 2.428766e-6, 999: 2.428735e-9}},
		"of latent models": {ProcessConfig{Name: DDPM, BetaSchedule: "scaled_linear", BetaStart: 0.00085, BetaEnd: 0.012},
			map[int]float64{999: 0.004660095}},
		"of one timestep": {ProcessConfig{Name: DDPM, NumTrainTimesteps: 1}, map[int]float64{0: 0.9999}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.config.SetDefaults()
			table := alphasCumprod(c.config)
			for at, want := range c.want {
				if got := float64(table[at]); math.Abs(got/want-1) > 1e-6 {
					t.Errorf("alphas_cumprod[%d] = %v, want %v", at, got, want)
				}
			}
		})
	}
}

func expectRelative(t *testing.T, got, want []float32, tolerance float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) <= tolerance*math.Max(1, math.Abs(float64(want[i])))) {
			t.Errorf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
}
