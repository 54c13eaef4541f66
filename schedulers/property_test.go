package schedulers

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

// Data of a normal distribution have a known velocity field: at time t a sample on the straight paths has the mean t·m and
// the variance v = t²s² + (1-t)², and the velocity there is m + (t·s² - (1-t))/v·(x - t·m). It takes noise x0 to m + s·x0.
const gaussianMean, gaussianStd = 0.6, 0.25

func gaussianVelocity(x, t float64) float64 { return gaussianVelocityOn(linearPath)(x, t) }

// gaussianVelocityOn is that of any path alpha·data + sigma·noise: with the variance v = alpha²s² + sigma² it is
// alpha'·m + (alpha·alpha'·s² + sigma·sigma')/v·(x - alpha·m).
func gaussianVelocityOn(path Interpolant) func(x, t float64) float64 {
	return func(x, t float64) float64 {
		const s2 = gaussianStd * gaussianStd
		alpha, sigma, alphaSlope, sigmaSlope := path.Alpha(t), path.Sigma(t), path.AlphaSlope(t), path.SigmaSlope(t)
		return alphaSlope*gaussianMean + (alpha*alphaSlope*s2+sigma*sigmaSlope)/(alpha*alpha*s2+sigma*sigma)*(x-alpha*gaussianMean)
	}
}

// TestSamplersOfPredictedDataConverge: in lambda, which is infinite at both ends of a flow, steps do not get short everywhere,
// and errors fall as 1/steps² but for a logarithm. That takes more steps to see than float32 allows.
func TestSamplersOfPredictedDataConverge(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	for name, path := range map[string]Interpolant{"linear": linearPath, "cosine": cosinePath} {
		t.Run(name, func(t *testing.T) { predictedDataConverges(t, runner, name, gaussianVelocityOn(path)) })
	}
}

func predictedDataConverges(t *testing.T, runner *Runner, path string, velocity func(x, t float64) float64) {
	process := ProcessConfig{Name: FlowMatch, NumTrainTimesteps: maxTrainTimesteps, Path: path}
	seen := 0
	for _, name := range SamplerNames(FlowMatch) {
		sampler, err := NewSampler(SamplerConfig{Name: name}, process)
		if err != nil {
			t.Fatal(err)
		}
		if _, has := sampler.(interface{ Order() int }); has || name == "dopri5" || name == "euler_maruyama" { // which have tests of their own
			continue
		}
		seen++
		orders := []int{0}
		if name == "unipc" {
			orders = []int{1, 2, 3}
		}
		for _, order := range orders {
			config := SamplerConfig{Name: name, SolverOrder: order}
			t.Run(config.String(), func(t *testing.T) {
				off := func(steps int) float64 {
					return math.Abs(inFloat64(t, mustPlan(t, config, process, steps), velocity, -2) - (gaussianMean - 2*gaussianStd))
				}
				observed := math.Log2(off(4096) / off(8192))
				t.Logf("observed order %.2f", observed)
				if observed < 1.8 || observed > 2.1 {
					t.Errorf("halving the step size shrinks the error by 2^%.2f, want 2^2 but for a logarithm", observed)
				}
				for _, steps := range []int{1, 2, 3, 20} {
					plan := mustPlan(t, config, process, steps)
					got := runToy(t, runner, plan, func(x, timestep float64) float64 { return velocity(x, timestep/maxTrainTimesteps) })
					for i, start := range toyStart {
						expectRelative(t, got[i:i+1], []float32{float32(inFloat64(t, plan, velocity, float64(start)))}, 1e-4)
					}
				}
			})
		}
	}
	if seen == 0 {
		t.Error("no sampler was tried")
	}
}

