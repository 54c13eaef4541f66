package schedulers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// goldenTolerance is the largest absolute error allowed at every sample of every case. float32 resolves
// large values more coarsely (437, the largest in the file, to 3e-5), so beyond 1 it is relative.
const goldenTolerance = 1e-5

// goldenFile mirrors schedulers.json, and testdata/reference.json: what the schedulers of diffusers did, call by call.
type goldenFile struct {
	Source  string          `json:"source"`
	Cases   []goldenCase    `json:"cases"`
	Forward []goldenForward `json:"forward"`
}

type goldenCase struct {
	Name              string          `json:"name"`
	Shape             []int           `json:"shape"`
	Scheduler         string          `json:"scheduler"`
	Config            json.RawMessage `json:"config"`
	NumInferenceSteps int             `json:"num_inference_steps"`
	StepKwargs        json.RawMessage `json:"step_kwargs"`
	Timesteps         []float64       `json:"timesteps"`
	Sigmas            []float64       `json:"sigmas"`
	Start             []float32       `json:"start"`
	ModelOutputs      [][]float32     `json:"model_outputs"`
	StepNoise         [][]float32     `json:"step_noise"`
	Samples           [][]float32     `json:"samples"`
}

type goldenForward struct {
	Scheduler       string    `json:"scheduler"`
	Convention      string    `json:"convention"`
	BetaSchedule    string    `json:"beta_schedule"`
	BetaStart       float64   `json:"beta_start"`
	BetaEnd         float64   `json:"beta_end"`
	Shape           []int     `json:"shape"`
	Sample          []float32 `json:"sample"`
	Noise           []float32 `json:"noise"`
	Timesteps       []float32 `json:"timesteps"`
	Noisy           []float32 `json:"noisy"`
	Velocity        []float32 `json:"velocity"`
	Target          []float32 `json:"target"`
	AlphasCumprod   []float64 `json:"alphas_cumprod"`
	AlphasCumprodAt []int     `json:"alphas_cumprod_at"`
}

// diffusersConfig is the part of diffusers' scheduler options that there is a counterpart for. Options
// that only confirm what our samplers do are checked by configs.
type diffusersConfig struct {
	NumTrainTimesteps *int     `json:"num_train_timesteps"`
	Shift             *float64 `json:"shift"`
	BetaSchedule      *string  `json:"beta_schedule"`
	BetaStart         *float64 `json:"beta_start"`
	BetaEnd           *float64 `json:"beta_end"`
	PredictionType    *string  `json:"prediction_type"`
	VarianceType      *string  `json:"variance_type"`
	ClipSample        *bool    `json:"clip_sample"`
	ClipSampleRange   *float64 `json:"clip_sample_range"`
	SetAlphaToOne     *bool    `json:"set_alpha_to_one"`
	TimestepSpacing   *string  `json:"timestep_spacing"`
	StepsOffset       *int     `json:"steps_offset"`

	AlgorithmType       *string `json:"algorithm_type"`
	SolverOrder         *int    `json:"solver_order"`
	SolverType          *string `json:"solver_type"`
	LowerOrderFinal     *bool   `json:"lower_order_final"`
	FinalSigmasType     *string `json:"final_sigmas_type"`
	Thresholding        *bool   `json:"thresholding"`
	RescaleBetasZeroSNR *bool   `json:"rescale_betas_zero_snr"`

	UseKarrasSigmas *bool    `json:"use_karras_sigmas"`
	UseFlowSigmas   *bool    `json:"use_flow_sigmas"`
	FlowShift       *float64 `json:"flow_shift"`
}

type diffusersStepKwargs struct {
	Eta float64 `json:"eta"`
}

