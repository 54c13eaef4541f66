package store

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// configValue is one value of a resolved config, as filters see it.
type configValue struct {
	path   string // keys and list positions: sampling.samplers.0.name
	value  string
	number *float64 // value as a number, if it is one
}

// flattenConfig lists the values of a resolved config. A list of plain values
// is one value, "[4,16]", since it is set as one.
func flattenConfig(text string) ([]configValue, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return nil, err
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is not a YAML mapping")
	}
	return flatten(nil, "", root.Content[0])
}

func flatten(values []configValue, path string, n *yaml.Node) (_ []configValue, err error) {
	switch {
	case n.Kind == yaml.AliasNode:
		return nil, fmt.Errorf("line %d: a resolved config has no aliases", n.Line)
	case n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if values, err = flatten(values, join(path, n.Content[i].Value), n.Content[i+1]); err != nil {
				return nil, err
			}
		}
	case n.Kind == yaml.SequenceNode && !isPlainList(n):
		for i, item := range n.Content {
			if values, err = flatten(values, join(path, strconv.Itoa(i)), item); err != nil {
				return nil, err
			}
		}
	default:
		v := configValue{path: path}
		v.value, v.number = canonical(n)
		values = append(values, v)
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

// canonicalText is canonical of a value typed into a filter.
func canonicalText(text string) (string, *float64) {
	var n yaml.Node
	if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) != 1 {
		return text, nil
	}
	if k := n.Content[0].Kind; k != yaml.ScalarNode && !(k == yaml.SequenceNode && isPlainList(n.Content[0])) {
		return text, nil
	}
	return canonical(n.Content[0])
}

func isPlainList(n *yaml.Node) bool {
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return false
		}
	}
	return true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
