package schedulers

import (
	"errors"
	"fmt"
	"strings"
)

// samplers lists every sampler, in the order names are shown. A new one takes a file and a line here.
var samplers = []registration{
	euler,
	heun,
	midpoint,
	rk4,
	ab2,
	ddpmSampler,
	ddim,
	dpmpp2M,
}

// registration is a sampler's entry in the list.
type registration struct {
	// name selects it in a config.
	name string
	// process is the one it samples.
	process string
	// options are the config keys it understands besides its name.
	options []string
	// grids are the values "grid" may take, if that is an option.
	grids []string
	// spacing is the default of "timestep_spacing", if that is an option.
	spacing string
	// new makes the sampler from configs that have been validated.
	new func(SamplerConfig, ProcessConfig) Sampler
}

// NewSampler makes the sampler a config describes for a model trained on a process; unset fields of
// both take their defaults. A sampler that belongs to another process is an error that lists the ones that fit.
func NewSampler(config SamplerConfig, process ProcessConfig) (Sampler, error) {
	config.SetDefaults()
	process.SetDefaults()
	if err := process.Validate(); err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	r, known := find(config.Name)
	var mismatch error
	if known && r.process != samplersOf(process.Name) {
		mismatch = &ConfigError{Key: "name", Problem: fmt.Sprintf("sampler %q belongs to process %q, not %q; use one of: %s",
			r.name, r.process, process.Name, strings.Join(SamplerNames(process.Name), ", "))}
	}
	if err := errors.Join(mismatch, config.Validate()); err != nil {
		return nil, err
	}
	return r.new(config, process), nil
}

// SamplerNames lists the samplers of a process, one of ProcessNames, or all of them for "".
func SamplerNames(process string) []string {
	var names []string
	for _, s := range samplers {
		if process == "" || s.process == samplersOf(process) {
			names = append(names, s.name)
		}
	}
	return names
}

func find(sampler string) (registration, bool) {
	for _, s := range samplers {
		if s.name == sampler {
			return s, true
		}
	}
	return registration{}, false
}