// configs translates a case, and fails on anything that has no translation.
func (c goldenCase) configs(t *testing.T) (SamplerConfig, ProcessConfig) {
	t.Helper()
	var d diffusersConfig
	var kwargs diffusersStepKwargs
	strictJSON(t, "config", c.Config, &d)
	strictJSON(t, "step_kwargs", c.StepKwargs, &kwargs)

	var s SamplerConfig
	var p ProcessConfig
	fixed(t, "algorithm_type", d.AlgorithmType, "dpmsolver++")
	if c.Scheduler == "UniPCMultistepScheduler" {
		set(&s.SolverOrder, d.SolverOrder)
	} else {
		fixed(t, "solver_order", d.SolverOrder, 2)
	}
	fixed(t, "solver_type", d.SolverType, "midpoint")
	fixed(t, "lower_order_final", d.LowerOrderFinal, true)
	fixed(t, "final_sigmas_type", d.FinalSigmasType, "zero")
	fixed(t, "thresholding", d.Thresholding, false)

	set(&p.NumTrainTimesteps, d.NumTrainTimesteps)
	set(&s.Shift, d.Shift)
	set(&p.BetaSchedule, d.BetaSchedule)
	if p.BetaSchedule != "squaredcos_cap_v2" { // which ignores them
		set(&p.BetaStart, d.BetaStart)
		set(&p.BetaEnd, d.BetaEnd)
	}
	set(&p.RescaleBetasZeroSNR, d.RescaleBetasZeroSNR)
	set(&p.PredictionType, d.PredictionType)
	set(&s.VarianceType, d.VarianceType)
	s.ClipSample = d.ClipSample
	set(&s.ClipSampleRange, d.ClipSampleRange)
	s.SetAlphaToOne = d.SetAlphaToOne
	set(&s.TimestepSpacing, d.TimestepSpacing)
	set(&s.StepsOffset, d.StepsOffset)
	s.Eta = kwargs.Eta

	switch c.Scheduler {
	case "FlowMatchEulerDiscreteScheduler":
		s.Name, s.Grid, p.Name = "euler", "diffusers", FlowMatch
	case "FlowMatchHeunDiscreteScheduler":
		s.Name, s.Grid, p.Name = "heun", "diffusers", FlowMatch
	case "DDPMScheduler":
		s.Name, p.Name = "ddpm", DDPM
	case "DDIMScheduler":
		s.Name, p.Name = "ddim", DDPM
		if s.TimestepSpacing != "" && s.TimestepSpacing != "leading" {
			s.PreviousTimestep = "diffusers"
		}
	case "DPMSolverMultistepScheduler":
		s.Name, p.Name = "dpmpp_2m", DDPM
	case "UniPCMultistepScheduler":
		s.Name, p.Name = "unipc", FlowMatch
	default:
		t.Fatalf("no sampler corresponds to %s", c.Scheduler)
	}
	if d.UseKarrasSigmas != nil && *d.UseKarrasSigmas {
		s.Grid = "karras"
	}
	if d.UseFlowSigmas != nil && *d.UseFlowSigmas {
		fixed(t, "prediction_type", d.PredictionType, "flow_prediction")
		s.Grid, p.Name, p.PredictionType = "diffusers", FlowMatch, "velocity"
		set(&s.Shift, d.FlowShift)
	}
	return s, p
}

func TestGoldenSamplersReproduceDiffusersAtEverySample(t *testing.T) {
	golden := readGolden(t)
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for _, c := range golden.Cases {
			t.Run(c.Name, func(t *testing.T) { c.check(t, runner) })
		}
	})
}

