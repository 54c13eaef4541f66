package config

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/suggest"
	"flowharness/models"
)

// chooseNetwork begins the section model anew where a layer names another network than
// those before it: what they say of theirs does not apply to it.
func (d *decoder) chooseNetwork(root *yaml.Node, out, initial *file) {
	name, given := networkIn(root)
	if given && !slices.Contains(models.Names(), name) { // refused where it is decoded
		name = suggest.One(name, models.Names())
	}
	if !given || name == "" || name == d.network {
		return
	}
	for key := range d.places {
		if strings.HasPrefix(key, "model.") {
			delete(d.places, key)
		}
	}
	d.network, out.Model, initial.Model = name, models.NewConfig(name), models.NewConfig(name)
	initial.Model.Name = models.Default() // what null means
}

// networksFirst moves those overrides to the front that name a network: the keys of the others
// are its, whatever the order in which they are given. first is the index of the first override.
func networksFirst(layers []layer, first int) []layer {
	ordered := slices.Clone(layers)
	slices.SortStableFunc(ordered[first:], func(a, b layer) int {
		_, ofA := networkIn(a.root)
		_, ofB := networkIn(b.root)
		switch {
		case ofA && !ofB:
			return -1
		case ofB && !ofA:
			return 1
		}
		return 0
	})
	return ordered
}

// networkIn is the network that a layer names: the default for null.
func networkIn(root *yaml.Node) (name string, given bool) {
	value := valueIn(valueIn(root, "model"), "name")
	switch {
	case value == nil || value.Kind != yaml.ScalarNode:
		return "", false
	case isNull(value):
		return models.Default(), value.Value != ""
	}
	return value.Value, true
}

// valueIn is the value of a mapping's key, nil if there is none.
func valueIn(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// ownersOf are the networks that have an option of this name; none if path is another section
// than model.
func ownersOf(path, key string) (owners []string) {
	if path != "model" {
		return nil
	}
	for _, name := range models.Names() {
		if _, known := property(rulesOf(name), "model").Properties.Get(key); known {
			owners = append(owners, name)
		}
	}
	return owners
}

// rulesOf is the schema that [decoder] checks against where model.name is a network.
func rulesOf(network string) *jsonschema.Schema {
	made, _ := rulesMade.LoadOrStore(network, sync.OnceValue(func() *jsonschema.Schema { return newSchema(network) }))
	return made.(func() *jsonschema.Schema)()
}

var rulesMade sync.Map

// rules is that of configs which name no network.
func rules() *jsonschema.Schema { return rulesOf(models.Default()) }

// addNetwork completes the section model by the options of a network.
func addNetwork(s *jsonschema.Schema, reflector *jsonschema.Reflector, network string) {
	section := property(s, "model")
	options := reflector.Reflect(models.NewConfig(network).Options)
	for key, option := range options.Properties.FromOldest() {
		section.Properties.Set(key, option)
	}
	name := property(section, "name")
	name.Enum = words(models.Names())
	name.Description = "Which network, and so which keys there are. " + eachOf(models.Names(), " ", func(name string) string {
		return name + ": " + models.About(name)
	}) + " Default: " + models.Default() + "."
}

// anyNetwork lets model be the section of any network, each with its own keys: for editors.
func anyNetwork(s *jsonschema.Schema) {
	names := models.Names()
	if len(names) == 1 {
		return
	}
	description := property(s, "model").Description
	choice := &jsonschema.Schema{Description: description}
	for _, network := range names {
		section := property(newSchema(network), "model")
		section.Description = models.About(network)
		property(section, "name").Enum = words([]string{network})
		allowNull(section)
		choice.AnyOf = append(choice.AnyOf, section)
	}
	s.Properties.Set("model", choice)
}

// defaultsOf are the defaults with another network.
func defaultsOf(network string) reflect.Value {
	c := Defaults()
	c.Model = models.NewConfig(network)
	return reflect.ValueOf(file{Config: c})
}
