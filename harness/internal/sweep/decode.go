package sweep

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/search"
	"flowharness/harness/internal/yamlfile"
)

// Parse reads the text of a sweep file; name stands for the file in errors.
// What is wrong with it is one [*yamlfile.Errors]. The base is as it is given: it
// is [Load] that looks for it beside the file.
func Parse(name string, text []byte) (*File, error) {
	root, err := yamlfile.Parse(name, text)
	if err != nil {
		return nil, err
	}
	r := &reader{yamlfile.NewReader(name), root}
	f := &File{Path: name, Source: text, Launcher: LauncherLocal}
	if root == nil {
		r.FailAt(1, 1, "", "it is empty; a sweep names its base config and what is varied about it")
		return nil, r.Err()
	}
	r.read(yamlfile.Root("", root), f)
	if f.Name == "" {
		f.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	if r.Problems() == 0 {
		r.check(f)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// reader reads the parts of a sweep file.
type reader struct {
	*yamlfile.Reader
	root *yaml.Node
}

func (r *reader) read(e yamlfile.Entry, f *File) {
	for _, e := range r.Mapping(e, "name", "base", "matrix", "zip", "include", "exclude", "seeds", "search", "retries", "launcher", "jobs",
		"calibrate", "slurm", "compare") {
		switch e.Name {
		case "name":
			r.Word(e, &f.Name)
		case "base":
			r.Word(e, &f.Base)
		case "matrix":
			f.Matrix = r.matrix(e)
		case "zip":
			f.Zip = r.zips(e)
		case "include":
			f.Include = r.combinations(e)
		case "exclude":
			f.Exclude = r.combinations(e)
		case "seeds":
			f.Seeds = r.seeds(e)
		case "search":
			f.Search = &Search{Method: search.Sobol}
			search.Read(r.Reader, e, f.Search)
		case "retries":
			r.Count(e, &f.Retries)
		case "launcher":
			r.Word(e, &f.Launcher)
		case "jobs":
			r.Count(e, &f.Jobs)
		case "calibrate":
			r.Bool(e, &f.Calibrate)
		case "slurm":
			r.slurm(e, &f.Slurm)
		case "compare":
			r.compare(e, &f.Compare)
		}
	}
}

func (r *reader) slurm(e yamlfile.Entry, s *Slurm) {
	for _, e := range r.Mapping(e, "partition", "account", "time", "gpus", "cpus", "memory", "extra", "array_size") {
		switch e.Name {
		case "partition":
			r.Word(e, &s.Partition)
		case "account":
			r.Word(e, &s.Account)
		case "time":
			r.Word(e, &s.Time)
		case "gpus":
			r.Count(e, &s.GPUs)
		case "cpus":
			r.Count(e, &s.CPUs)
		case "memory":
			r.Word(e, &s.Memory)
		case "extra":
			r.Words(e, &s.Extra)
		case "array_size":
			if r.Count(e, &s.ArraySize); s.ArraySize < 1 && !r.IsBroken(e.Path) {
				r.Fail(e.Path, e.Key, "must be at least 1: the most tasks of one array")
			}
		}
	}
}

func (r *reader) compare(e yamlfile.Entry, c *Compare) {
	for _, e := range r.Mapping(e, "group_by", "metrics", "sampler", "steps", "guidance", "fail_if") {
		switch e.Name {
		case "group_by":
			r.Words(e, &c.GroupBy)
		case "metrics":
			r.Words(e, &c.Metrics)
		case "sampler":
			r.Word(e, &c.Sampler)
		case "steps":
			r.Count(e, &c.Steps)
		case "guidance":
			c.Guidance = new(float64)
			r.Number(e, c.Guidance)
		case "fail_if":
			r.conditions(e, &c.FailIf)
		}
	}
}

func (r *reader) conditions(e yamlfile.Entry, out *[]string) {
	for _, item := range r.Some(e, "[accuracy < baseline]") {
		var text string
		r.Word(item, &text)
		var wrong *condition.ExpressionError
		if errors.As(condition.Parse(text), &wrong) && !r.IsBroken(item.Path) {
			r.Fail(item.Path, item.Key, "column %d of the condition: %s", wrong.Column, wrong.Problem)
		}
		*out = append(*out, text)
	}
}

func (r *reader) seeds(e yamlfile.Entry) []uint64 {
	var seeds []uint64
	for _, item := range r.Some(e, "[0, 1, 2]") {
		var seed uint64
		r.Seed(item, &seed)
		if !r.IsBroken(item.Path) && slices.Contains(seeds, seed) {
			r.Fail(item.Path, item.Key, "%d is given twice", seed)
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

// matrix reads paths with lists of values, each of which is given once.
func (r *reader) matrix(e yamlfile.Entry) []Axis {
	var list []Axis
	for _, e := range r.Mapping(e) {
		axis := Axis{e.Name, r.values(e)}
		for i, v := range axis.Values {
			if j := slices.IndexFunc(axis.Values[:i], func(other string) bool { return meaningOf(other) == meaningOf(v) }); j >= 0 {
				r.Fail(e.Path, e.Value.Content[i], "holds %s twice%s", v, spelledAs(v, axis.Values[j]))
			}
		}
		list = append(list, axis)
	}
	return list
}

func spelledAs(value, first string) string {
	if value == first {
		return ""
	}
	return ", first as " + first
}

func (r *reader) values(e yamlfile.Entry) []string {
	var values []string
	for _, item := range r.Some(e, "[1e-3, 3e-4]") {
		values = append(values, r.value(item))
	}
	return values
}

// zips reads one mapping of paths to lists of values, or a list of such.
func (r *reader) zips(e yamlfile.Entry) [][]Axis {
	if e.Value.Kind != yaml.SequenceNode {
		return [][]Axis{r.zip(e)}
	}
	var list [][]Axis
	for _, item := range r.Some(e, "[{train.lr: [1e-3, 3e-4]}]") {
		list = append(list, r.zip(item))
	}
	return list
}

func (r *reader) zip(e yamlfile.Entry) []Axis {
	var axes []Axis
	for _, e := range r.Mapping(e) {
		axis := Axis{e.Name, r.values(e)}
		if len(axes) > 0 && len(axis.Values) != len(axes[0].Values) && len(axis.Values) > 0 {
			r.Fail(e.Path, e.Key, "has %d values, but %s has %d; those of one zip go together one by one",
				len(axis.Values), axes[0].Path, len(axes[0].Values))
		}
		axes = append(axes, axis)
	}
	if e.Value.Kind == yaml.MappingNode && len(e.Value.Content) == 0 {
		r.Fail(e.Path, e.Key, "is empty; name the config paths and their values")
	}
	return axes
}

// combinations reads a list of mappings of paths to values.
func (r *reader) combinations(e yamlfile.Entry) []Assignments {
	var list []Assignments
	for _, item := range r.Some(e, "[{train.lr: 1e-3}]") {
		var s Assignments
		for _, e := range r.Mapping(item) {
			s = append(s, search.Assignment{Path: e.Name, Value: r.value(e)})
		}
		if item.Value.Kind == yaml.MappingNode && len(item.Value.Content) == 0 {
			r.Fail(item.Path, item.Key, "is empty; name at least one config path and its value")
		}
		list = append(list, s)
	}
	return list
}

// value is a YAML value on one line.
func (r *reader) value(e yamlfile.Entry) string {
	switch {
	case e.Value.Tag == "!!null" && e.Value.Value == "":
		r.Fail(e.Path, e.Key, "has no value; write null for the default")
		return ""
	case isMarked(e.Value):
		r.Fail(e.Path, e.Key, "anchors, aliases and tags are not supported; write the value out")
		return ""
	}
	text, err := yaml.Marshal(flow(e.Value))
	line := strings.TrimSuffix(string(text), "\n")
	if err != nil || strings.ContainsAny(line, "\n\r") {
		r.Fail(e.Path, e.Key, "must fit on one line")
	}
	return line
}

// isMarked tells whether a value, or a part of it, has an anchor or a tag, or
// stands for another one.
func isMarked(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 || slices.ContainsFunc(n.Content, isMarked)
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
