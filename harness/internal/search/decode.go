package search

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/yamlfile"
)

// UnmarshalYAML reads the section "search" strictly: an unknown key, one given
// twice, a wrong type and everything that [Config.Validate] refuses is a problem
// with its place, and all of them are returned at once as [*yamlfile.Errors]. The
// config is left alone then.
func (c *Config) UnmarshalYAML(n *yaml.Node) error {
	r := yamlfile.NewReader("")
	decoded := Config{Method: Sobol}
	Read(r, yamlfile.Root(section, n), &decoded)
	if err := r.Err(); err != nil {
		return err
	}
	*c = decoded
	return nil
}

// section is the key that a search has in a file.
const section = "search"

// Read is UnmarshalYAML as a part of reading a whole file.
func Read(r *yamlfile.Reader, e yamlfile.Entry, c *Config) {
	d := decoder{r}
	d.config(e, c)
	for _, p := range c.problems() {
		if !r.IsBroken(p.Key) {
			r.Fail(p.Key, r.Place(p.Key, e.Key), "%s", p.Message)
		}
	}
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

// decoder reads the parts of a section.
type decoder struct{ *yamlfile.Reader }

func (d decoder) config(e yamlfile.Entry, c *Config) {
	for _, e := range d.Mapping(e, "method", "budget", "seed", "space", "objective", "stopping") {
		switch e.Name {
		case "method":
			d.Text(e, &c.Method)
		case "budget":
			d.Count(e, &c.Budget)
		case "seed":
			d.Seed(e, &c.Seed)
		case "space":
			d.space(e, &c.Space)
		case "objective":
			d.objective(e, &c.Objective)
		case "stopping":
			d.stopping(e, &c.Stopping)
		}
	}
	d.Require(e, "budget", "space", "objective")
}

func (d decoder) objective(e yamlfile.Entry, o *Objective) {
	for _, e := range d.Mapping(e, "metric", "goal") {
		switch e.Name {
		case "metric":
			d.Text(e, &o.Metric)
		case "goal":
			d.Text(e, &o.Goal)
		}
	}
	d.Require(e, "metric", "goal")
}

func (d decoder) stopping(e yamlfile.Entry, s *Stopping) {
	for _, e := range d.Mapping(e, "rule", "min_steps", "reduction_factor", "every_steps") {
		switch e.Name {
		case "rule":
			d.Text(e, &s.Rule)
		case "min_steps":
			d.Count(e, &s.MinSteps)
		case "reduction_factor":
			d.Count(e, &s.ReductionFactor)
		case "every_steps":
			d.Count(e, &s.EverySteps)
		}
	}
	d.Require(e, "rule", "min_steps")
	switch s.Rule {
	case SuccessiveHalving:
		d.Require(e, "reduction_factor")
	case Median:
		d.Require(e, "every_steps")
	}
}

func (d decoder) space(e yamlfile.Entry, s *Space) {
	for _, e := range d.Mapping(e) {
		dimension := Dimension{Path: e.Name}
		switch {
		case isNested(e.Value):
			d.Fail(e.Path, e.Key, "holds further keys; write each in full, such as %s.%s",
				yamlfile.Printable(yamlfile.Shorten(e.Name)), yamlfile.Printable(yamlfile.Shorten(e.Value.Content[0].Value)))
		case e.Value.Kind == yaml.MappingNode:
			d.interval(e, &dimension)
		case e.Value.Kind == yaml.SequenceNode:
			d.choices(e, &dimension)
		default:
			d.Fail(e.Path, e.Key, "must be a range such as {min: 0, max: 1} or a list of choices, got %s", yamlfile.Describe(e.Value))
		}
		*s = append(*s, dimension)
	}
}

// isNested reports whether a mapping begins with a key that holds a range or
// choices, and so is none.
func isNested(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) > 1 && (n.Content[1].Kind == yaml.MappingNode ||
		n.Content[1].Kind == yaml.SequenceNode)
}

func (d decoder) interval(e yamlfile.Entry, out *Dimension) {
	for _, e := range d.Mapping(e, "min", "max", "integer", "log") {
		switch e.Name {
		case "min":
			d.Number(e, &out.Min)
		case "max":
			d.Number(e, &out.Max)
		case "integer":
			d.Bool(e, &out.Integer)
		case "log":
			d.Bool(e, &out.Log)
		}
	}
	d.Require(e, "min", "max")
}

func (d decoder) choices(e yamlfile.Entry, out *Dimension) {
	out.Choices = []string{}
	before := d.Problems()
	for _, item := range d.List(e, "[1, 2]") {
		n := item.Value
		switch {
		case n.Kind != yaml.ScalarNode:
			d.Fail(item.Path, n, "must be a single value, got %s", yamlfile.Describe(n))
		case n.Tag == "!!null" && n.Value == "":
			d.Fail(item.Path, n, "has no value; write null for the default")
		default:
			text, err := scalar{n.Tag, n.Value}.text()
			if err != nil {
				d.Fail(item.Path, n, "must be a single value on one line: %v", err)
			}
			out.Choices = append(out.Choices, text)
		}
	}
	if d.Problems() > before {
		d.Break(e.Path) // the others' numbers are not those of the file
	}
}
