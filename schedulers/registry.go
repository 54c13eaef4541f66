package schedulers

import (
	"fmt"
	"slices"
	"strings"
)

// samplers lists every sampler, in the order names are shown. Adding one takes a file and a line here.
var samplers = []registration{
	{"euler", FlowMatch, []string{"grid", "shift", "timestep_input"}},
	{"heun", FlowMatch, []string{"grid", "shift", "timestep_input"}},
	{"midpoint", FlowMatch, []string{"grid", "shift", "timestep_input"}},
	{"rk4", FlowMatch, []string{"grid", "shift", "timestep_input"}},
	{"ddpm", DDPM, []string{"timestep_spacing", "steps_offset", "clip_sample", "clip_sample_range", "variance_type"}},
	{"ddim", DDPM, []string{"timestep_spacing", "steps_offset", "clip_sample", "clip_sample_range", "eta", "set_alpha_to_one"}},
	{"dpmpp_2m", DDPM, []string{"timestep_spacing", "steps_offset"}},
}

type registration struct {
	name    string
	process string
	options []string
}

// SamplerNames lists the samplers of a process ("flow_match" or "ddpm"), or all of them for "".
func SamplerNames(process string) []string {
	var names []string
	for _, s := range samplers {
		if process == "" || s.process == process {
			names = append(names, s.name)
		}
	}
	return names
}

func optionsOf(sampler string) []string {
	for _, s := range samplers {
		if s.name == sampler {
			return s.options
		}
	}
	return nil
}

func hasDiffusersGrid(sampler string) bool { return sampler == "euler" || sampler == "heun" }

// checkProcess reports a sampler that cannot sample the process.
func checkProcess(sampler, process string) error {
	for _, s := range samplers {
		if s.name == sampler && s.process != process {
			return &ConfigError{Key: "name", Problem: fmt.Sprintf("sampler %q belongs to process %q, not %q; use one of: %s",
				sampler, s.process, process, strings.Join(slices.Clip(SamplerNames(process)), ", "))}
		}
	}
	return nil
}
