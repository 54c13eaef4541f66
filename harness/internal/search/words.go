package search

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
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

// suggest is " (did you mean x?)" for the candidate nearest to what was written,
// "" if none is near enough to have been meant.
func suggest(written string, candidates []string) string {
	if meant := nearest(written, candidates); meant != "" {
		return fmt.Sprintf(" (did you mean %q?)", meant)
	}
	return ""
}

func nearest(written string, candidates []string) string {
	written = shorten(strings.ToLower(written))
	best, least := "", 0
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(written, c)
		if d <= (max(len(written), len(c))+2)/3 && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// shorten keeps a message readable whatever was in the file.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
