package schedulers

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestProcessConfigsWithProblemsNameTheirKeys(t *testing.T) {
	cases := map[string]struct {
		config ProcessConfig
		want   []string // key and a part of the problem
	}{
		"no name":            {ProcessConfig{}, []string{"name", `must be one of flow_match, ddpm, got ""`}},
		"an unknown process": {ProcessConfig{Name: "edm"}, []string{"name", `got "edm"`}},
		"too few timesteps": {ProcessConfig{Name: DDPM, NumTrainTimesteps: -1}, []string{"num_train_timesteps",
			"between 1 and 100000, got -1"}},
		"too many timesteps": {ProcessConfig{Name: FlowMatch, NumTrainTimesteps: 1e9}, []string{"num_train_timesteps",
			"got 1000000000"}},
		"epsilon of flow matching": {ProcessConfig{Name: FlowMatch, PredictionType: "epsilon"}, []string{"prediction_type",
			`must be one of velocity, got "epsilon"`}},
		"velocity of ddpm": {ProcessConfig{Name: DDPM, PredictionType: "velocity"}, []string{"prediction_type",
			"epsilon, v_prediction, sample"}},
		"an unknown density": {ProcessConfig{Name: FlowMatch, TimestepDensity: "normal"}, []string{"timestep_density",
			"uniform, logit_normal"}},
		"a density ddpm cannot have": {ProcessConfig{Name: DDPM, TimestepDensity: "logit_normal"}, []string{"timestep_density",
			"must be one of uniform"}},
		"a shift below zero":           {ProcessConfig{Name: FlowMatch, Shift: -1}, []string{"shift", "above 0, got -1"}},
		"a shift of ddpm":              {ProcessConfig{Name: DDPM, Shift: 3}, []string{"shift", `does not apply to process "ddpm"`}},
		"a shift that is not a number": {ProcessConfig{Name: FlowMatch, Shift: math.NaN()}, []string{"shift", "got NaN"}},
		"an infinite mean": {ProcessConfig{Name: FlowMatch, TimestepDensity: "logit_normal", LogitMean: math.Inf(1)},
			[]string{"logit_mean", "finite"}},
		"a negative deviation": {ProcessConfig{Name: FlowMatch, TimestepDensity: "logit_normal", LogitStd: -1},
			[]string{"logit_std", "above 0"}},
		"logit_mean of uniform": {ProcessConfig{Name: FlowMatch, LogitMean: 1}, []string{"logit_mean",
			`does not apply to timestep_density "uniform"`}},
		"logit_std of ddpm": {ProcessConfig{Name: DDPM, LogitStd: 1}, []string{"logit_std", `does not apply to process "ddpm"`}},
		"betas of flow matching": {ProcessConfig{Name: FlowMatch, BetaSchedule: "linear"}, []string{"beta_schedule",
			`does not apply to process "flow_match"`}},
		"an unknown schedule": {ProcessConfig{Name: DDPM, BetaSchedule: "cosine"}, []string{"beta_schedule", "squaredcos_cap_v2"}},
		"no signal and the noise asked": {ProcessConfig{Name: DDPM, RescaleBetasZeroSNR: true}, []string{"rescale_betas_zero_snr",
			"set prediction_type to v_prediction or sample"}},
		"an unknown loss":    {ProcessConfig{Name: FlowMatch, Loss: "l1"}, []string{"loss", "must be one of mse, pseudo_huber"}},
		"a negative huber_c": {ProcessConfig{Name: DDPM, Loss: "pseudo_huber", HuberC: -1}, []string{"huber_c", "above 0, got -1"}},
		"a huber_c of mse":   {ProcessConfig{Name: DDPM, HuberC: 1}, []string{"huber_c", `does not apply to loss "mse"`}},
		"an unknown path":    {ProcessConfig{Name: FlowMatch, Path: "vp"}, []string{"path", "linear, cosine"}},
		"a path of ddpm":     {ProcessConfig{Name: DDPM, Path: "cosine"}, []string{"path", `does not apply to process "ddpm"`}},
		"min_snr of a flow": {ProcessConfig{Name: FlowMatch, LossWeight: "min_snr"}, []string{"loss_weight",
			`does not apply to process "flow_match"`}},
		"an unknown weight": {ProcessConfig{Name: DDPM, LossWeight: "p2"}, []string{"loss_weight", "uniform, min_snr"}},
		"a negative gamma": {ProcessConfig{Name: DDPM, LossWeight: "min_snr", SNRGamma: -1}, []string{"snr_gamma",
			"above 0, got -1"}},
		"a gamma without min_snr": {ProcessConfig{Name: DDPM, SNRGamma: 5}, []string{"snr_gamma",
			`does not apply to loss_weight "uniform"`}},
		"a rescaled flow": {ProcessConfig{Name: FlowMatch, RescaleBetasZeroSNR: true},
			[]string{"rescale_betas_zero_snr", `does not apply to process "flow_match"`}},
		"a beta of 1": {ProcessConfig{Name: DDPM, BetaEnd: 1}, []string{"beta_end", "below 1, got 1"}},
		"betas that fall": {ProcessConfig{Name: DDPM, BetaStart: 0.1, BetaEnd: 0.01}, []string{"beta_end",
			"at least beta_start (0.1)"}},
		"a negative beta": {ProcessConfig{Name: DDPM, BetaStart: -0.1}, []string{"beta_start", "between 0 and 1, got -0.1"}},
		"betas of the cosine schedule": {ProcessConfig{Name: DDPM, BetaSchedule: "squaredcos_cap_v2", BetaEnd: 0.1},
			[]string{"beta_end", "does not apply"}},
		"several problems, all of them": {ProcessConfig{Name: DDPM, Shift: 3, BetaStart: 2}, []string{"shift", "does not apply",
			"beta_start", "got 2"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.config.SetDefaults()
			expectProblems(t, c.config.Validate(), c.want)
			if _, err := NewProcess(c.config); err == nil {
				t.Error("NewProcess accepts it")
			}
		})
	}
}