// inFloat64 is what a plan makes of x on the flow to Gaussian data, in float64.
func inFloat64(t *testing.T, plan Plan, velocity func(x, t float64) float64, x float64) float64 {
	t.Helper()
	var last float64
	var data [4]float64 // the latest first
	for _, e := range plan.Calls {
		v := velocity(x, e.Timestep/maxTrainTimesteps)
		copy(data[1:], data[:3])
		switch u := e.update.(type) {
		case denoiseUpdate:
			data[0] = (u.dataOfSample*x + u.dataOfPrediction*v) / u.dataDivisor
			x = u.sample*x + u.data*data[0] + u.change*(data[0]-data[1])
		case predictCorrectUpdate:
			data[0] = u.dataOfSample*x + u.dataOfPrediction*v
			if u.corrects {
				x = u.correct.sample * last
				for i, w := range u.correct.data {
					x += w * data[i]
				}
			}
			last = x
			x *= u.predict.sample
			for i, w := range u.predict.data[1:] {
				x += w * data[i]
			}
		default:
			t.Fatalf("no arithmetic for %T", u)
		}
	}
	return x
}

func TestODESamplersConvergeAtTheirDeclaredOrder(t *testing.T) {
	odes := map[string]struct {
		velocity func(x, t float64) float64
		solution func(x0 float64) float64 // at t = 1
	}{
		"growth that speeds up": {
			func(x, t float64) float64 { return x * (1 + 2*t) },
			func(x0 float64) float64 { return x0 * math.Exp(2) }},
		"nonlinear decay": {
			func(x, t float64) float64 { return -(1 + t) * x * math.Abs(x) },
			func(x0 float64) float64 { return x0 / (1 + 1.5*math.Abs(x0)) }},
		"the flow to Gaussian data": {gaussianVelocity, func(x0 float64) float64 { return gaussianMean + gaussianStd*x0 }},
		"the flow to Gaussian data on the cosine path": {gaussianVelocityOn(cosinePath),
			func(x0 float64) float64 { return gaussianMean + gaussianStd*x0 }},
	}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for _, name := range SamplerNames(FlowMatch) {
			sampler, err := NewSampler(SamplerConfig{Name: name}, ProcessConfig{Name: FlowMatch})
			if err != nil {
				t.Fatal(err)
			}
			declared, has := sampler.(interface{ Order() int })
			if !has {
				continue // TestSamplersOfPredictedDataConverge has it
			}
			order := declared.Order()
			for what, ode := range odes {
				t.Run(fmt.Sprintf("%s has order %d on %s", name, order, what), func(t *testing.T) {
					worst := func(steps int) (worst float64) {
						plan, err := sampler.Plan(steps)
						if err != nil {
							t.Fatal(err)
						}
						got := runToy(t, runner, plan, func(x, timestep float64) float64 { return ode.velocity(x, timestep/1000) })
						for i, x0 := range toyStart {
							worst = max(worst, math.Abs(float64(got[i])-ode.solution(float64(x0))))
						}
						return worst
					}
					// Coarse enough that rk4's error stays above float32's.
					steps := map[int]int{1: 200, 2: 64, 4: 8}[order]
					if order == 4 && strings.Contains(what, "cosine") {
						steps = 20 // 8 are too coarse there
					}
					observed := math.Log2(worst(steps) / worst(2*steps))
					t.Logf("observed order %.2f", observed)
					if math.Abs(observed-float64(order)) > 0.3 {
						t.Errorf("halving the step size shrinks the error by 2^%.2f, want 2^%d", observed, order)
					}
				})
			}
		}
	})
}

func TestDDIMWithEtaOneIsAncestralSampling(t *testing.T) {
	no := ptr(false)
	runner := newRunner(t, openBackend(t, "go"))
	for _, prediction := range []string{"epsilon", "v_prediction", "sample"} {
		for _, schedule := range []string{"linear", "scaled_linear", "squaredcos_cap_v2"} {
			for _, steps := range []int{4, 20, 100} {
				t.Run(fmt.Sprintf("%s %s %d steps", prediction, schedule, steps), func(t *testing.T) {
					process := ProcessConfig{Name: DDPM, PredictionType: prediction, BetaSchedule: schedule}
					network := func(x, timestep float64) float64 { return 0.3*x - 0.1*math.Cos(timestep/100) }
					ddpm := runToy(t, runner, mustPlan(t, SamplerConfig{Name: "ddpm", ClipSample: no}, process, steps), network)
					ddim := runToy(t, runner, mustPlan(t, SamplerConfig{Name: "ddim", Eta: 1, ClipSample: no}, process, steps), network)
					expectRelative(t, ddim, ddpm, 2e-4) // coefficients that cancel are float32
				})
			}
		}
	}
}