func (c goldenCase) check(t *testing.T, runner *Runner) {
	samplerConfig, processConfig := c.configs(t)
	sampler, err := NewSampler(samplerConfig, processConfig)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := sampler.Plan(c.NumInferenceSteps)
	if err != nil {
		t.Fatal(err)
	}
	if plan.NFE() != len(c.Timesteps) || len(c.Samples) != len(c.Timesteps) {
		t.Fatalf("plan has %d calls, golden %d timesteps and %d samples", plan.NFE(), len(c.Timesteps), len(c.Samples))
	}
	processConfig.SetDefaults()
	flow := processConfig.Name == FlowMatch
	for i, e := range plan.Calls {
		timestep := e.Timestep
		if flow { // diffusers counts from data to noise
			timestep = float64(processConfig.NumTrainTimesteps) - timestep
		}
		if samplerConfig.Grid == "diffusers" && c.Scheduler != "FlowMatchEulerDiscreteScheduler" &&
			c.Scheduler != "FlowMatchHeunDiscreteScheduler" {
			if cut := timestep - c.Timesteps[i]; cut > -1e-3 && cut < 1+1e-3 {
				timestep = c.Timesteps[i] // these give the model a whole number; the sigmas are not cut off
			}
		}
		if math.Abs(timestep-c.Timesteps[i]) > 1e-3 {
			t.Fatalf("call %d: timestep %v, want %v", i, timestep, c.Timesteps[i])
		}
		if sigma := 1 - e.Timestep/float64(processConfig.NumTrainTimesteps); flow && c.Sigmas != nil && math.Abs(sigma-c.Sigmas[i]) > 1e-6 {
			t.Fatalf("call %d: sigma %v, want %v", i, sigma, c.Sigmas[i])
		}
	}

	worst := 0.0
	expect := func(i int, sample *tensors.Tensor) {
		worst = max(worst, expectClose(t, fmt.Sprintf("sample after call %d", i), values(t, sample), c.Samples[i], c.tolerance(i)))
	}
	predict := func(_ context.Context, sample *tensors.Tensor, e Call) (*tensors.Tensor, error) {
		if e.Index > 0 {
			expect(e.Index-1, sample)
		}
		output := append([]float32(nil), c.ModelOutputs[e.Index]...)
		if flow { // its velocity is noise - data
			for i := range output {
				output[i] = -output[i]
			}
		}
		return tensors.FromFlatDataAndDimensions(output, c.Shape...), nil
	}
	noise := func(e Call) (*tensors.Tensor, error) {
		return tensors.FromFlatDataAndDimensions(c.StepNoise[e.Index], c.Shape...), nil
	}
	start := tensors.FromFlatDataAndDimensions(c.Start, c.Shape...)
	sample, err := runner.Run(t.Context(), plan, start, predict, noise, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(plan.NFE()-1, sample)
	t.Logf("largest error %.2g", worst)
}

// tolerance is the error allowed at each value after call i: goldenTolerance, times the largest
// value on the way there if that is above 1, because an error made while a value is large stays when it
// shrinks. The Heun sampler of diffusers adds one of its own: it computes the slope as
// (x - (x - sigma*slope))/sigma, which leaves half a unit in the last place of x, divided by sigma.
func (c goldenCase) tolerance(i int) []float64 {
	out := make([]float64, len(c.Start))
	for j := range out {
		largest, slack := 1.0, 0.0
		for k := range i + 1 {
			largest = max(largest, math.Abs(float64(c.Samples[k][j])))
			if c.Scheduler == "FlowMatchHeunDiscreteScheduler" && k%2 == 1 { // a corrector, from timestep k-1 to k
				x := math.Abs(float64(c.Samples[k-1][j]))
				h := math.Abs(c.Timesteps[k]-c.Timesteps[k-1]) / c.Timesteps[k]
				slack += h / 2 * 0x1p-24 * max(x, 1)
			}
		}
		out[j] = goldenTolerance*largest + slack
	}
	return out
}

func TestGoldenProcessesReproduceAddNoiseAndTargets(t *testing.T) {
	golden := readGolden(t)
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, f := range golden.Forward {
			t.Run(f.Scheduler+"_"+f.BetaSchedule, func(t *testing.T) { f.check(t, backend) })
		}
	})
}

// smallestShare is the share of signal below which float32 leaves no five digits of it: that of a rescaled schedule is a
// product of a thousand factors whose last ones are near 0.
const smallestShare = 1e-4

