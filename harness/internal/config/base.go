package config

import "slices"

// Base is a config file and what it inherits from, read once so that many
// configs can be made of it.
type Base struct {
	path   string
	source []byte
	read   loader
	base   []byte // see Resolved.Base
}

// ReadBase reads the config file at path and what it inherits from. What is
// wrong with them is for [Base.Resolve] to say, but for a file that cannot be
// read at all: that is [*Errors] here.
func ReadBase(path string) (*Base, error) {
	b := &Base{path: path}
	var err error
	if b.source, err = b.read.file(path, nil); err != nil {
		return nil, &Errors{Problems: []Problem{{Message: err.Error()}}}
	}
	b.base = b.read.inherited()
	return b, nil
}

// Resolve is [Load] with these overrides, of the files as they were read.
func (b *Base) Resolve(sets []string) (*Resolved, error) {
	l := loader{layers: slices.Clone(b.read.layers), problems: slices.Clone(b.read.problems), incomplete: b.read.incomplete}
	r, err := l.resolve(b.path, b.source, sets)
	if err == nil {
		r.Base = b.base
	}
	return r, err
}

// inherited is what the outermost layer inherits from, resolved by itself.
func (l *loader) inherited() []byte {
	if len(l.layers) < 2 {
		return nil
	}
	below := loader{layers: l.layers[:len(l.layers)-1]}
	c, err := below.decode(len(below.layers) - 1)
	if err != nil {
		return nil // it may say less than a config must
	}
	text, err := c.yaml()
	if err != nil {
		return nil
	}
	return text
}
