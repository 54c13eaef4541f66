package config

import (
	"reflect"
	"strings"

	"flowharness/harness/internal/yamlfile"
	"flowharness/schedulers"
)

// ParseSamplers reads what a user types for samplers: names separated by commas,
// or one mapping of a name and options, as in sampling.samplers, which is checked
// as it is in a config: an option that is given is not mistaken for one that is
// not. Whether they are samplers of a process, and their options such, is for
// [Config.Validate]. The error is an [*Errors] whose keys are those of the mapping.
func ParseSamplers(text string) ([]schedulers.SamplerConfig, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		s, err := parseSampler(text)
		if err != nil {
			return nil, err
		}
		return []schedulers.SamplerConfig{s}, nil
	}
	var list []schedulers.SamplerConfig
	for name := range strings.SplitSeq(text, ",") {
		list = append(list, schedulers.SamplerConfig{Name: strings.TrimSpace(name)})
	}
	return list, nil
}

func parseSampler(text string) (s schedulers.SamplerConfig, err error) {
	node, err := yamlfile.ParseValue(text)
	if err != nil {
		return s, &Errors{Problems: []Problem{{Message: err.Error() + "; a sampler is a name, or a mapping of a name and options"}}}
	}
	d := newDecoder()
	d.value("", node, node, property(rules(), "sampling.samplers").Items, reflect.ValueOf(&s).Elem(), reflect.Value{})
	for i := range d.problems {
		d.problems[i].Place = Place{} // all of it is one line that the user has typed
	}
	if len(d.problems) > 0 {
		return s, &Errors{Problems: d.problems}
	}
	return s, nil
}
