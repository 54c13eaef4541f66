package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"flowharness/harness/internal/dataset"
	"flowharness/models"
	"flowharness/schedulers"
)

// Schema returns the JSON Schema (draft 2020-12) of a config file, for editors
// to complete and check with. A config that passes it may still be refused: a
// schema cannot say, for example, which samplers belong to which process.
func Schema() ([]byte, error) {
	s := newSchema(models.Default())
	s.Version = jsonschema.Version
	s.Title = "harness config"
	s.Description = "One experiment: what is trained, for how long, and which grids are drawn. " +
		"Every key has a default, but for train.epochs or train.steps. A value of null means the default, also where a base says otherwise."
	allowNull(s)
	anyNetwork(s)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the JSON Schema: %w", err)
	}
	return append(text, '\n'), nil
}

// file is what may stand in a config file.
type file struct {
	Base string `yaml:"base,omitempty" json:"base,omitempty" jsonschema:"minLength=1"`
	Config
}

// DescribeKeys says what each key is for.
func (file) DescribeKeys() map[string]string {
	return map[string]string{
		"base": "Config file to inherit from, relative to this one. Mappings are merged key by key, lists are replaced.",
	}
}

// newSchema reflects the config structs and adds what their tags do not hold:
// descriptions and bounds of the libraries' keys, and the defaults. network is the one
// whose options stand below model.
func newSchema(network string) *jsonschema.Schema {
	r := jsonschema.Reflector{Anonymous: true, DoNotReference: true, ExpandedStruct: true, LookupComment: descriptionOf}
	s := r.Reflect(&file{})
	sections := schedulers.NewSections()
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		section := r.Reflect(sections[name])
		section.Version = ""
		section.Description = "Options of the process " + name + "."
		property(s, "process").Properties.Set(name, section)
	}
	addNetwork(s, &r, network)
	dropRequired(s)
	for section, keys := range libraryKeys() {
		for key, k := range keys {
			k.describe(property(s, section+"."+key))
		}
	}
	property(s, "data.name").Enum = words(dataset.Names())
	property(s, "data.source").Enum = words(sources())
	property(s, "process.name").Enum = words(schedulers.ProcessNames())
	property(s, "process.prediction_type").Enum = words(schedulers.PredictionTypes(""))
	property(s, "sampling.samplers").Description += " Default: " + eachProcess(", ", func(name string) string {
		return "[" + schedulers.DefaultSampler(name) + "] for " + name
	}) + "."
	limitToTheData(s)
	addDefaults(s, defaultsOf(network))
	describeDefaults(property(s, "process"), processDefaults())
	describeDefaults(property(s, "sampling.samplers[]"), samplerDefaults())
	allowSamplerNames(property(s, "sampling.samplers"))
	allowWord(property(s, "backend.devices"), allDevices)
	allowWord(property(s, "train.microbatch_size"), autoMicrobatch)
	return s
}

// descriptionOf is what a config struct says of a field in its DescribeKeys.
func descriptionOf(t reflect.Type, field string) string {
	described, ok := reflect.Zero(t).Interface().(interface{ DescribeKeys() map[string]string })
	if !ok {
		return ""
	}
	f, _ := t.FieldByName(field)
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return described.DescribeKeys()[key]
}

// limitToTheData bounds numbers of images: by what can be in memory, or on a disk. How many a dataset has is for
// [validator.data].
func limitToTheData(s *jsonschema.Schema) {
	const batch, images = "1000000", "100000000"
	for key, most := range map[string]json.Number{"data.limit": images, "train.batch_size": batch, "train.microbatch_size": batch,
		"metrics.images": images, "metrics.validation_images": images} {
		property(s, key).Maximum = most
	}
}

// property finds a key by its dotted path. It panics if there is none: a table
// of this package then names a key that is gone, which any test shows.
func property(s *jsonschema.Schema, path string) *jsonschema.Schema {
	for _, key := range strings.Split(path, ".") {
		name, isItem := strings.CutSuffix(key, "[]")
		next, ok := s.Properties.Get(name)
		if !ok {
			panic("config: the schema has no key " + path)
		}
		s = next
		if isItem {
			s = s.Items
		}
	}
	return s
}

// dropRequired makes every key optional: it has a default or comes from a base.
func dropRequired(s *jsonschema.Schema) {
	s.Required = nil
	if s.Items != nil {
		dropRequired(s.Items)
	}
	if s.Properties == nil {
		return
	}
	for _, p := range s.Properties.FromOldest() {
		dropRequired(p)
	}
}

// allowSamplerNames lets a sampler be its name alone.
func allowSamplerNames(s *jsonschema.Schema) {
	names := words(schedulers.SamplerNames(""))
	object := s.Items
	property(object, "name").Enum = names
	object.Required = []string{"name"}
	s.Items = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Enum: names}, object}}
}

// words are choices as a schema has them.
func words(list []string) []any {
	choices := make([]any, len(list))
	for i, word := range list {
		choices[i] = word
	}
	return choices
}

// allowWord lets a number be a word too, one of [numberOf].
func allowWord(s *jsonschema.Schema, word string) {
	number := &jsonschema.Schema{Type: s.Type, Minimum: s.Minimum, Maximum: s.Maximum}
	s.Type, s.Minimum, s.Maximum = "", "", ""
	s.AnyOf = []*jsonschema.Schema{number, {Type: "string", Enum: []any{word}}}
}

// allowNull lets every value but a section be null, which means its default.
func allowNull(s *jsonschema.Schema) {
	for _, p := range s.Properties.FromOldest() {
		if p.Type == "object" {
			allowNull(p)
			continue
		}
		if p.AnyOf != nil {
			p.AnyOf = append(p.AnyOf, &jsonschema.Schema{Type: "null"})
			continue
		}
		p.Extras = map[string]any{"type": []string{p.Type, "null"}}
		p.Type = ""
		if p.Enum != nil {
			p.Enum = append(p.Enum, nil)
		}
	}
}
