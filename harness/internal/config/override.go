package config

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/suggest"
	"flowharness/harness/internal/yamlfile"
)

// override adds the layer of one --set KEY=VALUE, where KEY is a dotted path
// and VALUE is YAML.
func (l *loader) override(set string) {
	added := layer{place: Place{Override: set, Layer: len(l.layers)}}
	path, text, found := strings.Cut(set, "=")
	keys := strings.Split(path, ".")
	switch {
	case set == "":
		added.place.Override = `""`
		l.refuse(added, "must be KEY=VALUE, such as train.steps=100")
	case !found:
		l.refuse(added, "has no value; write KEY=VALUE, such as train.steps=100")
	case slices.Contains(keys, ""):
		l.refuse(added, "the key must be names with dots between them, such as train.steps")
	case keys[0] == "base":
		l.refuse(added, "base can only be given in a file")
	default:
		if i := slices.IndexFunc(Keys(), func(key string) bool { return key != path && strings.EqualFold(key, path) }); i >= 0 {
			l.refuse(added, "unknown key"+suggest.DidYouMean(Keys()[i]))
			return
		}
		l.overrideValue(added, keys, text)
	}
}

func (l *loader) overrideValue(added layer, keys []string, text string) {
	value, err := yamlfile.ParseValue(text)
	switch {
	case err != nil:
		l.refuse(added, err.Error()+"; try the value in quotes")
		return
	case value == nil && strings.TrimSpace(text) != "", value != nil && hasComment(value):
		l.refuse(added, "# begins a comment, which would be lost; put the value in quotes within the shell's")
		return
	case value == nil:
		value = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	for _, key := range slices.Backward(keys) {
		name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{name, value}}
	}
	added.root = value
	l.layers = append(l.layers, added)
}

func (l *loader) refuse(at layer, message string) {
	l.incomplete = true
	l.layers = append(l.layers, at)
	l.problems = append(l.problems, Problem{Place: at.place, Message: message})
}

func hasComment(n *yaml.Node) bool {
	return n.HeadComment+n.LineComment+n.FootComment != "" || slices.ContainsFunc(n.Content, hasComment)
}
