package yamlfile

import (
	"fmt"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Describe names what a node holds, for "got …" in a message.
func Describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!str":
		return fmt.Sprintf("the string %q", Shorten(n.Value))
	case n.Tag == "!!timestamp":
		return "the date " + Shorten(n.Value)
	case n.Tag == "!!int", n.Tag == "!!float":
		return "the number " + Shorten(n.Value)
	default:
		return Printable(Shorten(n.Value))
	}
}

// Shorten keeps a message readable whatever was in the file.
func Shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
