package sweep

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/search"
)

// Parse reads the text of a sweep file; name stands for the file in errors.
// What is wrong with it is one [*config.Errors].
func Parse(name string, text []byte) (*File, error) {
	r := &reader{file: name}
	f := &File{Path: name, Source: text, Launcher: LauncherLocal}
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); err != nil || len(document.Content) == 0 {
		message := "it is empty; a sweep names its base config and what is varied about it"
		if err != nil && len(bytes.TrimSpace(text)) > 0 {
			message = strings.TrimPrefix(err.Error(), "yaml: ")
		}
		r.failAt(1, 1, "", "%s", message)
		return nil, r.errors()
	}
	root := document.Content[0]
	r.fields("", root, map[string]func(key string, n *yaml.Node){
		"name":     func(key string, n *yaml.Node) { r.decode(key, n, &f.Name) },
		"base":     func(key string, n *yaml.Node) { r.decode(key, n, &f.Base) },
		"matrix":   func(key string, n *yaml.Node) { f.Matrix = r.axes(key, n) },
		"zip":      func(key string, n *yaml.Node) { f.Zip = r.zips(key, n) },
		"include":  func(key string, n *yaml.Node) { f.Include = r.settings(key, n) },
		"exclude":  func(key string, n *yaml.Node) { f.Exclude = r.settings(key, n) },
		"seeds":    func(key string, n *yaml.Node) { r.decode(key, n, &f.Seeds) },
		"search":   func(key string, n *yaml.Node) { f.Search = &Search{}; r.decode(key, n, f.Search) },
		"retries":  func(key string, n *yaml.Node) { r.decode(key, n, &f.Retries) },
		"launcher": func(key string, n *yaml.Node) { r.decode(key, n, &f.Launcher) },
		"jobs":     func(key string, n *yaml.Node) { r.decode(key, n, &f.Jobs) },
		"slurm":    func(key string, n *yaml.Node) { r.strict(key, n, &f.Slurm) },
		"compare":  func(key string, n *yaml.Node) { r.strict(key, n, &f.Compare) },
	})
	if f.Name == "" {
		f.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	if len(r.problems) == 0 {
		r.check(f, root)
	}
	if len(r.problems) > 0 {
		return nil, r.errors()
	}
	return f, nil
}

// reader collects what is wrong with a file.
type reader struct {
	file     string
	problems []config.Problem
}

func (r *reader) fail(key string, n *yaml.Node, format string, args ...any) {
	r.failAt(n.Line, n.Column, key, format, args...)
}

func (r *reader) failAt(line, column int, key, format string, args ...any) {
	r.problems = append(r.problems, config.Problem{Place: config.Place{File: r.file, Line: line, Column: column}, Key: key, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) errors() error { return &config.Errors{Problems: r.problems} }

// fields calls for each key of a mapping what reads it.
func (r *reader) fields(path string, n *yaml.Node, known map[string]func(key string, n *yaml.Node)) {
	r.mapping(path, n, func(key *yaml.Node, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			r.fail(key.Value, key, "unknown key; use one of %s", strings.Join(names, ", "))
			return
		}
		read(key.Value, value)
	})
}

// mapping calls f for each key of a mapping, once.
func (r *reader) mapping(path string, n *yaml.Node, f func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(path, n, "must be a mapping of keys to values")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch line, again := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || hasAlias(value):
			r.fail(path, key, "anchors, aliases and merging are not supported; write the value out")
		case again:
			r.fail(join(path, key.Value), key, "is given twice, first in line %d", line)
		default:
			seen[key.Value] = key.Line
			f(key, value)
		}
	}
}

// decode reads a value of a plain type.
func (r *reader) decode(key string, n *yaml.Node, out any) {
	if n.Tag == "!!null" {
		r.fail(key, n, "has no value; give it one or remove it")
		return
	}
	err := n.Decode(out)
	var found *search.Errors
	switch {
	case errors.As(err, &found):
		for _, p := range found.Problems {
			r.failAt(max(p.Line, 1), max(p.Column, 1), p.Key, "%s", p.Message)
		}
	case err != nil:
		r.fail(key, n, "%s", plainError(err))
	}
}

