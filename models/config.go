package models

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Config says which network, and how large. In YAML and JSON the options stand beside the name,
// which is left out where it is the default: so it is in configs from before there was a choice.
type Config struct {
	Name string `yaml:"name" json:"name"`
	// Options point to the struct of the network's options. They are never changed in place once a
	// config has been read; see [Config.With].
	Options any `yaml:"-" json:"-"`
}

// NewConfig is a network with its default options; "" is the default network. Those that follow
// from the data are unset, see [Config.SetDefaults]. It panics if there is none of that name.
func NewConfig(name string) Config {
	if name == "" {
		name = Default()
	}
	n, known := find(name)
	if !known {
		panic("models: there is no network " + name)
	}
	return Config{Name: name, Options: n.options()}
}

// SetDefaults fills what is unset and follows from the data or from other options.
func (c *Config) SetDefaults(data Data) {
	if n, known := find(c.Name); known {
		c.Options = clone(c.Options)
		n.setDefaults(c.Options, data)
	}
}

// Validate reports everything that is wrong with a config whose defaults have been set, as joined
// [*ConfigError]s.
func (c Config) Validate(data Data) error {
	n, known := find(c.Name)
	if !known {
		return &ConfigError{Key: "name", Problem: fmt.Sprintf("must be one of %s, got %q", strings.Join(Names(), ", "), c.Name)}
	}
	var p Problems
	if n.forImages && data.Points {
		return &ConfigError{Key: "name", Data: true, Problem: fmt.Sprintf("%s takes images, and dataset %s is points in the plane; use one "+
			"of: %s",
			c.Name, data.Name, strings.Join(forPoints(), ", "))}
	}
	n.validate(c.Options, data, &p)
	return p.err()
}

// TakesClasses reports whether the network's predictions depend on the labels.
func (c Config) TakesClasses() bool {
	n, known := find(c.Name)
	return !known || n.takesClasses(c.Options)
}

// With is the config with an option, by its key, changed. It panics if there is no such option or
// the value is of another type.
func (c Config) With(key string, value any) Config {
	c.Options = clone(c.Options)
	options := reflect.ValueOf(c.Options).Elem()
	for i := range options.NumField() {
		if name, _, _ := strings.Cut(options.Type().Field(i).Tag.Get("yaml"), ","); name == key {
			options.Field(i).Set(reflect.ValueOf(value))
			return c
		}
	}
	panic(fmt.Sprintf("models: network %s has no option %s", c.Name, key))
}

// MarshalJSON writes the options beside the name.
func (c Config) MarshalJSON() ([]byte, error) {
	options, err := json.Marshal(c.Options)
	if err != nil || c.isDefault() {
		return options, err
	}
	name, err := json.Marshal(struct {
		Name string `json:"name"`
	}{c.Name})
	if err != nil || len(options) == len("{}") {
		return name, err
	}
	return slices.Concat(name[:len(name)-1], []byte(","), options[1:]), nil
}

// MarshalYAML likewise.
func (c Config) MarshalYAML() (any, error) {
	if c.isDefault() {
		return c.Options, nil
	}
	var name, options yaml.Node
	if err := name.Encode(map[string]string{"name": c.Name}); err != nil {
		return nil, err
	}
	if err := options.Encode(c.Options); err != nil {
		return nil, err
	}
	options.Content = append(name.Content, options.Content...)
	return &options, nil
}

func (c Config) isDefault() bool { return c.Name == "" || c.Name == Default() }

// clone is a pointer to a copy of what one points to.
func clone(options any) any {
	copied := reflect.New(reflect.TypeOf(options).Elem())
	copied.Elem().Set(reflect.ValueOf(options).Elem())
	return copied.Interface()
}
