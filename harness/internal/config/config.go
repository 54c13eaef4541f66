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
	Name  string   `yaml:"name" json:"name" hash:"-" jsonschema:"pattern=^[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}\\p{Cf}._+-]*$,maxLength=64" jsonschema_description:"What the run is called in lists: letters and digits of any language and . _ + -. It is not inherited from a base. Default: the file's name without its extension."`
	Tags  []string `yaml:"tags,omitempty,flow" json:"tags,omitempty" hash:"-" jsonschema:"uniqueItems=true,maxItems=32,pattern=^[^\\,\\p{Cc}]+$" jsonschema_description:"Texts to find the run by, of any language, without commas."`
	Notes string   `yaml:"notes,omitempty" json:"notes,omitempty" hash:"-" jsonschema_description:"Free text kept with the run."`
	Seed  uint64   `yaml:"seed" json:"seed" jsonschema:"minimum=0,maximum=9223372036854775807" jsonschema_description:"Seed of everything random in training: initial weights, shuffling, flips, noise, timesteps and label dropping."`

	Backend    Backend                  `yaml:"backend" json:"backend" jsonschema_description:"What computes."`
	Data       Data                     `yaml:"data" json:"data" jsonschema_description:"Images to train on."`
	Model      models.Config            `yaml:"model" json:"model" jsonschema_description:"The network and its size."`
	Process    schedulers.ProcessConfig `yaml:"process" json:"process" jsonschema_description:"What the model learns: the path from noise to data and the target on it."`
	Train      Train                    `yaml:"train" json:"train" jsonschema_description:"Budget and optimizer (AdamW)."`
	Sampling   Sampling                 `yaml:"sampling" json:"sampling" jsonschema_description:"Grids drawn by the run: every sampler with every number of steps and every guidance scale."`
	Metrics    Metrics                  `yaml:"metrics" json:"metrics" jsonschema_description:"How the quality of the model is measured. Everything is compared with the dataset's test split."`
	Checkpoint Checkpoint               `yaml:"checkpoint" json:"checkpoint" jsonschema_description:"When the state of training is written. It always is at the end and on an interruption."`

	Store string `yaml:"store,omitempty" json:"store,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"SQLite file the run is recorded in, relative to the working directory. Default: runs/harness.db."`
}

// Backend says what computes.
type Backend struct {
	Name   string `yaml:"name" json:"name" jsonschema:"enum=auto,enum=xla:cpu,enum=xla:cuda,enum=go" jsonschema_description:"auto takes CUDA if there is a GPU and a plugin, else XLA on the CPU, else (with a warning) GoMLX's pure-Go backend."`
	Plugin string `yaml:"plugin,omitempty" json:"plugin,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"Path of the PJRT plugin, or of the folder that holds it. Default: looked up."`
	// Cache is nil unless it is set: it changes no result.
	Cache *bool `yaml:"cache,omitempty" json:"cache,omitempty" hash:"-" jsonschema_description:"Load programs that were compiled before, and keep what is compiled; harness cache shows them. Default: true."`
	// Devices changes the last bits of a run's result: gradients are summed in another order.
	Devices Devices `yaml:"devices,omitempty" json:"devices,omitzero" jsonschema:"minimum=1,maximum=1024" jsonschema_description:"Devices to train on: a number, or all. Each gets an equal part of every batch, and the gradients are averaged; sampling and measuring take one device."`
	// Precision is not written out, and not hashed, unless it is another than the
	// default: configs from before there was a choice keep their hashes.
	Precision models.Precision `yaml:"precision,omitempty" json:"precision,omitzero" jsonschema:"enum=float32,enum=bfloat16" jsonschema_description:"What the network computes in. bfloat16: convolutions, linear layers and attention products in half precision, from float32 weights, which stay what is trained and saved. For GPUs; slow on a CPU."`
}

// Data says which images to train on.
type Data struct {
	Name string `yaml:"name" json:"name" jsonschema_description:"digits is drawn by the program itself and needs no files, and so are the points in the plane: 8gaussians, moons, checkerboard, swissroll, pinwheel, 2spirals."`
	Dir  string `yaml:"dir,omitempty" json:"dir,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"Folder that holds the dataset's files, or a folder of them named after it. Nothing is read from elsewhere. Default: $HARNESS_DATA_DIR, then the user cache."`
	// Source is not written out, and not hashed, where it is noise.
	Source   string `yaml:"source,omitempty" json:"source,omitempty" jsonschema_description:"What paths begin with, for points in the plane and flows: noise, or points of another dataset. Default: noise."`
	Flip     bool   `yaml:"flip" json:"flip" jsonschema_description:"Mirror every image left to right with probability 0.5. This makes mirrored digits."`
	Limit    int    `yaml:"limit" json:"limit" jsonschema:"minimum=0" jsonschema_description:"Use the first so many training images; 0 uses all."`
	DropLast bool   `yaml:"drop_last" json:"drop_last" jsonschema_description:"Leave out the last batch of an epoch if it is not full."`
	// CropPadding, and all that follows, is not written out, and not hashed, where it is not set.
	CropPadding int `yaml:"crop_padding,omitempty" json:"crop_padding,omitempty" jsonschema:"minimum=1,maximum=1024" jsonschema_description:"Random crop: surround every image by so many pixels of value 0 and cut a random part of its size out. Default: none."`

	OwnData `yaml:",inline"`
}

