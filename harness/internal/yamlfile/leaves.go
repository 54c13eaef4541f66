package yamlfile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Leaf is a value of a document.
type Leaf struct {
	Path string // keys and positions in lists, with dots between them: sampling.samplers.0.name
	Node *yaml.Node
}

// Leaves lists the values of a mapping in their order. What is one value, and not
// several, whole says; see [IsPlain].
func Leaves(mapping *yaml.Node, whole func(*yaml.Node) bool) []Leaf {
	var list []Leaf
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch {
		case path != "" && whole(n):
			list = append(list, Leaf{path, n})
		case n.Kind == yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(Join(path, n.Content[i].Value), n.Content[i+1])
			}
		case n.Kind == yaml.SequenceNode:
			for i, item := range n.Content {
				walk(Join(path, strconv.Itoa(i)), item)
			}
		}
	}
	walk("", mapping)
	return list
}

// IsPlain tells whether a node is given as one value: a scalar, a list of scalars,
// which is set as one, or a mapping without keys.
func IsPlain(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.MappingNode:
		return len(n.Content) == 0
	case yaml.SequenceNode:
		return !slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return item.Kind != yaml.ScalarNode })
	}
	return true
}

// IsScalarOrList tells whether a node is anything but a mapping.
func IsScalarOrList(n *yaml.Node) bool { return n.Kind != yaml.MappingNode }

// Mapping returns the mapping that a text is, as a resolved config is one.
func Mapping(text string) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return nil, fmt.Errorf("it is not YAML: %w", err)
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is not a YAML mapping")
	}
	return root.Content[0], nil
}