// strict reads a mapping into a struct that knows all its keys.
func (r *reader) strict(key string, n *yaml.Node, out any) {
	text, err := yaml.Marshal(n)
	if err != nil {
		r.fail(key, n, "%s", plainError(err))
		return
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(out); err != nil {
		r.fail(key, n, "%s", plainError(err))
	}
}

var (
	yamlPrefix = regexp.MustCompile(`(?m)^\s*(yaml: )?(unmarshal errors:\s*)?(line \d+: )?`)
	inType     = regexp.MustCompile(`field (\S+) not found in type \S+`)
	goTypes    = strings.NewReplacer("!!seq", "a list", "!!map", "a mapping", "!!str", "the text", "!!int", "the number", "!!float", "the number", "!!bool", "",
		"into []uint64", "where a list of whole numbers from 0 is expected", "into uint64", "where a whole number from 0 is expected",
		"into int", "where a whole number is expected", "into string", "where text is expected",
		"into []string", "where a list of text is expected", "into float64", "where a number is expected")
)

// plainError is a message of the YAML library without its talk of Go.
func plainError(err error) string {
	text := yamlPrefix.ReplaceAllString(err.Error(), "")
	text = inType.ReplaceAllString(text, "unknown key $1")
	text = strings.ReplaceAll(text, "cannot unmarshal ", "it is ")
	return strings.ReplaceAll(strings.TrimSpace(goTypes.Replace(text)), "\n", "; ")
}

// axes reads paths with lists of values.
func (r *reader) axes(path string, n *yaml.Node) []Axis {
	var list []Axis
	r.mapping(path, n, func(key, value *yaml.Node) {
		axis := Axis{Path: key.Value}
		at := join(path, key.Value)
		if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
			r.fail(at, value, "must be a list of values, such as [1e-3, 3e-4]")
			return
		}
		for _, v := range value.Content {
			text := r.value(at, v)
			if slices.Contains(axis.Values, text) {
				r.fail(at, v, "holds %s twice", text)
			}
			axis.Values = append(axis.Values, text)
		}
		list = append(list, axis)
	})
	return list
}

// zips reads one mapping of axes, or a list of them.
func (r *reader) zips(path string, n *yaml.Node) [][]Axis {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	var list [][]Axis
	for i, node := range nodes {
		at := path
		if len(nodes) > 1 {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		axes := r.axes(at, node)
		for _, a := range axes {
			if len(a.Values) != len(axes[0].Values) {
				r.fail(join(at, a.Path), node, "has %d values, but %s has %d; those of one zip go together one by one", len(a.Values), axes[0].Path, len(axes[0].Values))
			}
		}
		if len(axes) > 0 {
			list = append(list, axes)
		}
	}
	return list
}

// settings reads a list of mappings of paths to values.
func (r *reader) settings(path string, n *yaml.Node) []Setting {
	if n.Kind != yaml.SequenceNode {
		r.fail(path, n, "must be a list of mappings, such as - {train.lr: 1e-3}")
		return nil
	}
	var list []Setting
	for i, item := range n.Content {
		var s Setting
		at := fmt.Sprintf("%s[%d]", path, i)
		r.mapping(at, item, func(key, value *yaml.Node) {
			s = append(s, Assignment{key.Value, r.value(join(at, key.Value), value)})
		})
		if len(s) == 0 && item.Kind == yaml.MappingNode {
			r.fail(at, item, "is empty; name at least one config path and its value")
		}
		list = append(list, s)
	}
	return list
}

// value is a YAML value on one line.
func (r *reader) value(path string, n *yaml.Node) string {
	plain := flow(n)
	text, err := yaml.Marshal(plain)
	line := strings.TrimSuffix(string(text), "\n")
	if err != nil || strings.ContainsAny(line, "\n\r") {
		r.fail(path, n, "must fit on one line")
	}
	return line
}

// flow copies a value without comments, in the style of one line.
func flow(n *yaml.Node) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style &^ (yaml.LiteralStyle | yaml.FoldedStyle)}
	if n.Kind != yaml.ScalarNode {
		c.Style = yaml.FlowStyle
	}
	for _, child := range n.Content {
		c.Content = append(c.Content, flow(child))
	}
	return c
}

func hasAlias(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || slices.ContainsFunc(n.Content, hasAlias)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
