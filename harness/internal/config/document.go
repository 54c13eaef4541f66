package config

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// ReadFile reads a YAML file that a user has named. A file that cannot be read
// or is far too large is one [*Errors], with a suggestion if another is near.
func ReadFile(path string) ([]byte, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, &Errors{[]Problem{{Message: unreadable(path, err).Error()}}}
	}
	return text, nil
}

// ParseYAML returns the root of a text that is one YAML document, nil if it is
// empty. name stands for the file in the error, which is [*Errors].
func ParseYAML(name string, text []byte) (*yaml.Node, error) {
	root, syntax := parse(text)
	if syntax != nil {
		return nil, &Errors{[]Problem{{Place: Place{File: name, Line: syntax.line, Column: syntax.column}, Message: syntax.message}}}
	}
	return root, nil
}

// Describe says what a node holds, for "got …" in a message.
func Describe(n *yaml.Node) string { return describe(n) }

// unreadable says that a file could not be read, and what was likely meant.
func unreadable(path string, err error) error {
	name := printable(path)
	if name == "" {
		name = `""`
	}
	return fmt.Errorf("cannot read %s: %w%s", name, err, nearbyFile(path))
}
