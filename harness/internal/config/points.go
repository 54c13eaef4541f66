package config

import (
	"strings"

	"flowharness/harness/internal/dataset"
	"flowharness/schedulers"
)

// Noise is the value of data.source for paths that begin with noise, as they do where it is not set.
const Noise = "noise"

// defaultPoints are how many points a picture of points shows.
const defaultPoints = 2000

// sources are what the paths of a flow can begin with.
func sources() []string { return append([]string{Noise}, dataset.PointSetNames()...) }

// SetSamplerDefaults fills what a sampler leaves open, as it is for the config's process and data. Points lie outside of
// [-1, 1], to which predicted images are clipped.
func (c Config) SetSamplerDefaults(s *schedulers.SamplerConfig) {
	if c.Spec().Points && s.ClipSample == nil && schedulers.SamplerTakes(s.Name, c.Process.Name, "clip_sample") {
		s.ClipSample = new(bool)
	}
	s.SetDefaultsFor(c.Process.Name)
}

// TakesClasses says whether there are classes and the network is told them.
func (c Config) TakesClasses() bool { return c.Spec().Classes > 0 && c.Model.TakesClasses() }

// setPointsDefaults fills what is different for points.
func (c *Config) setPointsDefaults(isSet func(key string) bool) {
	if c.Data.Source == Noise {
		c.Data.Source = "" // the default is not written out, nor hashed
	}
	if !c.Spec().Points {
		return
	}
	if !isSet("sampling.rows") {
		c.Sampling.Rows = 0 // not written out
	}
	if !isSet("sampling.points") {
		c.Sampling.Points = defaultPoints
	}
	if !isSet("sampling.guidance") {
		c.Sampling.Guidance = []float64{1}
	}
}

// points checks what holds for points alone, or for images alone.
func (v *validator) points() {
	c := v.config
	spec, err := dataset.SpecOf(c.Data.Name)
	if err != nil {
		return
	}
	if !spec.Points {
		if c.Sampling.Points != 0 {
			v.fail("sampling.points", []string{"data.name"}, "is for points in the plane, and %s has images; set sampling.rows", c.Data.Name)
		}
		if c.Data.Source != "" {
			v.fail("data.source", []string{"data.name"}, "is for points in the plane, and %s has images; paths to images begin with noise",
				c.Data.Name)
		}
		return
	}
	if c.Data.Flip {
		v.fail("data.flip", []string{"data.name"}, "mirrors images, and %s is points in the plane; remove it", c.Data.Name)
	}
	if v.isSet("sampling.rows") && !v.setLater("sampling.rows", []string{"data.name"}) {
		v.fail("sampling.rows", []string{"data.name"}, "is for images, and %s is points in the plane; set sampling.points", c.Data.Name)
	}
	v.source()
}

// source checks that paths can begin with what they are to begin with.
func (v *validator) source() {
	c := v.config
	if c.Data.Source == "" {
		return
	}
	if !schedulers.TakesSource(c.Process.Name) {
		var takers []string
		for _, name := range schedulers.ProcessNames() {
			if schedulers.TakesSource(name) {
				takers = append(takers, name)
			}
		}
		v.fail("data.source", []string{"process.name"},
			"process %s begins with noise and nothing else, got %q; remove it, or set process.name to %s", c.Process.Name, c.Data.Source,
			strings.Join(takers, " or "))
		return
	}
	for i, s := range c.Sampling.Samplers {
		if schedulers.NeedsNoise(s.Name) {
			v.fail(samplersKey(i), []string{"data.source"}, "sampler %s is right for paths that begin with noise alone, and data.source is %s",
				s.Name, c.Data.Source)
		}
	}
}
