package schedulers

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// ProcessConfig describes what the model learns: the path from noise to data and the target on it.
// Keys carry the names diffusers gives them. Options of another process must stay unset.
type ProcessConfig struct {
	// Name is one of ProcessNames.
	Name string `yaml:"name" json:"name"`
	// NumTrainTimesteps is the scale of time the model sees, 1000 by default.
	NumTrainTimesteps int `yaml:"num_train_timesteps,omitempty" json:"num_train_timesteps,omitempty"`
	// PredictionType is what the model outputs: "velocity" for flow_match; "epsilon" (default),
	// "v_prediction" or "sample" for ddpm.
	PredictionType string `yaml:"prediction_type,omitempty" json:"prediction_type,omitempty"`

	// TimestepDensity is how training timesteps are drawn: "uniform" (default) or, for flow_match,
	// "logit_normal" (Esser et al. 2024, arXiv:2403.03206, section 3.1).
	TimestepDensity string `yaml:"timestep_density,omitempty" json:"timestep_density,omitempty" jsonschema:"enum=uniform,enum=logit_normal"`
	// LogitMean and LogitStd (default 1) are the parameters of the logit-normal density of t, where
	// t = 0 is noise: a positive mean trains more often near the data.
	LogitMean float64 `yaml:"logit_mean,omitempty" json:"logit_mean,omitempty"`
	LogitStd  float64 `yaml:"logit_std,omitempty" json:"logit_std,omitempty"`
	// Shift moves the training timesteps of flow_match towards the noise: with sigma = 1-t,
	// sigma becomes shift*sigma/(1+(shift-1)*sigma). 1, the default, changes nothing.
	Shift float64 `yaml:"shift,omitempty" json:"shift,omitempty"`

	// Loss of a value is "mse" (default) or "pseudo_huber", 2c·(sqrt(d²+c²)-c) of the difference d with HuberC (default 0.1) for c.
	Loss   string  `yaml:"loss,omitempty" json:"loss,omitempty" jsonschema:"enum=mse,enum=pseudo_huber"`
	HuberC float64 `yaml:"huber_c,omitempty" json:"huber_c,omitempty"`
	// Path of flow_match is "linear" (default; x_t = t·data + (1-t)·noise) or "cosine", sin(πt/2)·data + cos(πt/2)·noise, which
	// keeps the variance (the trigonometric interpolant of Albergo et al. 2023, arXiv:2303.08797).
	Path string `yaml:"path,omitempty" json:"path,omitempty" jsonschema:"enum=linear,enum=cosine"`

	// Coupling of flow_match is how noise and data are paired in a batch: "independent" (default), "minibatch_ot", "class_ot" or
	// "sinkhorn", with SinkhornReg (default 0.05) times the mean squared distance as its regularisation. It is for whoever makes
	// the batches; AddNoise and Target take the pairs as they come.
	Coupling    string  `yaml:"coupling,omitempty" json:"coupling,omitempty" jsonschema:"enum=independent,enum=minibatch_ot,enum=class_ot,enum=sinkhorn"`
	SinkhornReg float64 `yaml:"sinkhorn_reg,omitempty" json:"sinkhorn_reg,omitempty"`

	// LossWeight of ddpm is "uniform" (default) or "min_snr", which cuts the weight of the data at signal-to-noise ratios above
	// SNRGamma (default 5; Hang et al. 2023, arXiv:2303.09556).
	LossWeight string  `yaml:"loss_weight,omitempty" json:"loss_weight,omitempty" jsonschema:"enum=uniform,enum=min_snr"`
	SNRGamma   float64 `yaml:"snr_gamma,omitempty" json:"snr_gamma,omitempty"`

	// BetaSchedule of ddpm: "linear" (default), "scaled_linear" or "squaredcos_cap_v2".
	BetaSchedule string `yaml:"beta_schedule,omitempty" json:"beta_schedule,omitempty" jsonschema:"enum=linear,enum=scaled_linear,enum=squaredcos_cap_v2"`
	// BetaStart (default 0.0001) and BetaEnd (default 0.02) are the ends of the linear schedules.
	BetaStart float64 `yaml:"beta_start,omitempty" json:"beta_start,omitempty"`
	BetaEnd   float64 `yaml:"beta_end,omitempty" json:"beta_end,omitempty"`
	// RescaleBetasZeroSNR of ddpm rescales the schedule so that nothing of the data is left at the last timestep (Lin et al.
	// 2024, arXiv:2305.08891, algorithm 1). The prediction must then not be epsilon, which says nothing of the data there.
	RescaleBetasZeroSNR bool `yaml:"rescale_betas_zero_snr,omitempty" json:"rescale_betas_zero_snr,omitempty"`

	// Sections are the options of processes that have some of their own, beside the keys above.
	Sections Sections `yaml:",inline" json:"-"`
}

