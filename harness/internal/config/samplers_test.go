package config

import (
	"reflect"
	"strings"
	"testing"

	"flowharness/schedulers"
)

func TestSamplersAreReadAsTheyAreTyped(t *testing.T) {
	no := false
	for text, want := range map[string][]schedulers.SamplerConfig{
		"euler":                            {{Name: "euler"}},
		"euler, heun":                      {{Name: "euler"}, {Name: "heun"}},
		"{name: euler, shift: 3}":          {{Name: "euler", Shift: 3}},
		"{name: ddim, eta: 0}":             {{Name: "ddim"}},
		" {name: ddim, clip_sample: no}":   nil, // not a boolean of YAML 1.2
		"{name: ddim, clip_sample: false}": {{Name: "ddim", ClipSample: &no}},
	} {
		got, err := ParseSamplers(text)
		if (err == nil) != (want != nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v (%v), want %+v", text, got, err, want)
		}
	}
}

// A zero that stands for "not given" in the library's struct is not a zero that
// was given.
func TestSamplersAreCheckedAsInAConfig(t *testing.T) {
	for text, want := range map[string]string{
		"{name: euler, shift: 0}":              "shift: must be above 0, got 0",
		"{name: ddim, clip_sample_range: 0}":   "clip_sample_range: must be above 0, got 0",
		"{name: ddim, clip_sample_range: 0.0}": "clip_sample_range: must be above 0, got 0.0",
		"{name: ddim, steps_offset: -1}":       "steps_offset: must be at least 0, got -1",
		"{name: euler, grid: ''}":              `grid: must be one of uniform, diffusers, karras, listed, got ""`,
		"{name: euler, tiemstep_input: index}": `tiemstep_input: unknown key (did you mean "timestep_input"?)`,
		"{shift: 2}":                           "has no name",
		"{name: eulr}":                         `name: must be one of`,
		"{name: euler":                         "a sampler is a name, or a mapping of a name and options",
		"{}":                                   "has no name",
	} {
		if _, err := ParseSamplers(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", text, err, want)
		}
	}
}
