// Package config reads the YAML file that describes an experiment.
//
// Reading is strict: an unknown key, a wrong type, a value out of range and a
// contradiction are each one problem with the place that caused it, and all
// problems of a file are reported at once. What a key may hold is written once,
// in the struct tags below and in those of the libraries' config structs; the
// JSON Schema is generated from them, and the decoder checks against that
// schema, so that the two cannot drift.
package config

import (
	"flowharness/models"
	_ "flowharness/models/networks" // that model.name can say
	"flowharness/schedulers"
)

// Values of train.lr_schedule.
const (
	Constant = "constant" // the learning rate stays at train.lr
	Cosine   = "cosine"   // it falls along half a cosine to zero at the last step
)

// Config describes one experiment. Keys tagged `hash:"-"` do not change its
// result and are left out of the config hash.
//
// A zero Config is not valid; [Load] and [Parse] start from [Defaults].
type Config struct {
	Name string `yaml:"name" json:"name" hash:"-" jsonschema:"pattern=^[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}\\p{Cf}._+-]*$,maxLength=64"`

	Tags []string `yaml:"tags,omitempty,flow" json:"tags,omitempty" hash:"-" jsonschema:"uniqueItems=true,maxItems=32,pattern=^[^\\,\\p{Cc}]+$"`

	Notes string `yaml:"notes,omitempty" json:"notes,omitempty" hash:"-"`
	Seed  uint64 `yaml:"seed" json:"seed" jsonschema:"minimum=0,maximum=9223372036854775807"`

	Backend    Backend                  `yaml:"backend" json:"backend"`
	Data       Data                     `yaml:"data" json:"data"`
	Model      models.Config            `yaml:"model" json:"model"`
	Process    schedulers.ProcessConfig `yaml:"process" json:"process"`
	Train      Train                    `yaml:"train" json:"train"`
	Sampling   Sampling                 `yaml:"sampling" json:"sampling"`
	Metrics    Metrics                  `yaml:"metrics" json:"metrics"`
	Checkpoint Checkpoint               `yaml:"checkpoint" json:"checkpoint"`

	Store string `yaml:"store,omitempty" json:"store,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$"`
}

// Backend says what computes.
type Backend struct {
	Name   string `yaml:"name" json:"name" jsonschema:"enum=auto,enum=xla:cpu,enum=xla:cuda,enum=go"`
	Plugin string `yaml:"plugin,omitempty" json:"plugin,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$"`
	// Cache is nil unless it is set: it changes no result.
	Cache *bool `yaml:"cache,omitempty" json:"cache,omitempty" hash:"-"`
	// Devices changes the last bits of a run's result: gradients are summed in another order.
	Devices Devices `yaml:"devices,omitempty" json:"devices,omitzero" jsonschema:"minimum=1,maximum=1024"`
	// Precision is not written out, and not hashed, unless it is another than the
	// default: configs from before there was a choice keep their hashes.
	Precision models.Precision `yaml:"precision,omitempty" json:"precision,omitzero" jsonschema:"enum=float32,enum=bfloat16"`
}

// Data says which images to train on.
type Data struct {
	Name string `yaml:"name" json:"name"`
	Dir  string `yaml:"dir,omitempty" json:"dir,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$"`
	// Source is not written out, and not hashed, where it is noise.
	Source   string `yaml:"source,omitempty" json:"source,omitempty"`
	Flip     bool   `yaml:"flip" json:"flip"`
	Limit    int    `yaml:"limit" json:"limit" jsonschema:"minimum=0"`
	DropLast bool   `yaml:"drop_last" json:"drop_last"`
	// CropPadding, and all that follows, is not written out, and not hashed, where it is not set.
	CropPadding int `yaml:"crop_padding,omitempty" json:"crop_padding,omitempty" jsonschema:"minimum=1,maximum=1024"`

	OwnData `yaml:",inline"`
}

