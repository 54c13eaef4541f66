package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/suggest"
)

// UnmarshalYAML reads the section "search" strictly: an unknown key, one given
// twice, a wrong type and everything that [Config.Validate] refuses is a problem
// with its place, and all of them are returned at once as [*Errors]. The config
// is left alone then.
func (c *Config) UnmarshalYAML(n *yaml.Node) error {
	d := &decoder{places: map[string]*yaml.Node{}}
	decoded := Config{Method: Sobol}
	d.config(n, &decoded)
	for _, p := range decoded.problems() {
		if !d.isBroken(p.Key) {
			at := d.place(p.Key, n)
			p.Line, p.Column = at.Line, at.Column
			d.problems = append(d.problems, p)
		}
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return &Errors{d.problems}
	}
	*c = decoded
	return nil
}

// MarshalYAML writes the space as it is read: a mapping in its order.
func (s Space) MarshalYAML() (any, error) {
	space := &yaml.Node{Kind: yaml.MappingNode}
	for _, d := range s {
		values := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		if d.Choices != nil {
			values.Kind = yaml.SequenceNode
			for _, text := range d.Choices {
				var document yaml.Node
				if err := yaml.Unmarshal([]byte(text), &document); err != nil || document.Kind != yaml.DocumentNode {
					return nil, fmt.Errorf("writing search.space.%s: %q is no YAML scalar", d.Path, text)
				}
				values.Content = append(values.Content, document.Content[0])
			}
		} else {
			values.Content = append(values.Content, word("min"), word(shortest(d.Min)), word("max"), word(shortest(d.Max)))
			if d.Integer {
				values.Content = append(values.Content, word("integer"), word("true"))
			}
			if d.Log {
				values.Content = append(values.Content, word("log"), word("true"))
			}
		}
		space.Content = append(space.Content, word(d.Path), values)
	}
	return space, nil
}

func word(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

// decoder reads nodes. A value that is refused is left out, so that the walk
// goes on and finds what else is wrong.
type decoder struct {
	problems []Problem
	places   map[string]*yaml.Node // of the keys that were given
	broken   []string              // the keys whose values are not known
}

func (d *decoder) config(n *yaml.Node, c *Config) {
	const path = "search"
	for _, e := range d.mapping(path, n, n, "method", "budget", "seed", "space", "objective", "stopping") {
		switch e.name {
		case "method":
			d.text(e, &c.Method)
		case "budget":
			d.count(e, &c.Budget)
		case "seed":
			d.seed(e, &c.Seed)
		case "space":
			d.space(e, &c.Space)
		case "objective":
			d.objective(e, &c.Objective)
		case "stopping":
			d.stopping(e, &c.Stopping)
		}
	}
	d.require(path, n, "budget", "space", "objective")
}

func (d *decoder) objective(e entry, o *Objective) {
	for _, e := range d.mapping(e.path, e.key, e.value, "metric", "goal") {
		switch e.name {
		case "metric":
			d.text(e, &o.Metric)
		case "goal":
			d.text(e, &o.Goal)
		}
	}
	d.require(e.path, e.key, "metric", "goal")
}

func (d *decoder) stopping(e entry, s *Stopping) {
	for _, e := range d.mapping(e.path, e.key, e.value, "rule", "min_steps", "reduction_factor", "every_steps") {
		switch e.name {
		case "rule":
			d.text(e, &s.Rule)
		case "min_steps":
			d.count(e, &s.MinSteps)
		case "reduction_factor":
			d.count(e, &s.ReductionFactor)
		case "every_steps":
			d.count(e, &s.EverySteps)
		}
	}
	d.require(e.path, e.key, "rule", "min_steps")
	switch s.Rule {
	case SuccessiveHalving:
		d.require(e.path, e.key, "reduction_factor")
	case Median:
		d.require(e.path, e.key, "every_steps")
	}
}

func (d *decoder) space(e entry, s *Space) {
	for _, e := range d.mapping(e.path, e.key, e.value) {
		dimension := Dimension{Path: e.name}
		switch {
		case isNested(e.value):
			d.fail(e.path, e.key, "holds further keys; write each in full, such as %s.%s", printable(shorten(e.name)), printable(shorten(e.value.Content[0].Value)))
		case e.value.Kind == yaml.MappingNode:
			d.interval(e, &dimension)
		case e.value.Kind == yaml.SequenceNode:
			d.choices(e, &dimension)
		default:
			d.fail(e.path, e.key, "must be a range such as {min: 0, max: 1} or a list of choices, got %s", describe(e.value))
		}
		*s = append(*s, dimension)
	}
}

// isNested reports whether a mapping begins with a key that holds a range or
// choices, and so is none.
func isNested(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) > 1 && (n.Content[1].Kind == yaml.MappingNode || n.Content[1].Kind == yaml.SequenceNode)
}