// Train is the budget and the optimizer. Exactly one of Epochs and Steps is
// set, the other is 0.
type Train struct {
	BatchSize int `yaml:"batch_size" json:"batch_size" jsonschema:"minimum=1" jsonschema_description:"Images in a batch."`
	// MicrobatchSize changes the last bits of a run's result. [AutoMicrobatch] is not
	// written out, and not hashed: configs from before there was a choice keep their hashes.
	MicrobatchSize int `yaml:"microbatch_size,omitempty" json:"microbatch_size,omitzero" jsonschema:"minimum=1" jsonschema_description:"Images that the network is run on at once, a divisor of batch_size (of each device's part of it): gradient accumulation inside a batch. Losses and gradients are those of the whole batch, up to rounding. auto: all, but on a CPU parts of large batches, which is faster. Default: auto."`
	Epochs         int `yaml:"epochs,omitempty" json:"epochs,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Passes over the data. Set this or steps."`
	Steps          int `yaml:"steps,omitempty" json:"steps,omitempty" jsonschema:"minimum=1,maximum=1000000000" jsonschema_description:"Optimizer steps. Set this or epochs."`

	LR          float64    `yaml:"lr" json:"lr" jsonschema:"exclusiveMinimum=0,maximum=100" jsonschema_description:"Learning rate, after warm-up."`
	LRSchedule  string     `yaml:"lr_schedule" json:"lr_schedule" jsonschema:"enum=constant,enum=cosine" jsonschema_description:"cosine falls to zero at the last step."`
	WarmupSteps int        `yaml:"warmup_steps" json:"warmup_steps" jsonschema:"minimum=0,maximum=1000000000" jsonschema_description:"Steps over which the learning rate first rises linearly."`
	Betas       [2]float64 `yaml:"betas,flow" json:"betas" jsonschema:"minimum=0,exclusiveMaximum=1" jsonschema_description:"AdamW's decay rates of the mean of the gradient and of its square."`
	Eps         float64    `yaml:"eps" json:"eps" jsonschema:"exclusiveMinimum=0,maximum=1" jsonschema_description:"AdamW's epsilon."`
	WeightDecay float64    `yaml:"weight_decay" json:"weight_decay" jsonschema:"minimum=0,maximum=100" jsonschema_description:"AdamW's decoupled weight decay, on every parameter."`
	GradClip    float64    `yaml:"grad_clip" json:"grad_clip" jsonschema:"minimum=0" jsonschema_description:"Largest global L2 norm of the gradient; 0 does not clip."`
	EMADecay    float64    `yaml:"ema_decay" json:"ema_decay" jsonschema:"minimum=0,exclusiveMaximum=1" jsonschema_description:"Decay of the exponential moving average of the weights; 0 keeps none."`
	LabelDrop   float64    `yaml:"label_drop" json:"label_drop" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Probability that an image is trained without its class, which is what guidance needs."`

	// What training begins with; see init.go. Where they are not set they are not
	// written out, and not hashed.
	InitFrom    string `yaml:"init_from,omitempty" json:"init_from,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"Begin with weights instead of random ones: those of a RUN of the store at its latest checkpoint, of RUN@STEP, or of a safetensors FILE. A run's optimizer state and averaged weights are taken over, too. Default: random weights."`
	InitWeights string `yaml:"init_weights,omitempty" json:"init_weights,omitempty" jsonschema:"enum=raw,enum=ema" jsonschema_description:"With init_from: the run's weights as trained (raw), or their average (ema), which begins with a new optimizer. Default: raw."`
	InitSHA256  string `yaml:"init_sha256,omitempty" json:"init_sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$" jsonschema_description:"SHA-256 of what training begins with. Given, other weights are refused. Default: filled in when the run begins."`
	InitStep    int    `yaml:"init_step,omitempty" json:"init_step,omitempty" jsonschema:"minimum=0,maximum=1000000000" jsonschema_description:"Count on from this update of the run that init_from names, as if the run had not ended: harness run --resume RUN --set train.epochs=… sets it. Default: 0, a schedule of its own."`

	LogEverySeconds float64 `yaml:"log_every_seconds" json:"log_every_seconds" hash:"-" jsonschema:"exclusiveMinimum=0,maximum=86400" jsonschema_description:"Time between lines of progress where there is no terminal."`
}