// Train is the budget and the optimizer. Exactly one of Epochs and Steps is
// set, the other is 0.
type Train struct {
	BatchSize int `yaml:"batch_size" json:"batch_size" jsonschema:"minimum=1"`
	// MicrobatchSize changes the last bits of a run's result. [AutoMicrobatch] is not
	// written out, and not hashed: configs from before there was a choice keep their hashes.
	MicrobatchSize int `yaml:"microbatch_size,omitempty" json:"microbatch_size,omitzero" jsonschema:"minimum=1"`
	Epochs         int `yaml:"epochs,omitempty" json:"epochs,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	Steps          int `yaml:"steps,omitempty" json:"steps,omitempty" jsonschema:"minimum=1,maximum=1000000000"`

	LR          float64    `yaml:"lr" json:"lr" jsonschema:"exclusiveMinimum=0,maximum=100"`
	LRSchedule  string     `yaml:"lr_schedule" json:"lr_schedule" jsonschema:"enum=constant,enum=cosine"`
	WarmupSteps int        `yaml:"warmup_steps" json:"warmup_steps" jsonschema:"minimum=0,maximum=1000000000"`
	Betas       [2]float64 `yaml:"betas,flow" json:"betas" jsonschema:"minimum=0,exclusiveMaximum=1"`
	Eps         float64    `yaml:"eps" json:"eps" jsonschema:"exclusiveMinimum=0,maximum=1"`
	WeightDecay float64    `yaml:"weight_decay" json:"weight_decay" jsonschema:"minimum=0,maximum=100"`
	GradClip    float64    `yaml:"grad_clip" json:"grad_clip" jsonschema:"minimum=0"`
	EMADecay    float64    `yaml:"ema_decay" json:"ema_decay" jsonschema:"minimum=0,exclusiveMaximum=1"`
	LabelDrop   float64    `yaml:"label_drop" json:"label_drop" jsonschema:"minimum=0,maximum=1"`

	// What training begins with; see init.go. Where they are not set they are not
	// written out, and not hashed.
	InitFrom    string `yaml:"init_from,omitempty" json:"init_from,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$"`
	InitWeights string `yaml:"init_weights,omitempty" json:"init_weights,omitempty" jsonschema:"enum=raw,enum=ema"`
	InitSHA256  string `yaml:"init_sha256,omitempty" json:"init_sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`
	InitStep    int    `yaml:"init_step,omitempty" json:"init_step,omitempty" jsonschema:"minimum=0,maximum=1000000000"`

	LogEverySeconds float64 `yaml:"log_every_seconds" json:"log_every_seconds" hash:"-" jsonschema:"exclusiveMinimum=0,maximum=86400"`
}

// Sampling lists the grids that a run draws: samplers × steps × guidance.
type Sampling struct {
	Seed     uint64                     `yaml:"seed" json:"seed" jsonschema:"minimum=0,maximum=9223372036854775807"`
	Samplers []schedulers.SamplerConfig `yaml:"samplers" json:"samplers" jsonschema:"minItems=1,maxItems=16"`

	Steps []int `yaml:"steps,flow" json:"steps" jsonschema:"minItems=1,maxItems=32,uniqueItems=true,minimum=1,maximum=10000"`

	Guidance []float64 `yaml:"guidance,flow" json:"guidance" jsonschema:"minItems=1,maxItems=32,uniqueItems=true,minimum=0,maximum=1000"`

	GuidanceInterval Interval `yaml:"guidance_interval,omitempty,flow" json:"guidance_interval,omitzero" jsonschema:"minimum=0,maximum=1"`

	GuidanceMethod string `yaml:"guidance_method,omitempty" json:"guidance_method,omitempty" jsonschema:"enum=cfg,enum=cfg_zero_star"`

	ZeroInitSteps int `yaml:"zero_init_steps,omitempty" json:"zero_init_steps,omitempty" jsonschema:"minimum=1,maximum=10000"`

	GuidanceRescale float64 `yaml:"guidance_rescale,omitempty" json:"guidance_rescale,omitempty" jsonschema:"minimum=0,maximum=1"`

	Rows int `yaml:"rows,omitempty" json:"rows,omitempty" jsonschema:"minimum=1,maximum=64"`
	// Points is not written out, and not hashed, for images.
	Points int  `yaml:"points,omitempty" json:"points,omitempty" jsonschema:"minimum=1,maximum=20000"`
	UseEMA bool `yaml:"use_ema" json:"use_ema"`

	AtEpochs []int `yaml:"at_epochs,omitempty,flow" json:"at_epochs,omitempty" jsonschema:"maxItems=1000,uniqueItems=true,minimum=1,maximum=1000000"`

	AtEnd bool `yaml:"at_end" json:"at_end"`
}