// SamplerConfig names a sampler and its options. One trained model can be sampled with several.
// Options of another sampler must stay unset.
type SamplerConfig struct {
	// Name is one of SamplerNames.
	Name string `yaml:"name" json:"name"`

	// Grid of the flow samplers: "uniform" (default; t_j = j/steps), "karras" (see Rho), "listed" (Times; the default where
	// they are set) or, for euler and heun, "diffusers" (its sigmas, which end with a step from 1/num_train_timesteps and
	// apply Shift twice).
	Grid string `yaml:"grid,omitempty" json:"grid,omitempty" jsonschema:"enum=uniform,enum=diffusers,enum=karras,enum=listed"`
	// Shift spends more steps near the noise when above 1 (the default): with sigma = 1-t,
	// sigma becomes shift*sigma/(1+(shift-1)*sigma).
	Shift float64 `yaml:"shift,omitempty" json:"shift,omitempty"`
	// Rho (default 7) bends the karras grid: with sigma = 1-t, sigma^(1/rho) is equally spaced from 1 to
	// 1/num_train_timesteps, and the last step goes from there to 0 (Karras et al. 2022, arXiv:2206.00364, equation 5).
	// 1 is equally spaced; more has shorter steps near the data.
	Rho float64 `yaml:"rho,omitempty" json:"rho,omitempty"`
	// Times of the listed grid are where steps begin and end: ascending, from 0 (noise) to 1 (data). There are as many steps
	// as they say, and sampling in another number is an error.
	Times []float64 `yaml:"times,omitempty,flow" json:"times,omitempty"`
	// SolverOrder of unipc is that of its predictor: 1, 2 (default) or 3. The corrector is of one more.
	SolverOrder int `yaml:"solver_order,omitempty" json:"solver_order,omitempty"`
	// Rtol and Atol (both 1e-5 by default) are the tolerances of dopri5: its estimate of the error that a step makes, in the root
	// mean square over a batch, stays below atol + rtol·|x|.
	Rtol float64 `yaml:"rtol,omitempty" json:"rtol,omitempty"`
	Atol float64 `yaml:"atol,omitempty" json:"atol,omitempty"`
	// Diffusion of euler_maruyama is the shape of its diffusion coefficient over time: "sigma" (default), as the share of noise
	// that is left, or "constant"; DiffusionNorm (default 1) is its size.
	Diffusion     string  `yaml:"diffusion,omitempty" json:"diffusion,omitempty" jsonschema:"enum=sigma,enum=constant"`
	DiffusionNorm float64 `yaml:"diffusion_norm,omitempty" json:"diffusion_norm,omitempty"`
	// TimestepInput is the time given to the model by flow samplers: "scaled" (default;
	// num_train_timesteps*t, the scale of training) or "index" (the number of the step, plus the
	// fraction of the step already gone for later stages of heun, midpoint and rk4).
	TimestepInput string `yaml:"timestep_input,omitempty" json:"timestep_input,omitempty" jsonschema:"enum=scaled,enum=index"`

	// TimestepSpacing of the diffusion samplers: "leading", "trailing" or "linspace" (Lin et al. 2024,
	// arXiv:2305.08891, table 2). As in diffusers ddpm and ddim default to leading, dpmpp_2m to linspace.
	TimestepSpacing string `yaml:"timestep_spacing,omitempty" json:"timestep_spacing,omitempty" jsonschema:"enum=leading,enum=trailing,enum=linspace"`
	// StepsOffset is added to every timestep of the leading spacing, 0 by default.
	StepsOffset int `yaml:"steps_offset,omitempty" json:"steps_offset,omitempty"`
	// VarianceType of ddpm: "fixed_small" (default) or "fixed_large".
	VarianceType string `yaml:"variance_type,omitempty" json:"variance_type,omitempty" jsonschema:"enum=fixed_small,enum=fixed_large"`
	// ClipSample clips the predicted data of ddpm and ddim to [-ClipSampleRange, ClipSampleRange], true by default.
	ClipSample *bool `yaml:"clip_sample,omitempty" json:"clip_sample,omitempty"`
	// ClipSampleRange is 1 by default: images lie in [-1, 1].
	ClipSampleRange float64 `yaml:"clip_sample_range,omitempty" json:"clip_sample_range,omitempty"`
	// Eta of ddim scales its noise: 0 (default) is deterministic, 1 has the variance of ddpm's fixed_small.
	Eta float64 `yaml:"eta,omitempty" json:"eta,omitempty"`
	// PreviousTimestep of ddim is where a step goes to, for the trailing and the linspace spacing: "listed" (default), the next
	// timestep of the spacing, or "diffusers", t - T/steps (a whole division). That is another timestep for linspace, which
	// ends before all noise is gone, and for trailing where steps does not divide T.
	PreviousTimestep string `yaml:"previous_timestep,omitempty" json:"previous_timestep,omitempty" jsonschema:"enum=listed,enum=diffusers"`
	// SetAlphaToOne of ddim takes alphas_cumprod past the last timestep as 1 (default) instead of its first value.
	SetAlphaToOne *bool `yaml:"set_alpha_to_one,omitempty" json:"set_alpha_to_one,omitempty"`
}

