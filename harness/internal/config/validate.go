package config

import (
	"fmt"
	"reflect"
	"slices"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/yamlfile"
	"flowharness/schedulers"
)

// validator checks what no key can be checked for alone: that the values fit
// together. It completes paths.
type validator struct {
	config   *Config
	decoder  *decoder
	start    Place
	problems []Problem
	warnings []Problem
	// dataProblem is that of looking at data of one's own: what follows from the data is not known then.
	dataProblem error
}

func (v *validator) validate() {
	v.paths()
	v.ownData()
	if v.dataProblem == nil {
		v.model()
		v.data()
		v.points()
		v.coupling()
	}
	v.budget()
	v.init()
	v.process()
	v.samplers()
	v.sampling()
	v.devices()
	v.microbatch()
	v.measuring()
	v.beginnings()
	if c := v.config.Backend; c.Name == "go" && c.Plugin != "" {
		v.fail("backend.plugin", []string{"backend.name"}, "the go backend has no plugins; remove it, or set backend.name to xla:cpu or xla:cuda")
	}
}

// paths puts the user's home folder in place of a leading ~/.
func (v *validator) paths() {
	c := v.config
	for _, path := range []struct {
		key   string
		value *string
	}{{"store", &c.Store}, {"data.dir", &c.Data.Dir}, {"backend.plugin", &c.Backend.Plugin}} {
		expanded, err := files.Expand(*path.value)
		if err != nil {
			v.fail(path.key, nil, "%v", err)
			continue
		}
		*path.value = expanded
	}
}

func (v *validator) model() {
	for _, p := range libraryProblems(v.config.Model.Validate(v.config.modelData())) {
		var related []string
		for _, key := range p.related {
			related = append(related, yamlfile.Join("model", key))
		}
		if p.data {
			related = append(related, "data.name")
		}
		v.fail(yamlfile.Join("model", p.key), related, "%s", p.message)
	}
}

// data checks what is limited by the number of images that there are.
func (v *validator) data() {
	c := v.config
	spec := c.Spec()
	if spec.Train == 0 {
		return
	}
	atMost := func(key string, got, images int, split string) {
		if got > images {
			v.fail(key, []string{"data.name"}, "must be at most %d, the number of %s images of dataset %s, got %d", images, split, c.Data.Name, got)
		}
	}
	atMost("data.limit", c.Data.Limit, spec.Train, "training")
	atMost("metrics.validation_images", c.Metrics.ValidationImages, spec.Test, "test")
	// As many real images are measured beside those drawn. The least is the default where there are fewer.
	if v.isSet("metrics.images") && c.Metrics.Images > minMeasured || c.Metrics.AtEnd {
		atMost("metrics.images", c.Metrics.Images, spec.Train, "training")
	}
	if n := c.trainImages(); c.Train.BatchSize > n && c.Data.DropLast {
		v.fail("train.batch_size", []string{"data.limit", "data.drop_last", "data.name"},
			"%d is more than the %d training images, so that data.drop_last leaves no batch", c.Train.BatchSize, n)
	}
}

func (v *validator) isSet(key string) bool {
	_, set := v.decoder.places[key]
	return set
}

func (v *validator) budget() {
	c := v.config.Train
	switch {
	case c.Epochs > 0 && c.Steps > 0:
		v.fail("train.steps", []string{"train.epochs"}, "train.epochs is set too; keep one of them (null drops an inherited one)")
		return
	case c.Epochs == 0 && c.Steps == 0:
		v.fail("train.epochs", []string{"train.steps"}, "is missing; set train.epochs or train.steps")
		return
	}
	stepsPerEpoch := v.config.StepsPerEpoch()
	if stepsPerEpoch == 0 {
		return // reported by data
	}
	steps, budget := v.config.Steps(), "train.steps"
	if c.Epochs > 0 {
		budget = "train.epochs"
	}
	size := []string{budget, "train.batch_size", "data.limit", "data.drop_last"}
	if c.WarmupSteps >= steps {
		v.fail("train.warmup_steps", size, "must be below the %d steps of the run, got %d", steps, c.WarmupSteps)
	}
	epochs := (steps + stepsPerEpoch - 1) / stepsPerEpoch
	v.atEpochs(epochs, size)
}

// atEpochs checks that the run gets to the epochs it is to be sampled after.
// One that an override or a derived config has shortened does not; that is no
// mistake, and the epochs are dropped.
func (v *validator) atEpochs(epochs int, size []string) {
	c := &v.config.Sampling
	if v.setLater("sampling.at_epochs", size) {
		c.AtEpochs = slices.DeleteFunc(c.AtEpochs, func(epoch int) bool { return epoch > epochs })
	}
	for i, epoch := range c.AtEpochs {
		if epoch > epochs {
			v.fail(fmt.Sprintf("sampling.at_epochs[%d]", i), size, "epoch %d is after the run's last, %d", epoch, epochs)
		}
	}
}

