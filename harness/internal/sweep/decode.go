package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/search"
)

// Parse reads the text of a sweep file; name stands for the file in errors.
// What is wrong with it is one [*config.Errors]. The base is as it is given: it
// is [Load] that looks for it beside the file.
func Parse(name string, text []byte) (*File, error) {
	root, err := config.ParseYAML(name, text)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name, root: root}
	f := &File{Path: name, Source: text, Launcher: LauncherLocal}
	if root == nil {
		r.failAt(1, 1, "", "it is empty; a sweep names its base config and what is varied about it")
		return nil, r.errors()
	}
	r.fields("", root, map[string]func(key string, n *yaml.Node){
		"name":      func(key string, n *yaml.Node) { r.text(key, n, &f.Name) },
		"base":      func(key string, n *yaml.Node) { r.text(key, n, &f.Base) },
		"matrix":    func(key string, n *yaml.Node) { f.Matrix = r.matrix(key, n) },
		"zip":       func(key string, n *yaml.Node) { f.Zip = r.zips(key, n) },
		"include":   func(key string, n *yaml.Node) { f.Include = r.settings(key, n) },
		"exclude":   func(key string, n *yaml.Node) { f.Exclude = r.settings(key, n) },
		"seeds":     func(key string, n *yaml.Node) { f.Seeds = r.seeds(key, n) },
		"search":    func(key string, n *yaml.Node) { f.Search = r.search(n) },
		"retries":   func(key string, n *yaml.Node) { r.count(key, n, &f.Retries) },
		"launcher":  func(key string, n *yaml.Node) { r.text(key, n, &f.Launcher) },
		"jobs":      func(key string, n *yaml.Node) { r.count(key, n, &f.Jobs) },
		"calibrate": func(key string, n *yaml.Node) { r.flag(key, n, &f.Calibrate) },
		"slurm":     func(key string, n *yaml.Node) { r.slurm(key, n, &f.Slurm) },
		"compare":   func(key string, n *yaml.Node) { r.compare(key, n, &f.Compare) },
	})
	if f.Name == "" {
		f.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	if len(r.problems) == 0 {
		r.check(f)
	}
	if len(r.problems) > 0 {
		return nil, r.errors()
	}
	return f, nil
}

// reader collects what is wrong with a file.
type reader struct {
	file     string
	root     *yaml.Node
	problems []config.Problem
}

func (r *reader) fail(key string, n *yaml.Node, format string, args ...any) {
	r.failAt(n.Line, n.Column, key, format, args...)
}

func (r *reader) failAt(line, column int, key, format string, args ...any) {
	r.problems = append(r.problems, config.Problem{Place: config.Place{File: r.file, Line: line, Column: column}, Key: key, Message: fmt.Sprintf(format, args...)})
}