// A model that knows the noise knows the data at every timestep, so that a step which goes to another timestep than the next
// one is made at leaves what it has at a wrong level of noise.
func TestDDIMGoesToTheNextTimestepListed(t *testing.T) {
	const noise = 0.3
	runner := newRunner(t, openBackend(t, "go"))
	process := ProcessConfig{Name: DDPM}
	process.SetDefaults()
	alphas := alphasCumprod(process)
	for _, c := range []struct {
		spacing, previous string
		steps             int
		exact             bool
	}{
		{"leading", "", 7, true}, {"leading", "", 50, true},
		{"trailing", "", 7, true}, {"trailing", "", 50, true}, {"linspace", "", 2, true}, {"linspace", "", 10, true},
		{"trailing", "diffusers", 50, true}, {"trailing", "diffusers", 7, false}, {"linspace", "diffusers", 2, false}, {"linspace",
			"diffusers", 10, false},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			plan := mustPlan(t, SamplerConfig{Name: "ddim", TimestepSpacing: c.spacing, PreviousTimestep: c.previous,
				ClipSample: ptr(false)}, process, c.steps)
			alpha := float64(alphas[int(plan.Calls[0].Timestep)])
			got := runToy(t, runner, plan, func(float64, float64) float64 { return noise })
			exact := true
			for i, start := range toyStart {
				want := (float64(start) - math.Sqrt(1-alpha)*noise) / math.Sqrt(alpha)
				exact = exact && math.Abs(float64(got[i])-want) <= 1e-3*math.Abs(want)
			}
			if exact != c.exact {
				t.Errorf("it ends at %v, which is the data: %v, want %v", got, exact, c.exact)
			}
		})
	}
}

// A model that knows the data tells every sampler to go there, whatever the number of steps.
func TestEverySamplerEndsAtTheDataOfAModelThatKnowsIt(t *testing.T) {
	data := []float32{0.9, -0.7, 0.1, -0.3}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for _, r := range samplers {
			predictions := []string{"velocity"}
			if r.process == DDPM {
				predictions = []string{"epsilon", "v_prediction", "sample"}
			}
			for _, prediction := range predictions {
				for _, steps := range []int{1, 2, 7, 50} {
					t.Run(fmt.Sprintf("%s %s %d steps", r.name, prediction, steps), func(t *testing.T) {
						process := ProcessConfig{Name: r.process, PredictionType: prediction}
						plan := mustPlan(t, SamplerConfig{Name: r.name}, process, steps)
						got := runKnowing(t, runner, plan, process, data)
						expectRelative(t, got, data, 1e-4) // dividing by sqrt(alphas_cumprod) magnifies rounding
					})
				}
			}
		}
	})
}

