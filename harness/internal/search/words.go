package search

import (
	"fmt"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// describe names what a node holds.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind != yaml.ScalarNode:
		return "something else"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!str":
		return fmt.Sprintf("the string %q", shorten(n.Value))
	case n.Tag == "!!int", n.Tag == "!!float":
		return "the number " + shorten(n.Value)
	default:
		return printable(shorten(n.Value))
	}
}

// shorten keeps a message readable whatever was in the file.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
