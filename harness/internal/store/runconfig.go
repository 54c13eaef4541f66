package store

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/yamlfile"
)

// configValue is one value of a resolved config, as filters see it.
type configValue struct {
	path   string // keys and list positions: sampling.samplers.0.name
	value  string
	number *float64 // value as a number, if it is one
}

// flattenConfig lists the values of a resolved config. A list of plain values is one value, such as
// "[4,16]", because --set sets it as one.
func flattenConfig(text string) ([]configValue, error) {
	root, err := yamlfile.Mapping(text)
	if err != nil {
		return nil, err
	}
	var values []configValue
	for _, leaf := range yamlfile.Leaves(root, yamlfile.IsPlain) {
		switch leaf.Node.Kind {
		case yaml.AliasNode:
			return nil, fmt.Errorf("line %d: a resolved config has no aliases", leaf.Node.Line)
		case yaml.MappingNode: // it has no keys
		default:
			v := configValue{path: leaf.Path}
			v.value, v.number = canonical(leaf.Node)
			values = append(values, v)
		}
	}
	return values, nil
}

// canonical writes a value so that equal ones compare equal: 1e-3 as 0.001.
func canonical(n *yaml.Node) (text string, num *float64) {
	if n.Kind == yaml.SequenceNode {
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			items[i], _ = canonical(item)
		}
		return "[" + strings.Join(items, ",") + "]", nil
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		var f float64
		if n.Decode(&f) != nil || math.IsNaN(f) {
			return n.Value, nil
		}
		var u uint64
		if n.ShortTag() == "!!int" && n.Decode(&u) == nil {
			return strconv.FormatUint(u, 10), &f // a seed keeps all its digits
		}
		return strconv.FormatFloat(f, 'g', -1, 64), &f
	case "!!null":
		return "null", nil
	}
	return n.Value, nil
}

// canonicalText is [canonical] for a value that was typed into a filter.
func canonicalText(text string) (string, *float64) {
	var n yaml.Node
	if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) != 1 {
		return text, nil
	}
	if k := n.Content[0].Kind; k != yaml.ScalarNode && !(k == yaml.SequenceNode && yamlfile.IsPlain(n.Content[0])) {
		return text, nil
	}
	return canonical(n.Content[0])
}