func (d *decoder) interval(e entry, out *Dimension) {
	for _, e := range d.mapping(e.path, e.key, e.value, "min", "max", "integer", "log") {
		switch e.name {
		case "min":
			d.number(e, &out.Min)
		case "max":
			d.number(e, &out.Max)
		case "integer":
			d.boolean(e, &out.Integer)
		case "log":
			d.boolean(e, &out.Log)
		}
	}
	d.require(e.path, e.key, "min", "max")
}

func (d *decoder) choices(e entry, out *Dimension) {
	out.Choices = []string{}
	before := len(d.problems)
	for i, n := range e.value.Content {
		item := entry{path: fmt.Sprintf("%s[%d]", e.path, i), key: n, value: n}
		d.places[item.path] = n
		switch {
		case !d.plain(item):
		case n.Kind != yaml.ScalarNode:
			d.fail(item.path, n, "must be a single value, got %s", describe(n))
		case n.Tag == "!!null" && n.Value == "":
			d.fail(item.path, n, "has no value; write null for the default")
		default:
			text, err := scalar{n.Tag, n.Value}.text()
			if err != nil {
				d.fail(item.path, n, "must be a single value on one line: %v", err)
			}
			out.Choices = append(out.Choices, text)
		}
	}
	if len(d.problems) > before {
		d.broken = append(d.broken, e.path) // the others' numbers are not those of the file
	}
}

// entry is a key of a mapping and its value.
type entry struct {
	name, path string
	key, value *yaml.Node // key is where problems are placed
}

// mapping lists the entries of a mapping that can be read; known are the keys
// that it may have, any if there are none.
func (d *decoder) mapping(path string, key, n *yaml.Node, known ...string) []entry {
	if n.Kind != yaml.MappingNode {
		d.fail(path, key, "must be a mapping of keys to values, got %s", describe(n))
		return nil
	}
	var entries []entry
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		e := entry{name.Value, join(path, name.Value), name, n.Content[i+1]}
		switch {
		case name.Kind != yaml.ScalarNode || name.Tag == "!!merge" || name.Style&yaml.TaggedStyle != 0 || name.Anchor != "":
			d.fail(path, name, "a key must be a plain word, without anchors, tags and merging")
		case lines[e.name] > 0:
			d.fail(e.path, name, "is given twice, first in line %d", lines[e.name])
		case len(known) > 0 && !slices.Contains(known, e.name):
			d.unknown(path, e, known)
		default:
			lines[e.name], d.places[e.path] = name.Line, name
			if !d.plain(e) {
				continue
			}
			if e.value.Kind == yaml.ScalarNode && e.value.Tag == "!!null" {
				d.fail(e.path, name, "has no value; give it one, or remove it")
				continue
			}
			entries = append(entries, e)
		}
	}
	return entries
}

func (d *decoder) unknown(path string, e entry, known []string) {
	meant := suggest.One(e.name, known)
	hint := suggest.DidYouMean(meant)
	if meant == "" {
		hint = "; the keys here are " + strings.Join(known, ", ")
	} else {
		d.broken = append(d.broken, join(path, meant)) // the value that was meant for it is missing
	}
	d.fail(e.path, e.key, "unknown key%s", hint)
}