func TestSamplerConfigsWithProblemsNameTheirKeys(t *testing.T) {
	no := ptr(false)
	cases := map[string]struct {
		config SamplerConfig
		want   []string
	}{
		"no name":            {SamplerConfig{}, []string{"name", strings.Join(SamplerNames(""), ", ")}},
		"an unknown sampler": {SamplerConfig{Name: "eulr"}, []string{"name", `got "eulr"`}},
		"an unknown grid": {SamplerConfig{Name: "euler", Grid: "exponential"}, []string{"grid",
			"must be one of uniform, diffusers, karras, listed"}},
		"a grid rk4 cannot have": {SamplerConfig{Name: "rk4", Grid: "diffusers"}, []string{"grid",
			`must be one of uniform, karras, listed, got "diffusers"`}},
		"a shift of the karras grid": {SamplerConfig{Name: "ab2", Grid: "karras", Shift: 3}, []string{"shift",
			`does not apply to grid "karras"`}},
		"a rho of the uniform grid":     {SamplerConfig{Name: "euler", Rho: 7}, []string{"rho", `does not apply to grid "uniform"`}},
		"a rho below zero":              {SamplerConfig{Name: "euler", Grid: "karras", Rho: -1}, []string{"rho", "above 0, got -1"}},
		"a negative tolerance":          {SamplerConfig{Name: "dopri5", Atol: -1}, []string{"atol", "above 0, got -1"}},
		"a tolerance that is no number": {SamplerConfig{Name: "dopri5", Rtol: math.NaN()}, []string{"rtol", "above 0, got NaN"}},
		"a tolerance of rk4":            {SamplerConfig{Name: "rk4", Rtol: 1e-3}, []string{"rtol", `does not apply to sampler "rk4"`}},
		"an index where none is": {SamplerConfig{Name: "dopri5", TimestepInput: "index"}, []string{"timestep_input",
			`does not apply to sampler "dopri5"`}},
		"a diffusion of euler": {SamplerConfig{Name: "euler", Diffusion: "sigma"}, []string{"diffusion",
			`does not apply to sampler "euler"`}},
		"an unknown diffusion": {SamplerConfig{Name: "euler_maruyama", Diffusion: "sbdm"}, []string{"diffusion", "sigma, constant"}},
		"a negative diffusion": {SamplerConfig{Name: "euler_maruyama", DiffusionNorm: -1}, []string{"diffusion_norm",
			"above 0, got -1"}},
		"a solver_order of ab2": {SamplerConfig{Name: "ab2", SolverOrder: 2}, []string{"solver_order",
			`does not apply to sampler "ab2"`}},
		"a solver_order of 4": {SamplerConfig{Name: "unipc", SolverOrder: 4}, []string{"solver_order", "must be 1, 2 or 3, got 4"}},
		"dpmpp_2m of a flow and ddpm": {SamplerConfig{Name: "dpmpp_2m", Grid: "karras", TimestepSpacing: "leading"},
			[]string{"grid", `does not apply to sampler "dpmpp_2m" of process "ddpm"`}},
		"a rho of ddim": {SamplerConfig{Name: "ddim", Rho: 7}, []string{"rho", `does not apply to sampler "ddim"`}},
		"times of the uniform grid": {SamplerConfig{Name: "euler", Grid: "uniform", Times: []float64{0, 1}}, []string{"times",
			`does not apply to grid "uniform"`}},
		"times of ddim": {SamplerConfig{Name: "ddim", Times: []float64{0, 1}}, []string{"times",
			`does not apply to sampler "ddim"`}},
		"a listed grid without times": {SamplerConfig{Name: "euler", Grid: "listed"}, []string{"times",
			"must list where each step begins and ends"}},
		"a single time": {SamplerConfig{Name: "euler", Times: []float64{0}}, []string{"times", "must list where"}},
		"times that end early": {SamplerConfig{Name: "euler", Times: []float64{0, 0.5}}, []string{"times",
			"from 0 (noise) to 1 (data), got 0 to 0.5"}},
		"times that begin late": {SamplerConfig{Name: "euler", Times: []float64{0.1, 1}}, []string{"times", "got 0.1 to 1"}},
		"times that go back": {SamplerConfig{Name: "euler", Times: []float64{0, 0.6, 0.4, 1}}, []string{"times",
			"must ascend, got 0.4 after 0.6"}},
		"times that stand still": {SamplerConfig{Name: "euler", Times: []float64{0, 0.5, 0.5, 1}}, []string{"times",
			"must ascend, got 0.5 after 0.5"}},
		"a time that is not a number": {SamplerConfig{Name: "euler", Times: []float64{0, math.NaN(), 1}}, []string{"times",
			"must ascend, got NaN after 0"}},
		"a shift below zero":       {SamplerConfig{Name: "euler", Shift: -2}, []string{"shift", "above 0"}},
		"an unknown input":         {SamplerConfig{Name: "heun", TimestepInput: "t"}, []string{"timestep_input", "scaled, index"}},
		"a grid of ddim":           {SamplerConfig{Name: "ddim", Grid: "uniform"}, []string{"grid", `does not apply to sampler "ddim"`}},
		"eta of ddpm":              {SamplerConfig{Name: "ddpm", Eta: 1}, []string{"eta", `does not apply to sampler "ddpm"`}},
		"eta above 1":              {SamplerConfig{Name: "ddim", Eta: 1.5}, []string{"eta", "between 0 and 1, got 1.5"}},
		"eta that is not a number": {SamplerConfig{Name: "ddim", Eta: math.NaN()}, []string{"eta", "got NaN"}},
		"an unknown spacing": {SamplerConfig{Name: "ddim", TimestepSpacing: "even"}, []string{"timestep_spacing",
			"leading, trailing, linspace"}},
		"a spacing of euler": {SamplerConfig{Name: "euler", TimestepSpacing: "leading"}, []string{"timestep_spacing",
			"does not apply"}},
		"a negative offset": {SamplerConfig{Name: "ddim", StepsOffset: -1}, []string{"steps_offset", "must not be negative"}},
		"an offset of trailing": {SamplerConfig{Name: "ddim", StepsOffset: 1, TimestepSpacing: "trailing"},
			[]string{"steps_offset", `does not apply to timestep_spacing "trailing"`}},
		"an unknown variance": {SamplerConfig{Name: "ddpm", VarianceType: "learned"}, []string{"variance_type",
			"fixed_small, fixed_large"}},
		"a variance of ddim":   {SamplerConfig{Name: "ddim", VarianceType: "fixed_large"}, []string{"variance_type", "does not apply"}},
		"clipping of dpmpp_2m": {SamplerConfig{Name: "dpmpp_2m", ClipSample: no}, []string{"clip_sample", "does not apply"}},
		"a range without clipping": {SamplerConfig{Name: "ddim", ClipSample: no, ClipSampleRange: 2},
			[]string{"clip_sample_range", "does not apply to clip_sample false"}},
		"a negative range":              {SamplerConfig{Name: "ddpm", ClipSampleRange: -1}, []string{"clip_sample_range", "above 0"}},
		"set_alpha_to_one of ddpm":      {SamplerConfig{Name: "ddpm", SetAlphaToOne: no}, []string{"set_alpha_to_one", "does not apply"}},
		"several problems, all of them": {SamplerConfig{Name: "euler", Shift: -1, Eta: 1}, []string{"shift", "above 0", "eta", "does not apply"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.config.SetDefaults()
			expectProblems(t, c.config.Validate(), c.want)
		})
	}
}