// runKnowing samples from toyStart with the prediction that is right if there is no other data.
func runKnowing(t *testing.T, runner *Runner, plan Plan, process ProcessConfig, data []float32) []float32 {
	t.Helper()
	process.SetDefaults()
	stochastic := slices.ContainsFunc(plan.Calls, func(e Call) bool { return e.UsesNoise })
	table := alphasCumprod(process)
	predict := func(_ context.Context, sample *tensors.Tensor, e Call) (*tensors.Tensor, error) {
		output := values(t, sample)
		for i, x := range output {
			if process.Name == FlowMatch {
				output[i] = data[i] - toyStart[i]
				if stochastic { // it strays from the straight line
					output[i] = (data[i] - x) / float32(1-e.Timestep/1000)
				}
				continue
			}
			alpha := math.Sqrt(float64(table[int(e.Timestep)]))
			sigma := math.Sqrt(1 - float64(table[int(e.Timestep)]))
			epsilon := (float64(x) - alpha*float64(data[i])) / sigma
			output[i] = map[string]float32{
				"epsilon":      float32(epsilon),
				"v_prediction": float32(alpha*epsilon - sigma*float64(data[i])),
				"sample":       data[i],
			}[process.PredictionType]
		}
		return tensors.FromFlatDataAndDimensions(output, 4), nil
	}
	noise := func(Call) (*tensors.Tensor, error) {
		return tensors.FromFlatDataAndDimensions([]float32{1, -0.4, 0.3, -1.7}, 4), nil
	}
	sample, err := runner.Run(t.Context(), plan, tensors.FromFlatDataAndDimensions(toyStart, 4), predict, noise, nil)
	if err != nil {
		t.Fatal(err)
	}
	return values(t, sample)
}

// TestSamplersOfZeroTerminalSNREndAtTheData: where nothing of the data is left at the first timestep, plans stay finite and end
// where a model that knows the data says.
func TestSamplersOfZeroTerminalSNREndAtTheData(t *testing.T) {
	data := []float32{0.9, -0.7, 0.1, -0.3}
	runner := newRunner(t, openBackend(t, "go"))
	for _, name := range SamplerNames(DDPM) {
		for _, prediction := range []string{"v_prediction", "sample"} {
			for _, schedule := range []string{"linear", "scaled_linear", "squaredcos_cap_v2"} {
				for _, spacing := range []string{"leading", "trailing", "linspace"} {
					process := ProcessConfig{Name: DDPM, PredictionType: prediction, BetaSchedule: schedule, RescaleBetasZeroSNR: true}
					for _, steps := range []int{1, 2, 20} {
						t.Run(fmt.Sprint(name, " ", prediction, " ", schedule, " ", spacing, " ", steps), func(t *testing.T) {
							plan := mustPlan(t, SamplerConfig{Name: name, TimestepSpacing: spacing}, process, steps)
							expectRelative(t, runKnowing(t, runner, plan, process, data), data, 1e-3)
						})
					}
				}
			}
		}
	}
}

func TestStochasticSamplersAloneDrawNoise(t *testing.T) {
	cases := []struct {
		config SamplerConfig
		draws  int
	}{
		{SamplerConfig{Name: "ddpm"}, 9}, // none at timestep 0
		{SamplerConfig{Name: "ddpm", TimestepSpacing: "trailing"}, 10},
		{SamplerConfig{Name: "ddim"}, 0},
		{SamplerConfig{Name: "ddim", Eta: 0.5}, 9},
		{SamplerConfig{Name: "dpmpp_2m"}, 0},
		{SamplerConfig{Name: "rk4"}, 0},
		{SamplerConfig{Name: "euler_maruyama"}, 9}, // none in the last step
	}
	for _, c := range cases {
		r, _ := find(c.config.Name)
		draws := 0
		for _, e := range mustPlan(t, c.config, ProcessConfig{Name: r.process}, 10).Calls {
			if e.UsesNoise {
				draws++
			}
		}
		if draws != c.draws {
			t.Errorf("%+v draws noise %d times, want %d", c.config, draws, c.draws)
		}
	}
}

func TestNFECountsTheStagesOfEveryStep(t *testing.T) {
	for name, want := range map[string]int{"euler": 8, "midpoint": 16, "heun": 16, "rk4": 32, "ab2": 8, "unipc": 8, "ddpm": 8,
		"ddim": 8, "dpmpp_2m": 8} {
		r, _ := find(name)
		plan := mustPlan(t, SamplerConfig{Name: name}, ProcessConfig{Name: r.process}, 8)
		if plan.NFE() != want {
			t.Errorf("%s: %d calls, want %d", name, plan.NFE(), want)
		}
		if last := plan.Calls[want-1]; last.Step != 7 || last.Index != want-1 {
			t.Errorf("%s: the last call is %+v", name, last)
		}
	}
	if got := mustPlan(t, SamplerConfig{Name: "heun", Grid: "diffusers"}, ProcessConfig{Name: FlowMatch}, 8).NFE(); got != 15 {
		t.Errorf("heun on diffusers' grid: %d calls, want 15", got)
	}
}