// GuidanceOf is the guidance of samples at a scale.
func (s Sampling) GuidanceOf(scale float64) schedulers.Guidance {
	return schedulers.Guidance{Scale: scale, Interval: [2]float64(s.GuidanceInterval), Method: s.GuidanceMethod,
		ZeroInitSteps: s.ZeroInitSteps,
		Rescale:       s.GuidanceRescale}
}

// Interval is a part [a, b] of the steps of sampling, as fractions of their
// number. The zero value is all of them.
type Interval [2]float64

// IsZero reports whether no interval is set.
func (i Interval) IsZero() bool { return i == Interval{} }

// Metrics says how the quality of the model is measured.
type Metrics struct {
	ValidationImages   int  `yaml:"validation_images" json:"validation_images" jsonschema:"minimum=0"`
	ValidateEverySteps int  `yaml:"validate_every_steps" json:"validate_every_steps" jsonschema:"minimum=0,maximum=1000000000"`
	AtEnd              bool `yaml:"at_end" json:"at_end"`
	Images             int  `yaml:"images" json:"images" jsonschema:"minimum=100"`
}

// Checkpoint says when the state of training is written besides at its end.
type Checkpoint struct {
	EverySteps  int `yaml:"every_steps" json:"every_steps" jsonschema:"minimum=0,maximum=1000000000"`
	EveryEpochs int `yaml:"every_epochs" json:"every_epochs" jsonschema:"minimum=0,maximum=1000000"`
	Keep        int `yaml:"keep" json:"keep" hash:"-" jsonschema:"minimum=1,maximum=10000"`
}

// Defaults is the config that files and overrides are applied to. The defaults
// that depend on other keys are filled in afterwards, see [Config.setDefaults].
func Defaults() Config {
	return Config{
		Backend: Backend{Name: "auto", Devices: 1, Precision: models.Float32},
		Data:    Data{Name: "digits", DropLast: true},
		Model:   models.NewConfig(""),
		Process: schedulers.ProcessConfig{Name: schedulers.DefaultProcess(), Sections: schedulers.NewSections()},
		Train: Train{BatchSize: 256, LR: 1e-3, LRSchedule: Constant, Betas: [2]float64{0.9, 0.999}, Eps: 1e-8,
			WeightDecay: 0.01, LabelDrop: 0.2, LogEverySeconds: 10},
		Sampling:   Sampling{Steps: []int{50}, Guidance: []float64{4}, Rows: 4, AtEnd: true},
		Metrics:    Metrics{ValidationImages: 1000, Images: 2000},
		Checkpoint: Checkpoint{EveryEpochs: 1, Keep: 2},
	}
}

// setDefaults fills what depends on other keys. isSet tells whether a key was
// given a value. The error is that of looking at data of one's own.
func (c *Config) setDefaults(isSet func(key string) bool) error {
	c.Process.SetDefaults()
	if !isSet("sampling.samplers") {
		name := schedulers.DefaultSampler(c.Process.Name)
		if name == "" { // no such process, which validate reports
			name = schedulers.DefaultSampler(schedulers.DefaultProcess())
		}
		c.Sampling.Samplers = []schedulers.SamplerConfig{{Name: name}}
	}
	for i := range c.Sampling.Samplers {
		c.SetSamplerDefaults(&c.Sampling.Samplers[i])
	}
	switch c.Sampling.GuidanceMethod {
	case schedulers.GuidanceMethods()[0]:
		c.Sampling.GuidanceMethod = "" // the default is not written out, nor hashed
	case "":
	default:
		if c.Sampling.ZeroInitSteps == 0 {
			c.Sampling.ZeroInitSteps = 1
		}
	}
	if !isSet("sampling.use_ema") {
		c.Sampling.UseEMA = c.Train.EMADecay > 0
	}
	problem := c.measureData()
	c.setDataDefaults(isSet)
	if !isSet("sampling.guidance") && !c.TakesClasses() {
		c.Sampling.Guidance = []float64{1}
	}
	c.setPointsDefaults(isSet)
	return problem
}
