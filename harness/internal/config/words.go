package config

import (
	"fmt"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"
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

// describe names what a node holds.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!str":
		return fmt.Sprintf("the string %q", shorten(n.Value))
	case n.Tag == "!!timestamp":
		return "the date " + shorten(n.Value)
	case n.Tag == "!!int", n.Tag == "!!float":
		return "the number " + shorten(n.Value)
	default:
		return shorten(n.Value)
	}
}

// example shows how a value would be written as an entry of a list.
func example(items *jsonschema.Schema, n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return shorten(n.Value)
	}
	if items.Type == "string" {
		return "one, two"
	}
	return "1, 2"
}

// shorten keeps a message readable whatever was in the file.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
