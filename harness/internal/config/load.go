package config

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/label"
)

// Resolved is a config that has been read, checked and completed.
type Resolved struct {
	Config Config
	// Source is the text that was read, without what it inherits.
	Source []byte
	// Base is what Source inherits from, resolved by itself and written out in
	// full; nil if it does not inherit, or its base is not a config by itself.
	Base []byte
	// Overrides are the KEY=VALUE that were applied to it, in their order.
	Overrides []string
	// YAML is Config written out in full: every key, in the order of the
	// structs. Parsing it gives the same Config.
	YAML []byte
	// Hash identifies everything that changes the result: the SHA-256, in hex,
	// of the config as JSON with sorted keys, without the keys tagged hash:"-".
	Hash string
	// Warnings are what a reader should know of a config that is valid.
	Warnings []Problem
}

// Load reads the config file at path and what it inherits from, and applies
// overrides of the form "train.steps=100" to it, whose values are YAML.
// What is wrong with any of them is returned as one [*Errors].
func Load(path string, sets []string) (*Resolved, error) {
	b, err := ReadBase(path)
	if err != nil {
		return nil, err
	}
	return b.Resolve(sets)
}

// Parse does the same with the text of a config, such as that of a stored run.
// The text must not inherit: there is no file that base could be relative to.
// name stands for the file in errors.
func Parse(name string, text []byte, sets []string) (*Resolved, error) {
	l := &loader{recorded: true}
	l.text(name, text, func(string) error {
		return errors.New("a config that is not read from a file cannot inherit; use the resolved config")
	})
	return l.resolve(name, text, sets)
}

// Validate reports what is wrong with a config that was changed after it was
// read, as [*Errors] whose problems have keys but no places.
func (c Config) Validate() error {
	root, err := c.node()
	if err != nil {
		return err
	}
	l := &loader{layers: []layer{{root: root}}}
	_, err = l.decode(0)
	return err
}

// resolve puts the layers together.
func (l *loader) resolve(name string, source []byte, sets []string) (*Resolved, error) {
	outermost := len(l.layers) - 1
	for _, set := range sets {
		l.override(set)
	}
	c, err := l.decode(outermost)
	if err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = nameOf(name)
	}
	r := &Resolved{Config: *c, Source: source, Overrides: slices.Clone(sets), Warnings: l.warnings}
	if r.YAML, err = c.yaml(); err != nil {
		return nil, err
	}
	if r.Hash, err = c.hash(); err != nil {
		return nil, err
	}
	return r, nil
}

// decode applies the layers to the defaults and validates the result.
// outermost is the layer of the file that was asked for.
func (l *loader) decode(outermost int) (*Config, error) {
	d := newDecoder()
	initial, out := file{Config: Defaults()}, file{Config: Defaults()}
	for i, layer := range networksFirst(l.layers, outermost+1) {
		if i == outermost {
			out.Name = "" // a name is not inherited
			d.forget("name")
		}
		d.apply(layer, &out, &initial)
	}
	if l.recorded {
		for i := range out.Sampling.Samplers {
			out.Sampling.Samplers[i].SetRecorded()
		}
	}
	dataProblem := out.setDefaults(func(key string) bool { _, ok := d.places[key]; return ok || d.isBroken(key) })

	v := &validator{config: &out.Config, decoder: d, start: l.layers[outermost].start(), dataProblem: dataProblem}
	if !l.incomplete {
		v.validate()
	}

	l.warnings = v.warnings
	problems := slices.Concat(l.problems, d.problems, v.problems)
	if len(problems) == 0 {
		return &out.Config, nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		switch {
		case a.Before(b.Place):
			return -1
		case b.Before(a.Place):
			return 1
		}
		return 0
	})
	return nil, &Errors{Problems: problems}
}

// start is the place that stands for keys that no layer has set.
func (l layer) start() Place {
	return l.at(&yaml.Node{Line: 1, Column: 1})
}

// nameOf makes a name of a file's.
func nameOf(path string) string {
	base := filepath.Base(path)
	if name := label.Fit(strings.TrimSuffix(base, filepath.Ext(base))); name != "" {
		return name
	}
	return "run"
}
