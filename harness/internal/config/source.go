package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/yamlfile"
)

// layer is one contribution to a config: a file or an override. A later layer
// wins over an earlier one.
type layer struct {
	place Place      // of the whole; places inside of it are derived from it
	root  *yaml.Node // a mapping; nil when there is none
}

// at is the place of a node of the layer.
func (l layer) at(n *yaml.Node) Place {
	p := l.place
	if p.Override == "" {
		p.Line, p.Column = n.Line, n.Column
	}
	return p
}

// loader collects the layers of a config, the earliest first.
type loader struct {
	layers   []layer
	problems []Problem
	warnings []Problem
	// incomplete says that a layer, or what it inherits, could not be read, so
	// that what the config says as a whole is not known.
	incomplete bool
	// recorded says that the text is of a run, and what it lacks is as it was then.
	recorded bool
}

// file adds the layers of the file at path, those of its bases first, and
// returns its text. from is the chain of files that led to it.
func (l *loader) file(path string, from []string) ([]byte, error) {
	text, err := yamlfile.Read(path)
	if err != nil {
		return nil, err
	}
	chain := append(slices.Clone(from), path)
	l.text(path, text, func(base string) error {
		base, err := files.Beside(path, base)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(chain, func(p string) bool { return sameFile(p, base) }); i >= 0 {
			return fmt.Errorf("files inherit from each other in a circle: %s", strings.Join(append(chain[i:], base), " → "))
		}
		_, err = l.file(base, chain)
		return err
	})
	return text, nil
}

// text adds the layer of a config's text, after those of its base, which
// inherit adds.
func (l *loader) text(name string, text []byte, inherit func(base string) error) {
	root, err := yamlfile.Parse(name, text)
	added := layer{place: Place{File: name}, root: root}
	var inheritError error
	key, base := lookUp(root, "base")
	if base != nil && base.Kind == yaml.ScalarNode && base.Tag == "!!str" && base.Value != "" {
		inheritError = inherit(base.Value)
	}
	added.place.Layer = len(l.layers)
	l.layers = append(l.layers, added)
	if syntax := (*Errors)(nil); errors.As(err, &syntax) {
		l.incomplete = l.incomplete || root == nil
		for _, p := range syntax.Problems {
			p.Layer = added.place.Layer
			l.problems = append(l.problems, p)
		}
	}
	if inheritError != nil {
		l.incomplete = true
		l.problems = append(l.problems, Problem{Place: added.at(key), Key: "base", Message: inheritError.Error()})
	}
}

// lookUp finds a key of a mapping; nil if there is none.
func lookUp(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

// sameFile reports whether two paths name one file, through links too.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
