package config

import (
	"fmt"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/yamlfile"
)

// expected names what a key holds.
func expected(s *jsonschema.Schema) string {
	if len(s.AnyOf) > 0 {
		words := expected(s.AnyOf[0])
		for _, word := range s.AnyOf[1].Enum {
			words += fmt.Sprintf(" or %v", word)
		}
		return words
	}
	switch s.Type {
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	default:
		return "a string"
	}
}

// example shows how a value would be written as an entry of a list.
func example(items *jsonschema.Schema, n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return yamlfile.Shorten(n.Value)
	}
	if items.Type == "string" {
		return "one, two"
	}
	return "1, 2"
}