// Shortest is a config, and a number of steps, that runs the programs which this one runs in fewer calls: it compiles them
// before anything is timed.
func (c SamplerConfig) Shortest(trainTimesteps int) (SamplerConfig, int) {
	steps := 1
	if c.Name == ab2.name {
		steps = min(2, trainTimesteps) // the first step is another program
	}
	if len(c.Times) > 0 {
		c.Grid, c.Times = "uniform", nil
	}
	if c.Name == dopri5.name {
		c.Rtol, c.Atol = 1, 1
	}
	return c, steps
}

// String is the sampler's name, with the options that are not the default in the order of the struct:
// "euler", "euler(timestep_input=index)".
func (c SamplerConfig) String() string {
	variant := c.variant()
	standard := SamplerConfig{Name: c.Name}
	standard.setDefaultsAs(variant)
	c.setDefaultsAs(variant)
	var options []string
	ours, theirs := reflect.ValueOf(c), reflect.ValueOf(standard)
	for i := range ours.NumField() {
		value := ours.Field(i)
		if reflect.DeepEqual(value.Interface(), theirs.Field(i).Interface()) || value.IsZero() {
			continue
		}
		key, _, _ := strings.Cut(ours.Type().Field(i).Tag.Get("yaml"), ",")
		options = append(options, fmt.Sprintf("%s=%v", key, reflect.Indirect(value)))
	}
	if len(options) == 0 {
		return c.Name
	}
	return c.Name + "(" + strings.Join(options, ", ") + ")"
}

// MarshalJSON leaves previous_timestep "diffusers" out: configs recorded before there was a choice, whose samplers went there, are
// the same text, and have the same hash, as ever.
func (c SamplerConfig) MarshalJSON() ([]byte, error) {
	type plain SamplerConfig
	if c.PreviousTimestep == "diffusers" {
		c.PreviousTimestep = ""
	}
	return json.Marshal(plain(c))
}