func TestASamplerOfAnotherProcessListsTheOnesThatFit(t *testing.T) {
	_, err := NewSampler(SamplerConfig{Name: "ddim"}, ProcessConfig{Name: FlowMatch})
	expectError(t, err, `sampler "ddim" belongs to process "ddpm", not "flow_match"; use one of: `+strings.Join(SamplerNames(FlowMatch), ", "))
	_, err = NewSampler(SamplerConfig{Name: "rk4"}, ProcessConfig{Name: DDPM})
	expectError(t, err, `sampler "rk4" belongs to process "flow_match", not "ddpm"; use one of: ddpm, ddim, dpmpp_2m`)
	_, err = NewSampler(SamplerConfig{Name: "rk4"}, ProcessConfig{Name: "edm"})
	expectError(t, err, `process: name: must be one of flow_match, ddpm`)
}

func TestDefaultsOfEveryConfigAreValidAndSetOnce(t *testing.T) {
	for _, name := range SamplerNames("") {
		c := SamplerConfig{Name: name}
		c.SetDefaults()
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again := c
		again.SetDefaults()
		if !reflect.DeepEqual(c, again) {
			t.Errorf("%s: defaults change %+v to %+v", name, c, again)
		}
	}
	for _, c := range []ProcessConfig{{Name: FlowMatch}, {Name: DDPM}, {Name: FlowMatch, TimestepDensity: "logit_normal"},
		{Name: DDPM, BetaSchedule: "scaled_linear"}, {Name: DDPM, BetaSchedule: "squaredcos_cap_v2"}} {
		c.SetDefaults()
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestConfigsSurviveYAML(t *testing.T) {
	var want SamplerConfig
	text := "name: ddim\ntimestep_spacing: trailing\nclip_sample: false\neta: 0.5\nset_alpha_to_one: false\n"
	if err := yaml.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if want.Eta != 0.5 || *want.ClipSample || *want.SetAlphaToOne {
		t.Fatalf("read %+v", want)
	}
	out, err := yaml.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != text {
		t.Errorf("wrote\n%s", out)
	}
}

func TestEveryOptionOfTheRegistryIsAConfigKey(t *testing.T) {
	var keys []string
	for field := range reflect.TypeFor[SamplerConfig]().Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		keys = append(keys, key)
	}
	for _, r := range samplers {
		for _, option := range r.options {
			if !slices.Contains(keys, option) {
				t.Errorf("%s: option %q is not a key of SamplerConfig", r.name, option)
			}
		}
	}
}

// expectProblems wants pairs of key and part of a problem, and nothing else.
func expectProblems(t *testing.T, err error, want []string) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error %v, want problems %q", err, want)
	}
	problems := joined.Unwrap()
	if len(problems) != len(want)/2 {
		t.Errorf("%d problems, want %d: %v", len(problems), len(want)/2, err)
	}
	for i, problem := range problems[:min(len(problems), len(want)/2)] {
		var e *ConfigError
		if !errors.As(problem, &e) || e.Key != want[2*i] || !strings.Contains(e.Problem, want[2*i+1]) {
			t.Errorf("problem %q, want %s: ...%s...", problem, want[2*i], want[2*i+1])
		}
	}
}

