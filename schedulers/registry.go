package schedulers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// samplers lists every sampler, in the order names are shown. A new one takes a file and a line here. A method that samples
// several processes is an entry for each.
var samplers = []registration{
	euler,
	heun,
	midpoint,
	rk4,
	ab2,
	dopri5,
	uniPC,
	eulerMaruyama,
	ddpmSampler,
	ddim,
	dpmpp2M,
	flowDPMPP2M,
}

// registration is a sampler's entry in the list.
type registration struct {
	// name selects it in a config.
	name string
	// process is the one it samples.
	process string
	// needsPath says that it samples only flows whose path is known: see Registration.Path.
	needsPath bool
	// needsNoise says that it is right only for paths that begin with noise of a normal distribution.
	needsNoise bool
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
	config.SetDefaultsFor(process.Name)
	process.SetDefaults()
	if err := process.Validate(); err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	r, fits := findFor(config.Name, process.Name)
	if !fits {
		return nil, errors.Join(mismatch(config.Name, process.Name), config.Validate())
	}
	if err := config.validateAs(r); err != nil {
		return nil, err
	}
	return r.new(config, process), nil
}

// mismatch says that a sampler is of another process; nil if there is none of its name.
func mismatch(sampler, process string) error {
	owner := "a process"
	for _, s := range samplers {
		switch {
		case s.name != sampler:
			continue
		case s.process == samplersOf(process): // but it does not sample it
			owner = "flows whose path is known"
		default:
			owner = fmt.Sprintf("process %q", s.process)
		}
		return &ConfigError{Key: "name", Problem: fmt.Sprintf("sampler %q belongs to %s, not %q; use one of: %s",
			sampler, owner, process, strings.Join(SamplerNames(process), ", "))}
	}
	return nil
}

// SamplerNames lists the samplers of a process, one of ProcessNames, or all of them for "".
func SamplerNames(process string) []string {
	var names []string
	for _, s := range samplers {
		if (process == "" || s.samples(process)) && !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

// samples reports whether it is a sampler of a process.
func (r registration) samples(process string) bool {
	if r.process != samplersOf(process) {
		return false
	}
	p, known := findProcess(process)
	return known && (!r.needsPath || p.Path != nil)
}

// SamplerTakes reports whether the sampler of a name has an option for a process.
func SamplerTakes(sampler, process, option string) bool {
	r, fits := findFor(sampler, process)
	return fits && slices.Contains(r.options, option)
}

// NeedsNoise reports whether a sampler of flows is right only for paths that begin with noise of a normal distribution.
func NeedsNoise(sampler string) bool {
	r, _ := find(sampler)
	return r.needsNoise
}

// find returns the first sampler of a name.
func find(sampler string) (registration, bool) {
	for _, s := range samplers {
		if s.name == sampler {
			return s, true
		}
	}
	return registration{}, false
}

// findFor returns the sampler of a name for a process.
func findFor(sampler, process string) (registration, bool) {
	for _, s := range samplers {
		if s.name == sampler && s.samples(process) {
			return s, true
		}
	}
	return registration{}, false
}