// SetRecorded fills what a recorded config that lacks it meant, where that is not the default: see [SamplerConfig.MarshalJSON].
func (c *SamplerConfig) SetRecorded() {
	sampler, _ := find(c.Name)
	if slices.Contains(sampler.options, "previous_timestep") && c.TimestepSpacing != "" && c.TimestepSpacing != "leading" {
		setDefault(&c.PreviousTimestep, "diffusers")
	}
}

// SetDefaults fills the unset fields that belong to the named sampler; of one that samples several processes, those of the first
// whose options include what is set.
func (c *SamplerConfig) SetDefaults() { c.setDefaultsAs(c.variant()) }

// SetDefaultsFor fills the unset fields of a sampler of a process.
func (c *SamplerConfig) SetDefaultsFor(process string) {
	r, fits := findFor(c.Name, process)
	if !fits {
		r = c.variant()
	}
	c.setDefaultsAs(r)
}

// variant is the first sampler of the name that has all options that are set, or else the first of the name.
func (c SamplerConfig) variant() registration {
	set := c.keysSet()
	for _, s := range samplers {
		if s.name == c.Name && !slices.ContainsFunc(set, func(key string) bool { return !slices.Contains(s.options, key) }) {
			return s
		}
	}
	first, _ := find(c.Name)
	return first
}

// keysSet are the keys of the options that are set.
func (c SamplerConfig) keysSet() (keys []string) {
	fields := reflect.ValueOf(c)
	for i := range fields.NumField() {
		key, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("yaml"), ",")
		if key != "name" && !fields.Field(i).IsZero() {
			keys = append(keys, key)
		}
	}
	return keys
}

func (c *SamplerConfig) setDefaultsAs(sampler registration) {
	has := func(key string) bool { return slices.Contains(sampler.options, key) }
	if has("grid") {
		if len(c.Times) > 0 {
			setDefault(&c.Grid, "listed")
		}
		setDefault(&c.Grid, "uniform")
	}
	if has("shift") && c.Grid != "karras" && c.Grid != "listed" {
		setDefault(&c.Shift, 1)
	}
	if has("rho") && c.Grid == "karras" {
		setDefault(&c.Rho, 7)
	}
	if has("solver_order") {
		setDefault(&c.SolverOrder, 2)
	}
	if has("rtol") {
		setDefault(&c.Rtol, 1e-5)
		setDefault(&c.Atol, 1e-5)
	}
	if has("diffusion") {
		setDefault(&c.Diffusion, "sigma")
		setDefault(&c.DiffusionNorm, 1)
	}
	if has("timestep_input") {
		setDefault(&c.TimestepInput, "scaled")
	}
	if has("timestep_spacing") {
		setDefault(&c.TimestepSpacing, sampler.spacing)
	}
	if has("previous_timestep") && c.TimestepSpacing != "leading" {
		setDefault(&c.PreviousTimestep, "listed")
	}
	if has("variance_type") {
		setDefault(&c.VarianceType, "fixed_small")
	}
	if has("clip_sample") {
		setDefault(&c.ClipSample, ptr(true))
		if *c.ClipSample {
			setDefault(&c.ClipSampleRange, 1)
		}
	}
	if has("set_alpha_to_one") {
		setDefault(&c.SetAlphaToOne, ptr(true))
	}
}

// Validate reports every problem of a config whose defaults have been set, as *ConfigError values
// joined with errors.Join; nil when there is none. Whether the sampler fits a process is NewSampler's to say.
func (c SamplerConfig) Validate() error {
	var p Problems
	if !p.OneOf("name", c.Name, SamplerNames("")...) {
		return p.err()
	}
	return c.validateAs(c.variant())
}

