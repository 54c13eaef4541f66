package runpage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/yamlfile"
)

// configView is the config of a run as a tree.
type configView struct {
	Nodes   []configNode
	Base    string // what marked values differ from, in words
	Changed int    // values that are marked
	Toggle  string // address with the filter the other way
	Differs bool   // only what differs is shown
	Problem string // why there is no tree

	Resolved, Source string
	Overrides        []string
}

// configNode is a value, or a section with those in it.
type configNode struct {
	Key, Path string
	Value     string // of a leaf
	Nodes     []configNode
	Section   bool
	Changed   bool   // a leaf that differs, or a section that holds one
	Origin    string // who said so: "config file", "--set"; "": nobody, or the base
	Default   string // what it would be otherwise, as in "default 0"; "": the same, or not known
}

// newConfigView makes the tree. Values are compared with those of the base, or
// with the defaults if there is none. Of the base of an older run only the name is
// recorded: what such a run changes is what its own file and --set say.
func newConfigView(run *store.Run, q runQuery) configView {
	v := configView{Resolved: run.ResolvedYAML, Source: run.SourceYAML, Overrides: run.Overrides, Differs: q.Differs}
	other := q
	other.Differs = !q.Differs
	v.Toggle = other.address(run.Slug) + "#config"
	resolved, err := yamlfile.Mapping(run.ResolvedYAML)
	if err != nil {
		v.Problem = err.Error()
		return v
	}
	source, _ := yamlfile.Mapping(run.SourceYAML) // written by a user; what it does not say, it does not say
	m := marker{source: leafValues(source), sets: overriddenPaths(run.Overrides), defaults: defaultValues(source, resolved), other: "default",
		differs: q.Differs}
	v.Base = "Marked is what differs from the defaults."
	base := child(source, "base")
	inherited, err := yamlfile.Mapping(run.BaseYAML)
	switch {
	case base == nil || base.Value == "":
	case err == nil:
		m.defaults = leafValues(inherited)
		delete(m.defaults, "name") // it is not inherited
		v.Base, m.other = fmt.Sprintf("Marked is what differs from its base, %s.", base.Value), "base"
	default:
		m.base = true
		v.Base = fmt.Sprintf("It is based on %s. Marked is what the run's own file and --set say; the text of the base is not recorded.",
			base.Value)
	}
	v.Nodes = m.nodes("", resolved)
	v.Changed = m.changed
	return v
}

// marker builds a tree and marks what differs.
type marker struct {
	source   map[string]string // what the config file itself says
	sets     []string          // paths of overrides
	defaults map[string]string
	other    string // what defaults are: "default" or "base"
	base     bool   // there is a base, of which nothing is known
	differs  bool   // leave out the rest
	changed  int
}

func (m *marker) nodes(path string, n *yaml.Node) []configNode {
	var list []configNode
	add := func(key string, value *yaml.Node) {
		node := configNode{Key: key, Path: yamlfile.Join(path, key)}
		if yamlfile.IsPlain(value) {
			node.Value = leafText(value)
			m.mark(&node)
		} else {
			node.Section = true
			node.Nodes = m.nodes(node.Path, value)
			node.Changed = slices.ContainsFunc(node.Nodes, func(c configNode) bool { return c.Changed })
		}
		if !m.differs || node.Changed {
			list = append(list, node)
		}
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			add(n.Content[i].Value, n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			add(strconv.Itoa(i), item)
		}
	}
	return list
}

// mark decides whether a value differs, and who said it.
func (m *marker) mark(n *configNode) {
	standard, known := m.defaults[n.Path]
	_, inFile := m.source[n.Path]
	within := func(paths []string) bool {
		return slices.ContainsFunc(paths, func(p string) bool {
			return n.Path == p || strings.HasPrefix(n.Path, p+".") || strings.HasPrefix(p, n.Path+".")
		})
	}
	set := within(m.sets)
	// A list in the file can be written in a short form, which stands for more.
	inFile = inFile || within(listPaths(m.source, n.Path))
	switch {
	case set:
		n.Origin = "--set"
	case inFile:
		n.Origin = "config file"
	}
	if known && standard != n.Value {
		n.Default = m.other + " " + standard
	}
	differs := !known || standard != n.Value
	if m.base {
		n.Changed = set || inFile
	} else {
		n.Changed = differs
	}
	if n.Changed {
		m.changed++
	}
}

// listPaths are the paths of values of which a path is a part.
func listPaths(values map[string]string, path string) []string {
	var list []string
	for at := strings.LastIndexByte(path, '.'); at > 0; at = strings.LastIndexByte(path[:at], '.') {
		if _, ok := values[path[:at]]; ok {
			list = append(list, path[:at])
		}
	}
	return list
}

// defaultValues are those of a config of the same process that says nothing else.
func defaultValues(source, resolved *yaml.Node) map[string]string {
	process := config.Defaults().Process.Name
	if n := child(child(resolved, "process"), "name"); n != nil {
		process = n.Value
	}
	c, err := config.Parse("defaults", []byte("train: {steps: 1}\nprocess: {name: "+strconv.Quote(process)+"}\n"), nil)
	if err != nil {
		return nil
	}
	root, err := yamlfile.Mapping(string(c.YAML))
	if err != nil {
		return nil
	}
	values := leafValues(root)
	values["process.name"] = config.Defaults().Process.Name
	for _, path := range []string{"name", "train.steps", "train.epochs"} {
		delete(values, path) // they have no default
	}
	if child(source, "train") == nil { // nobody has said how long
		values["train.steps"], values["train.epochs"] = "0", "0"
	}
	return values
}

// overriddenPaths are the keys of KEY=VALUE.
func overriddenPaths(overrides []string) []string {
	var paths []string
	for _, o := range overrides {
		path, _, _ := strings.Cut(o, "=")
		paths = append(paths, strings.TrimSpace(path))
	}
	return paths
}

// child is a value of a mapping; nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// leafValues are the values of a config by their paths.
func leafValues(n *yaml.Node) map[string]string {
	values := map[string]string{}
	if n == nil || n.Kind != yaml.MappingNode {
		return values
	}
	for _, leaf := range yamlfile.Leaves(n, yamlfile.IsPlain) {
		values[leaf.Path] = leafText(leaf.Node)
	}
	return values
}

func leafText(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			items[i] = item.Value
		}
		return "[" + strings.Join(items, ", ") + "]"
	case yaml.MappingNode:
		return "{}"
	}
	return n.Value
}