func (f goldenForward) check(t *testing.T, backend compute.Backend) {
	var config ProcessConfig
	want := map[string][]float32{"noisy": f.Noisy}
	switch f.Scheduler {
	case "FlowMatch":
		config = ProcessConfig{Name: FlowMatch}
		want["velocity"] = f.Target
	case "DDPMScheduler":
		config = ProcessConfig{Name: DDPM, BetaSchedule: f.BetaSchedule, BetaStart: f.BetaStart, BetaEnd: f.BetaEnd,
			RescaleBetasZeroSNR: f.Convention == "rescale_betas_zero_snr"}
		if f.BetaSchedule == cosineBetas {
			config.BetaStart, config.BetaEnd = 0, 0 // which ignores them
		}
		want["v_prediction"] = f.Velocity
		if !config.RescaleBetasZeroSNR {
			want["epsilon"] = f.Noise
		}
		want["sample"] = f.Sample
	default:
		t.Fatalf("no process corresponds to %s", f.Scheduler)
	}
	tolerance := slices.Repeat([]float64{goldenTolerance}, len(f.Noise))
	table := config
	table.SetDefaults()
	for i, at := range f.AlphasCumprodAt {
		got := float64(alphasCumprod(table)[at])
		if math.Abs(got-f.AlphasCumprod[i]) > 1e-5*math.Max(f.AlphasCumprod[i], smallestShare) {
			t.Errorf("alphas_cumprod[%d] = %v, want %v", at, got, f.AlphasCumprod[i])
		}
	}
	for prediction, wantTarget := range want {
		if prediction == "noisy" {
			continue
		}
		config.PredictionType = prediction
		process, err := NewProcess(config)
		if err != nil {
			t.Fatal(err)
		}
		noisy, target := forward(t, backend, process, f.Shape, f.Sample, f.Noise, f.Timesteps)
		expectClose(t, "noisy", noisy, want["noisy"], tolerance)
		expectClose(t, prediction, target, wantTarget, tolerance)
	}
}

// forward runs AddNoise and Target on a backend.
func forward(t *testing.T, backend compute.Backend, process Process, shape []int, sample, noise, timesteps []float32) (noisy,
	target []float32) {
	t.Helper()
	exec, err := graph.NewExec(backend, func(sample, noise, timestep *graph.Node) (*graph.Node, *graph.Node) {
		return process.AddNoise(sample, noise, timestep), process.Target(sample, noise, timestep)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	a, b, err := exec.Call2(
		tensors.FromFlatDataAndDimensions(sample, shape...),
		tensors.FromFlatDataAndDimensions(noise, shape...),
		tensors.FromFlatDataAndDimensions(timesteps, len(timesteps)))
	if err != nil {
		t.Fatal(err)
	}
	return values(t, a), values(t, b)
}

// expectClose fails unless got is within tolerance of want, and returns the largest absolute error.
func expectClose(t *testing.T, what string, got, want []float32, tolerance []float64) (worst float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		diff := math.Abs(float64(got[i]) - float64(want[i]))
		if !(diff <= tolerance[i]) {
			t.Errorf("%s: value %d is %v, want %v (off by %.2g)", what, i, got[i], want[i], diff)
		}
		worst = max(worst, diff)
	}
	return worst
}

func readGolden(t *testing.T) goldenFile {
	t.Helper()
	var all goldenFile
	for _, path := range []string{filepath.Join(goldenDir(t), "schedulers.json"), filepath.Join("testdata", "reference.json")} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var golden goldenFile
		strictJSON(t, path, raw, &golden)
		if len(golden.Cases) == 0 || len(golden.Forward) == 0 {
			t.Fatalf("%s holds no cases", path)
		}
		all.Cases, all.Forward = append(all.Cases, golden.Cases...), append(all.Forward, golden.Forward...)
	}
	return all
}

func strictJSON(t *testing.T, what string, raw []byte, into any) {
	t.Helper()
	if len(raw) == 0 {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("reading %s: %v", what, err)
	}
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func fixed[T comparable](t *testing.T, key string, got *T, want T) {
	t.Helper()
	if got != nil && *got != want {
		t.Fatalf("%s is %v, our sampler only does %v", key, *got, want)
	}
}