func expectError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestASamplersTextTellsItFromOthers(t *testing.T) {
	for want, c := range map[string]SamplerConfig{
		"euler":                               {Name: "euler"},
		"heun":                                {Name: "heun", Grid: "uniform", Shift: 1, TimestepInput: "scaled"},
		"euler(timestep_input=index)":         {Name: "euler", TimestepInput: "index"},
		"euler(grid=diffusers, shift=3)":      {Name: "euler", Grid: "diffusers", Shift: 3},
		"unipc(solver_order=3)":               {Name: "unipc", SolverOrder: 3},
		"dpmpp_2m":                            {Name: "dpmpp_2m", Grid: "uniform", Shift: 1, TimestepInput: "scaled"},
		"dpmpp_2m(shift=3)":                   {Name: "dpmpp_2m", Shift: 3},
		"euler(grid=karras, rho=7)":           {Name: "euler", Grid: "karras"},
		"euler(grid=karras, rho=3)":           {Name: "euler", Grid: "karras", Rho: 3},
		"ab2(grid=listed, times=[0 0.3 1])":   {Name: "ab2", Times: []float64{0, 0.3, 1}},
		"ddim(clip_sample=false, eta=0.5)":    {Name: "ddim", ClipSample: ptr(false), Eta: 0.5},
		"ddpm(timestep_spacing=trailing)":     {Name: "ddpm", TimestepSpacing: "trailing"},
		"dpmpp_2m(timestep_spacing=trailing)": {Name: "dpmpp_2m", TimestepSpacing: "trailing"},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTheShortestOfASamplerRuns, in few calls.
func TestTheShortestOfASamplerRuns(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	for _, c := range []SamplerConfig{{Name: "euler"}, {Name: "ab2"}, {Name: "rk4", Times: []float64{0, 0.5, 0.7, 1}},
		{Name: "dopri5", Rtol: 1e-6},
		{Name: "dopri5", Times: []float64{0, 0.5, 1}}, {Name: "unipc", Grid: "karras"}} {
		c.SetDefaults()
		short, steps := c.Shortest(1000)
		calls := 0
		runToy(t, runner, mustPlan(t, short, ProcessConfig{Name: FlowMatch}, steps), func(x, timestep float64) float64 {
			calls++
			return gaussianVelocity(x, timestep/1000)
		})
		if n := calls / len(toyStart); n > 20 {
			t.Errorf("%v: %v in %d steps takes %d calls", c, short, steps, n)
		}
	}
}