// require reports keys that are missing and were not misspelt.
func (d *decoder) require(path string, at *yaml.Node, names ...string) {
	for _, name := range names {
		if sub := join(path, name); d.places[sub] == nil && !d.isBroken(sub) {
			d.fail(path, at, "has no %s", name)
			d.broken[len(d.broken)-1] = sub
		}
	}
}

// plain refuses aliases and tags.
func (d *decoder) plain(e entry) bool {
	switch {
	case e.value.Kind == yaml.AliasNode || e.value.Anchor != "":
		d.fail(e.path, e.key, "anchors and aliases are not supported; write the value out")
	case e.value.Style&yaml.TaggedStyle != 0:
		d.fail(e.path, e.key, "tags such as %s are not supported; remove it", printable(shorten(e.value.Tag)))
	default:
		return true
	}
	return false
}

func (d *decoder) text(e entry, out *string) {
	if e.value.Kind != yaml.ScalarNode || e.value.Tag != "!!str" {
		d.fail(e.path, e.key, "must be a string, got %s", describe(e.value))
		return
	}
	*out = e.value.Value
}

func (d *decoder) boolean(e entry, out *bool) {
	if e.value.Kind != yaml.ScalarNode || e.value.Tag != "!!bool" {
		d.fail(e.path, e.key, "must be true or false, got %s", describe(e.value))
		return
	}
	*out = strings.EqualFold(e.value.Value, "true")
}

func (d *decoder) count(e entry, out *int) {
	if !d.wholeNumber(e) {
		return
	}
	v, err := strconv.ParseInt(e.value.Value, 10, strconv.IntSize)
	if err != nil {
		d.fail(e.path, e.key, "is out of range: %s", shorten(e.value.Value))
	}
	*out = int(v)
}

func (d *decoder) seed(e entry, out *uint64) {
	if !d.wholeNumber(e) {
		return
	}
	v, err := strconv.ParseUint(strings.TrimPrefix(e.value.Value, "+"), 10, 64)
	if err != nil {
		d.fail(e.path, e.key, "must be from 0 to %d, got %s", math.MaxInt64, shorten(e.value.Value))
	}
	*out = v
}

func (d *decoder) wholeNumber(e entry) bool {
	if !isPlain(e.value) || !digits.MatchString(e.value.Value) {
		d.fail(e.path, e.key, "must be a whole number, written in digits alone, got %s", describe(e.value))
		return false
	}
	return true
}

func (d *decoder) number(e entry, out *float64) {
	if !isPlain(e.value) || !numeric.MatchString(e.value.Value) || octal.MatchString(e.value.Value) {
		d.fail(e.path, e.key, "must be a plain decimal number, got %s", describe(e.value))
		return
	}
	v, err := strconv.ParseFloat(e.value.Value, 64)
	if err != nil {
		d.fail(e.path, e.key, "is out of range: %s", shorten(e.value.Value))
	}
	*out = v
}

// isPlain reports whether a node is a scalar without quotes, which alone is a
// number.
func isPlain(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Style == 0 }

func (d *decoder) fail(path string, at *yaml.Node, format string, args ...any) {
	d.broken = append(d.broken, path)
	d.problems = append(d.problems, Problem{at.Line, at.Column, path, fmt.Sprintf(format, args...)})
}

// isBroken reports whether a key, a part of its value or what it is a part of
// was refused.
func (d *decoder) isBroken(key string) bool {
	return slices.ContainsFunc(d.broken, func(b string) bool { return b == key || isPart(b, key) || isPart(key, b) })
}

// place is where a key was given, or the nearest that it belongs to.
func (d *decoder) place(key string, root *yaml.Node) *yaml.Node {
	at, longest := root, -1
	for path, n := range d.places {
		if (path == key || isPart(key, path)) && len(path) > longest {
			at, longest = n, len(path)
		}
	}
	return at
}

// isPart reports whether a key lies within the value of another.
func isPart(path, of string) bool {
	rest, ok := strings.CutPrefix(path, of)
	return ok && (strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "."))
}