func (c SamplerConfig) validateAs(sampler registration) error {
	var p Problems
	owner := fmt.Sprintf("sampler %q", c.Name)
	if slices.ContainsFunc(samplers, func(s registration) bool { return s.name == sampler.name && s.process != sampler.process }) {
		owner += fmt.Sprintf(" of process %q", sampler.process)
	}
	// belongs reports whether key is an option of the sampler, and complains if it is not but is set.
	belongs := func(key string, unset bool) bool {
		if slices.Contains(sampler.options, key) {
			return true
		}
		p.Unset(key, unset, owner)
		return false
	}
	if belongs("grid", c.Grid == "") {
		p.OneOf("grid", c.Grid, sampler.grids...)
	}
	grid := fmt.Sprintf("grid %q", c.Grid)
	if belongs("shift", c.Shift == 0) {
		if c.Grid == "karras" || c.Grid == "listed" {
			p.Unset("shift", c.Shift == 0, grid)
		} else {
			p.Positive("shift", c.Shift)
		}
	}
	if belongs("rho", c.Rho == 0) {
		if c.Grid == "karras" {
			p.Positive("rho", c.Rho)
		} else {
			p.Unset("rho", c.Rho == 0, grid)
		}
	}
	if belongs("times", c.Times == nil) {
		if c.Grid == "listed" {
			c.validateTimes(&p)
		} else {
			p.Unset("times", c.Times == nil, grid)
		}
	}
	if belongs("solver_order", c.SolverOrder == 0) {
		p.Check(c.SolverOrder >= 1 && c.SolverOrder <= 3, "solver_order", "must be 1, 2 or 3, got %d", c.SolverOrder)
	}
	if belongs("rtol", c.Rtol == 0) {
		p.Positive("rtol", c.Rtol)
	}
	if belongs("atol", c.Atol == 0) {
		p.Positive("atol", c.Atol)
	}
	if belongs("diffusion", c.Diffusion == "") {
		p.OneOf("diffusion", c.Diffusion, "sigma", "constant")
	}
	if belongs("diffusion_norm", c.DiffusionNorm == 0) {
		p.Positive("diffusion_norm", c.DiffusionNorm)
	}
	if belongs("timestep_input", c.TimestepInput == "") {
		p.OneOf("timestep_input", c.TimestepInput, "scaled", "index")
	}
	if belongs("timestep_spacing", c.TimestepSpacing == "") {
		p.OneOf("timestep_spacing", c.TimestepSpacing, "leading", "trailing", "linspace")
	}
	if belongs("steps_offset", c.StepsOffset == 0) {
		p.Check(c.StepsOffset >= 0, "steps_offset", "must not be negative, got %d", c.StepsOffset)
		if c.TimestepSpacing != "leading" {
			p.Unset("steps_offset", c.StepsOffset == 0, fmt.Sprintf("timestep_spacing %q", c.TimestepSpacing))
		}
	}
	if belongs("previous_timestep", c.PreviousTimestep == "") {
		if c.TimestepSpacing == "leading" {
			p.Unset("previous_timestep", c.PreviousTimestep == "", `timestep_spacing "leading"`)
		} else {
			p.OneOf("previous_timestep", c.PreviousTimestep, "listed", "diffusers")
		}
	}
	if belongs("variance_type", c.VarianceType == "") {
		p.OneOf("variance_type", c.VarianceType, "fixed_small", "fixed_large")
	}
	belongs("clip_sample", c.ClipSample == nil)
	if belongs("clip_sample_range", c.ClipSampleRange == 0) {
		if c.ClipSample != nil && *c.ClipSample {
			p.Positive("clip_sample_range", c.ClipSampleRange)
		} else {
			p.Unset("clip_sample_range", c.ClipSampleRange == 0, "clip_sample false")
		}
	}
	if belongs("eta", c.Eta == 0) {
		p.Check(c.Eta >= 0 && c.Eta <= 1, "eta", "must be between 0 and 1, got %v", c.Eta)
	}
	belongs("set_alpha_to_one", c.SetAlphaToOne == nil)
	return p.err()
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func ptr[T any](v T) *T { return &v }
