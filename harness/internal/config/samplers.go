package config

import (
	"errors"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/schedulers"
)

// ParseSamplers reads what a user types for samplers: names separated by commas,
// or one mapping of a name and options, as in sampling.samplers. Whether they
// are samplers of a process, and their options such, is for [Config.Validate].
func ParseSamplers(text string) ([]schedulers.SamplerConfig, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		decoder := yaml.NewDecoder(strings.NewReader(text))
		decoder.KnownFields(true)
		var s schedulers.SamplerConfig
		if err := decoder.Decode(&s); err != nil {
			return nil, errors.New("a sampler is a name, or a mapping of a name and options: " + strings.TrimPrefix(err.Error(), "yaml: "))
		}
		return []schedulers.SamplerConfig{s}, nil
	}
	var list []schedulers.SamplerConfig
	for name := range strings.SplitSeq(text, ",") {
		list = append(list, schedulers.SamplerConfig{Name: strings.TrimSpace(name)})
	}
	return list, nil
}