// errors are the problems in the order of their places.
func (r *reader) errors() error {
	slices.SortStableFunc(r.problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &config.Errors{Problems: r.problems}
}

// fields calls for each key of a mapping what reads it.
func (r *reader) fields(path string, n *yaml.Node, known map[string]func(key string, n *yaml.Node)) {
	r.mapping(path, n, func(key string, name, value *yaml.Node) {
		read, ok := known[name.Value]
		if !ok {
			r.fail(key, name, "unknown key; use one of %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			return
		}
		read(key, value)
	})
}

// mapping calls f for each key of a mapping, once, with its path and its value.
func (r *reader) mapping(path string, n *yaml.Node, f func(key string, name, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(path, n, "must be a mapping of keys to values, got %s", config.Describe(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := join(path, name.Value)
		switch line, again := seen[name.Value]; {
		case name.Kind != yaml.ScalarNode || name.Tag == "!!merge" || isMarked(name):
			r.fail(path, name, "a key must be a plain word, without anchors, tags and merging")
		case isMarked(value):
			r.fail(key, name, "anchors, aliases and tags are not supported; write the value out")
		case again:
			r.fail(key, name, "is given twice, first in line %d", line)
		case value.Tag == "!!null" && value.Value == "":
			r.fail(key, name, "has no value; give it one, or remove it")
			seen[name.Value] = name.Line
		default:
			seen[name.Value] = name.Line
			f(key, name, value)
		}
	}
}

// isMarked tells whether a value, or a part of it, has an anchor or a tag, or
// stands for another one.
func isMarked(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 || slices.ContainsFunc(n.Content, isMarked)
}

// text reads a word; a number is one, too, as it is written.
func (r *reader) text(key string, n *yaml.Node, out *string) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!bool" {
		r.fail(key, n, "must be text, got %s", config.Describe(n))
		return
	}
	*out = n.Value
}

func (r *reader) texts(key string, n *yaml.Node, out *[]string) {
	for i, item := range r.list(key, n, "[one, two]") {
		var text string
		r.text(fmt.Sprintf("%s[%d]", key, i), item, &text)
		*out = append(*out, text)
	}
}

// list is what a list holds; example is how one could be written.
func (r *reader) list(key string, n *yaml.Node, example string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.fail(key, n, "must be a list, such as %s, got %s", example, config.Describe(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.fail(key, n, "is empty; give it values, or remove it")
	}
	return n.Content
}

// count reads a whole number from 0.
func (r *reader) count(key string, n *yaml.Node, out *int) {
	if v, ok := r.whole(key, n); ok {
		*out = int(min(v, math.MaxInt32)) // what is larger is out of the bounds of every key
	}
}

// whole reads a whole number from 0 to the largest seed.
func (r *reader) whole(key string, n *yaml.Node) (v uint64, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Style != 0 || !digits.MatchString(n.Value) {
		r.fail(key, n, "must be a whole number from 0, written in digits alone, got %s", config.Describe(n))
		return 0, false
	}
	v, err := strconv.ParseUint(n.Value, 10, 63)
	if err != nil {
		r.fail(key, n, "must be at most %d, got %s", math.MaxInt64, n.Value)
	}
	return v, err == nil
}

var digits = regexp.MustCompile(`^(0|[1-9][0-9]{0,30})$`)

func (r *reader) flag(key string, n *yaml.Node, out *bool) {
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.Value != "true" && n.Value != "false" {
		r.fail(key, n, "must be true or false, got %s", config.Describe(n))
		return
	}
	*out = n.Value == "true"
}

func (r *reader) number(key string, n *yaml.Node) *float64 {
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || n.Style != 0 || err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		r.fail(key, n, "must be a number, got %s", config.Describe(n))
		return nil
	}
	return &v
}

func (r *reader) seeds(key string, n *yaml.Node) []uint64 {
	var seeds []uint64
	for i, item := range r.list(key, n, "[0, 1, 2]") {
		at := fmt.Sprintf("%s[%d]", key, i)
		seed, ok := r.whole(at, item)
		if ok && slices.Contains(seeds, seed) {
			r.fail(at, item, "%d is given twice", seed)
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

func (r *reader) search(n *yaml.Node) *Search {
	s := &Search{}
	var found *search.Errors
	if err := s.UnmarshalYAML(n); errors.As(err, &found) {
		for _, p := range found.Problems {
			r.failAt(max(p.Line, 1), max(p.Column, 1), p.Key, "%s", p.Message)
		}
	}
	return s
}

func (r *reader) slurm(key string, n *yaml.Node, s *Slurm) {
	r.fields(key, n, map[string]func(key string, n *yaml.Node){
		"partition": func(key string, n *yaml.Node) { r.text(key, n, &s.Partition) },
		"account":   func(key string, n *yaml.Node) { r.text(key, n, &s.Account) },
		"time":      func(key string, n *yaml.Node) { r.text(key, n, &s.Time) },
		"gpus":      func(key string, n *yaml.Node) { r.count(key, n, &s.GPUs) },
		"cpus":      func(key string, n *yaml.Node) { r.count(key, n, &s.CPUs) },
		"memory":    func(key string, n *yaml.Node) { r.text(key, n, &s.Memory) },
		"extra":     func(key string, n *yaml.Node) { r.texts(key, n, &s.Extra) },
		"array_size": func(key string, n *yaml.Node) {
			if r.count(key, n, &s.ArraySize); s.ArraySize < 1 && digits.MatchString(n.Value) {
				r.fail(key, n, "must be at least 1: the most tasks of one array")
			}
		},
	})
}

func (r *reader) compare(key string, n *yaml.Node, c *Compare) {
	r.fields(key, n, map[string]func(key string, n *yaml.Node){
		"group_by": func(key string, n *yaml.Node) { r.texts(key, n, &c.GroupBy) },
		"metrics":  func(key string, n *yaml.Node) { r.texts(key, n, &c.Metrics) },
		"sampler":  func(key string, n *yaml.Node) { r.text(key, n, &c.Sampler) },
		"steps":    func(key string, n *yaml.Node) { r.count(key, n, &c.Steps) },
		"guidance": func(key string, n *yaml.Node) { c.Guidance = r.number(key, n) },
		"fail_if": func(key string, n *yaml.Node) {
			r.texts(key, n, &c.FailIf)
			for i, text := range c.FailIf {
				var wrong *condition.ExpressionError
				if errors.As(condition.Parse(text), &wrong) {
					r.fail(fmt.Sprintf("%s[%d]", key, i), n.Content[i], "column %d of the condition: %s", wrong.Column, wrong.Problem)
				}
			}
		},
	})
}

// matrix reads paths with lists of values, each of which is given once.
func (r *reader) matrix(path string, n *yaml.Node) []Axis {
	var list []Axis
	r.mapping(path, n, func(key string, name, value *yaml.Node) {
		axis := Axis{name.Value, r.values(key, value)}
		for i, v := range axis.Values {
			if j := slices.IndexFunc(axis.Values[:i], func(other string) bool { return meaningOf(other) == meaningOf(v) }); j >= 0 {
				r.fail(key, value.Content[i], "holds %s twice%s", v, spelledAs(v, axis.Values[j]))
			}
		}
		list = append(list, axis)
	})
	return list
}

func spelledAs(value, first string) string {
	if value == first {
		return ""
	}
	return ", first as " + first
}

func (r *reader) values(key string, n *yaml.Node) []string {
	var values []string
	for i, item := range r.list(key, n, "[1e-3, 3e-4]") {
		values = append(values, r.value(fmt.Sprintf("%s[%d]", key, i), item))
	}
	return values
}

// zips reads one mapping of paths to lists of values, or a list of such.
func (r *reader) zips(path string, n *yaml.Node) [][]Axis {
	if n.Kind != yaml.SequenceNode {
		return [][]Axis{r.zip(path, n)}
	}
	var list [][]Axis
	for i, item := range r.list(path, n, "[{train.lr: [1e-3, 3e-4]}]") {
		list = append(list, r.zip(fmt.Sprintf("%s[%d]", path, i), item))
	}
	return list
}

func (r *reader) zip(path string, n *yaml.Node) []Axis {
	var axes []Axis
	r.mapping(path, n, func(key string, name, value *yaml.Node) {
		axis := Axis{name.Value, r.values(key, value)}
		if len(axes) > 0 && len(axis.Values) != len(axes[0].Values) && len(axis.Values) > 0 {
			r.fail(key, name, "has %d values, but %s has %d; those of one zip go together one by one", len(axis.Values), axes[0].Path, len(axes[0].Values))
		}
		axes = append(axes, axis)
	})
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		r.fail(path, n, "is empty; name the config paths and their values")
	}
	return axes
}

// settings reads a list of mappings of paths to values.
func (r *reader) settings(path string, n *yaml.Node) []Setting {
	var list []Setting
	for i, item := range r.list(path, n, "[{train.lr: 1e-3}]") {
		var s Setting
		at := fmt.Sprintf("%s[%d]", path, i)
		r.mapping(at, item, func(key string, name, value *yaml.Node) {
			s = append(s, Assignment{name.Value, r.value(key, value)})
		})
		if item.Kind == yaml.MappingNode && len(item.Content) == 0 {
			r.fail(at, item, "is empty; name at least one config path and its value")
		}
		list = append(list, s)
	}
	return list
}

// value is a YAML value on one line.
func (r *reader) value(path string, n *yaml.Node) string {
	if n.Tag == "!!null" && n.Value == "" {
		r.fail(path, n, "has no value; write null for the default")
		return ""
	}
	text, err := yaml.Marshal(flow(n))
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

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