// Sampling lists the grids that a run draws: samplers × steps × guidance.
type Sampling struct {
	Seed             uint64                     `yaml:"seed" json:"seed" jsonschema:"minimum=0,maximum=9223372036854775807" jsonschema_description:"Seed of the noise that samples start from. Grids of one sampling seed start from the same noise in every run."`
	Samplers         []schedulers.SamplerConfig `yaml:"samplers" json:"samplers" jsonschema:"minItems=1,maxItems=16" jsonschema_description:"Samplers of the process: a name, or a mapping of the name and options."`
	Steps            []int                      `yaml:"steps,flow" json:"steps" jsonschema:"minItems=1,maxItems=32,uniqueItems=true,minimum=1,maximum=10000" jsonschema_description:"Numbers of sampling steps, at most process.num_train_timesteps."`
	Guidance         []float64                  `yaml:"guidance,flow" json:"guidance" jsonschema:"minItems=1,maxItems=32,uniqueItems=true,minimum=0,maximum=1000" jsonschema_description:"Guidance scales g of uncond + g·(cond − uncond): 1 is the class alone, 0 no class."`
	GuidanceInterval Interval                   `yaml:"guidance_interval,omitempty,flow" json:"guidance_interval,omitzero" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Part of the steps that is guided, as fractions [a, b] of their number; the others see the class alone. Default: all steps."`
	GuidanceMethod   string                     `yaml:"guidance_method,omitempty" json:"guidance_method,omitempty" jsonschema:"enum=cfg,enum=cfg_zero_star" jsonschema_description:"How predictions are combined. cfg: uncond + g·(cond − uncond); cfg_zero_star, for flows: from the multiple of uncond that is nearest to cond, with a velocity of zero in the first zero_init_steps (Fan et al. 2025). Default: cfg."`
	ZeroInitSteps    int                        `yaml:"zero_init_steps,omitempty" json:"zero_init_steps,omitempty" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"cfg_zero_star: steps at the beginning whose velocity is taken for zero. Default: 1."`
	GuidanceRescale  float64                    `yaml:"guidance_rescale,omitempty" json:"guidance_rescale,omitempty" jsonschema:"minimum=0,maximum=1" jsonschema_description:"How far the standard deviation of guided predictions is brought back to that of the class alone (Lin et al. 2024, section 3.4). Default: 0."`
	Rows             int                        `yaml:"rows,omitempty" json:"rows,omitempty" jsonschema:"minimum=1,maximum=64" jsonschema_description:"Rows of a grid; its columns are no class and every class, of many the first 29; of images without classes there are 8."`
	// Points is not written out, and not hashed, for images.
	Points   int   `yaml:"points,omitempty" json:"points,omitempty" jsonschema:"minimum=1,maximum=20000" jsonschema_description:"Points in a picture of points in the plane, as many of each class; it has no rows. Default: 2000."`
	UseEMA   bool  `yaml:"use_ema" json:"use_ema" jsonschema_description:"Draw with the averaged weights. Default: true if train.ema_decay is above 0."`
	AtEpochs []int `yaml:"at_epochs,omitempty,flow" json:"at_epochs,omitempty" jsonschema:"maxItems=1000,uniqueItems=true,minimum=1,maximum=1000000" jsonschema_description:"Draw the grids after these epochs too."`
	AtEnd    bool  `yaml:"at_end" json:"at_end" jsonschema_description:"Draw the grids when training is done."`
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
	ValidationImages   int  `yaml:"validation_images" json:"validation_images" jsonschema:"minimum=0" jsonschema_description:"Test images that the validation loss is computed on, after every epoch and at the end; 0 does not compute it. Default: 1000, or as many as there are."`
	ValidateEverySteps int  `yaml:"validate_every_steps" json:"validate_every_steps" jsonschema:"minimum=0,maximum=1000000000" jsonschema_description:"Compute the validation loss after every so many steps too; 0 does not."`
	AtEnd              bool `yaml:"at_end" json:"at_end" jsonschema_description:"When training is done, draw images with every sampler, number of steps and guidance scale of sampling and measure them. harness evaluate does it later."`
	Images             int  `yaml:"images" json:"images" jsonschema:"minimum=100" jsonschema_description:"Images drawn for that, as many of each class. Published figures take 10000. Default: 2000, or as many as there are to train on."`
}

// Checkpoint says when the state of training is written besides at its end.
type Checkpoint struct {
	EverySteps  int `yaml:"every_steps" json:"every_steps" jsonschema:"minimum=0,maximum=1000000000" jsonschema_description:"Write one after every so many steps; 0 does not."`
	EveryEpochs int `yaml:"every_epochs" json:"every_epochs" jsonschema:"minimum=0,maximum=1000000" jsonschema_description:"Write one after every so many epochs; 0 does not."`
	Keep        int `yaml:"keep" json:"keep" hash:"-" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"Keep so many of the latest."`
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