func TestImpossiblePlansAreErrors(t *testing.T) {
	extreme := ProcessConfig{Name: DDPM, BetaStart: 1e-12, BetaEnd: 1e-12}
	cases := map[string]struct {
		sampler SamplerConfig
		process ProcessConfig
		steps   int
		want    string
	}{
		"no steps":                  {SamplerConfig{Name: "euler"}, ProcessConfig{}, 0, "steps must be at least 1, got 0"},
		"negative steps":            {SamplerConfig{Name: "ddim"}, ProcessConfig{}, -3, "steps must be at least 1, got -3"},
		"more steps than timesteps": {SamplerConfig{Name: "ddpm"}, ProcessConfig{}, 1001, "1001 steps are more than the 1000 timesteps"},
		"flow with too many steps": {SamplerConfig{Name: "heun"}, ProcessConfig{NumTrainTimesteps: 100}, 101,
			"101 steps are more than the 100 timesteps"},
		"an offset past the end": {SamplerConfig{Name: "ddim", StepsOffset: 30}, ProcessConfig{}, 50,
			"timestep 1010 of step 0 is outside of the trained range 0 to 999"},
		"repeated timesteps":       {SamplerConfig{Name: "dpmpp_2m"}, ProcessConfig{}, 1000, "fall on the same timestep"},
		"a schedule without noise": {SamplerConfig{Name: "ddpm"}, extreme, 10, "noise schedule is too extreme"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, _ := find(c.sampler.Name)
			c.process.Name = r.process
			sampler, err := NewSampler(c.sampler, c.process)
			if err != nil {
				t.Fatal(err)
			}
			_, err = sampler.Plan(c.steps)
			expectError(t, err, c.want)
		})
	}
}

func TestPlansAreFiniteForEveryNumberOfSteps(t *testing.T) {
	for _, r := range samplers {
		spacings := []string{""}
		if slices.Contains(r.options, "timestep_spacing") {
			spacings = []string{"leading", "trailing", "linspace"}
		}
		for _, spacing := range spacings {
			sampler, err := NewSampler(SamplerConfig{Name: r.name, TimestepSpacing: spacing}, ProcessConfig{Name: r.process, NumTrainTimesteps: 60})
			if err != nil {
				t.Fatal(err)
			}
			for steps := 1; steps <= 59; steps++ {
				if _, err := sampler.Plan(steps); err != nil {
					t.Errorf("%s %s %d steps: %v", r.name, spacing, steps, err)
				}
			}
		}
	}
}

func TestFarFromNoise(t *testing.T) {
	for _, c := range []struct {
		sampler SamplerConfig
		steps   int
		want    int
	}{
		{SamplerConfig{Name: "ddim"}, 1, 999}, {SamplerConfig{Name: "ddim"}, 4, 249}, {SamplerConfig{Name: "ddim"}, 10, 0},
		{SamplerConfig{Name: "ddpm", TimestepSpacing: "trailing"}, 1, 0}, {SamplerConfig{Name: "ddim", TimestepSpacing: "linspace"}, 1, 999},
		{SamplerConfig{Name: "dpmpp_2m"}, 1, 0},
	} {
		plan := mustPlan(t, c.sampler, ProcessConfig{Name: DDPM}, c.steps)
		if got := plan.FarFromNoise(1000); got != c.want {
			t.Errorf("%v in %d steps begins %d before the noise, want %d", c.sampler, c.steps, got, c.want)
		}
	}
	if got := mustPlan(t, SamplerConfig{Name: "euler"}, ProcessConfig{Name: FlowMatch}, 1).FarFromNoise(1000); got != 0 {
		t.Errorf("a flow begins %d before the noise", got)
	}
}