func (v *validator) process() {
	for _, p := range libraryProblems(v.config.Process.Validate()) {
		v.fail(yamlfile.Join("process", p.key), []string{"process.name", "process.timestep_density", "process.beta_schedule"}, "%s", p.message)
	}
}

// samplers checks each sampler, that it fits the process, and that it can be
// run in the numbers of steps.
func (v *validator) samplers() {
	c := v.config
	T := c.Process.NumTrainTimesteps
	var fitting []int // the numbers of steps that no sampler could refuse for being too many
	for i, steps := range c.Sampling.Steps {
		if steps > T {
			v.fail(stepsKey(i), []string{"process.num_train_timesteps"},
				"%d steps are more than the %d timesteps of process.num_train_timesteps", steps, T)
		} else {
			fitting = append(fitting, i)
		}
	}
	processOK := c.Process.Validate() == nil
	for i, s := range c.Sampling.Samplers {
		key := samplersKey(i)
		if j := slices.IndexFunc(c.Sampling.Samplers[:i], func(t schedulers.SamplerConfig) bool { return reflect.DeepEqual(s, t) }); j >= 0 {
			v.fail(key, []string{fmt.Sprintf("sampling.samplers[%d]", j)}, "repeats sampling.samplers[%d]", j)
			continue
		}
		if !processOK {
			for _, p := range libraryProblems(s.Validate()) {
				v.fail(yamlfile.Join(key, p.key), []string{key + ".name"}, "%s", p.message)
			}
			continue
		}
		sampler, err := schedulers.NewSampler(s, c.Process)
		if err != nil {
			for _, p := range libraryProblems(err) {
				v.fail(yamlfile.Join(key, p.key), []string{key + ".name", "process.name"}, "%s", p.message)
			}
			continue
		}
		for _, j := range fitting {
			if _, err := sampler.Plan(c.Sampling.Steps[j]); err != nil {
				v.fail(stepsKey(j), []string{key, "process"}, "sampler %s cannot do %d steps: %v", s.Name, c.Sampling.Steps[j], err)
			}
		}
	}
}

func (v *validator) sampling() {
	c := v.config
	if c.Sampling.UseEMA && c.Train.EMADecay == 0 {
		v.fail("sampling.use_ema", []string{"train.ema_decay"}, "there are no averaged weights: train.ema_decay is 0")
	}
	interval := c.Sampling.GuidanceInterval
	if _, set := v.decoder.places["sampling.guidance_interval"]; set && !(interval[0] < interval[1]) {
		v.fail("sampling.guidance_interval", nil, "must be [a, b] with a below b, got [%v, %v]", interval[0], interval[1])
	}
	v.guidance()
	for i, g := range c.Sampling.Guidance {
		key := fmt.Sprintf("sampling.guidance[%d]", i)
		switch {
		case v.dataProblem == nil && c.Spec().Classes == 0 && g != 0 && g != 1:
			v.fail(key, []string{"data.name"}, "guidance %v needs classes, which dataset %s does not have; use 1", g, c.Data.Name)
		case !c.Model.TakesClasses() && g != 0 && g != 1:
			v.fail(key, []string{"model.name"}, "guidance %v needs a network that is told the class, which this one is not; use 1", g)
		case c.Train.LabelDrop == 0 && g != 1:
			v.fail(key, []string{"train.label_drop"},
				"guidance %v needs a model that was trained without classes too, but train.label_drop is 0; use 1", g)
		case c.Train.LabelDrop == 1 && g != 0:
			v.fail(key, []string{"train.label_drop"}, "guidance %v needs a model that was trained with classes, but train.label_drop is 1; use 0", g)
		}
	}
}

// guidance checks how predictions are combined; the scales are checked by themselves.
func (v *validator) guidance() {
	c := v.config
	related := []string{"sampling.guidance_method", "sampling.steps", "process.name"}
	seen := map[string]bool{}
	for _, steps := range c.Sampling.Steps {
		for _, p := range libraryProblems(c.Sampling.GuidanceOf(1).ValidateFor(c.Process, steps)) {
			if p.key != "guidance_interval" && !seen[p.key] {
				seen[p.key] = true
				v.fail("sampling."+p.key, related, "%s", p.message)
			}
		}
	}
}

func samplersKey(i int) string { return fmt.Sprintf("sampling.samplers[%d]", i) }

func stepsKey(i int) string { return fmt.Sprintf("sampling.steps[%d]", i) }
