package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/suggest"
	"flowharness/harness/internal/yamlfile"
	"flowharness/models"
	"flowharness/schedulers"
)

// decoder puts the layers of a config into a struct, one on top of the other,
// and checks every value against the schema on the way. A value that is refused
// is left out, so that the walk goes on and finds what else is wrong.
type decoder struct {
	problems []Problem
	// places holds where each key got its value, by dotted path.
	places map[string]Place
	// broken holds the keys that were given something that is not a value.
	broken yamlfile.Paths

	layer layer
	// network is the one that the layers so far have chosen: it decides what stands below model.
	network string
}

func newDecoder() *decoder {
	return &decoder{places: map[string]Place{}, broken: yamlfile.Paths{}, network: models.Default()}
}

// apply decodes a layer on top of what out holds. initial holds the defaults.
func (d *decoder) apply(l layer, out, initial *file) {
	d.layer = l
	if l.root != nil && !isNull(l.root) {
		d.chooseNetwork(l.root, out, initial)
		d.object("", l.root, l.root, rulesOf(d.network), reflect.ValueOf(out).Elem(), reflect.ValueOf(initial).Elem())
	}
}

// value decodes one node into out. key is the node that an error is placed at.
func (d *decoder) value(path string, key, n *yaml.Node, s *jsonschema.Schema, out, initial reflect.Value) {
	wanted := expected(s)
	s = alternative(s, n)
	switch {
	case n.Kind == yaml.AliasNode:
		d.fail(path, key, "anchors and aliases are not supported; write the value out, or inherit it with base")
		return
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(path, key, "tags such as %s are not supported; remove it", yamlfile.Printable(n.Tag))
		return
	case isNull(n):
		d.null(path, key, n, s, out, initial)
		return
	}
	if s.Type != "object" {
		d.forget(path)
	}
	d.places[path] = d.layer.at(key)
	switch s.Type {
	case "object":
		d.object(path, key, n, s, out, initial)
	case "array":
		d.list(path, key, n, s, out)
	default:
		d.scalar(path, key, n, s, wanted, out)
	}
}

// null puts the default back in place of an inherited value.
func (d *decoder) null(path string, key, n *yaml.Node, s *jsonschema.Schema, out, initial reflect.Value) {
	switch {
	case s.Type == "object":
		d.fail(path, key, "is empty; remove it, or put keys below it")
	case !initial.IsValid():
		d.fail(path, key, "must be %s, got nothing", expected(s))
	case n.Value == "":
		d.fail(path, key, "has no value; give it one, or null for the default")
	default:
		d.forget(path)
		out.Set(initial)
	}
}

// object decodes a mapping into a struct.
func (d *decoder) object(path string, key, n *yaml.Node, s *jsonschema.Schema, out, initial reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(path, key, "must be a mapping of keys to values, got %s", yamlfile.Describe(n))
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		sub := yamlfile.Join(path, name.Value)
		if name.Kind != yaml.ScalarNode || name.Tag == "!!merge" || name.Style&yaml.TaggedStyle != 0 {
			d.fail(path, name, "a key must be a plain word, without anchors, tags and merging; inherit with base")
			continue
		}
		if first, again := seen[name.Value]; again {
			d.fail(sub, name, "is given twice, first in line %d", first.Line)
			continue
		}
		seen[name.Value] = name
		property, known := s.Properties.Get(name.Value)
		if !known {
			d.unknown(path, name, s)
			continue
		}
		field, _ := fieldByKey(out, name.Value)
		var fieldInitial reflect.Value
		if initial.IsValid() {
			fieldInitial, _ = fieldByKey(initial, name.Value)
		}
		d.value(sub, name, value, property, field, fieldInitial)
	}
	for _, name := range s.Required {
		if seen[name] == nil && !d.isBroken(yamlfile.Join(path, name)) {
			d.fail(path, key, "has no %s", name)
		}
	}
}

// unknown reports a key that is not in the schema, and what was likely meant.
func (d *decoder) unknown(path string, name *yaml.Node, s *jsonschema.Schema) {
	known := slices.Collect(s.Properties.KeysFromOldest())
	meant := suggest.One(name.Value, known)
	if meant != "" {
		d.broken[yamlfile.Join(path, meant)] = true // the value that was meant for it is missing
	} else {
		meant = findKey(rulesOf(d.network), name.Value)
	}
	hint := suggest.DidYouMean(meant)
	if owners := ownersOf(path, name.Value); len(owners) > 0 {
		hint = fmt.Sprintf(": it belongs to %s, and model.name is %s", alternatives(owners), d.network)
	}
	if hint == "" {
		hint = "; the keys here are " + strings.Join(known, ", ")
	}
	d.fail(yamlfile.Join(path, name.Value), name, "unknown key%s", hint)
}

// list decodes a sequence into a slice or an array.
func (d *decoder) list(path string, key, n *yaml.Node, s *jsonschema.Schema, out reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fail(path, key, "must be a list, such as [%s], got %s", example(s.Items, n), yamlfile.Describe(n))
		return
	}
	if problem := checkLength(s, len(n.Content)); problem != "" {
		d.fail(path, key, "%s", problem)
		return
	}
	items := reflect.New(out.Type()).Elem()
	if items.Kind() == reflect.Slice {
		items.Set(reflect.MakeSlice(out.Type(), len(n.Content), len(n.Content)))
	}
	for i, item := range n.Content {
		sub := fmt.Sprintf("%s[%d]", path, i)
		d.value(sub, item, item, s.Items, items.Index(i), reflect.Value{})
		for j := range i {
			if s.UniqueItems && !d.isBroken(sub) && items.Index(i).Equal(items.Index(j)) {
				d.fail(sub, item, "repeats %s[%d], which is %v too", path, j, items.Index(j))
				break
			}
		}
	}
	out.Set(items)
}

func (d *decoder) fail(path string, at *yaml.Node, format string, args ...any) {
	d.broken[path] = true
	d.problems = append(d.problems, Problem{Place: d.layer.at(at), Key: path, Message: fmt.Sprintf(format, args...)})
}

// forget drops what is known about a key's former value.
func (d *decoder) forget(path string) {
	for p := range d.places {
		if p == path || strings.HasPrefix(p, path+"[") {
			delete(d.places, p)
		}
	}
}

// isBroken reports whether a key, or a part of its value, was refused.
func (d *decoder) isBroken(path string) bool { return d.broken.Touch(path) }

// alternative picks the one of two schemas that a node is meant for: a sampler
// is a name or a mapping, some numbers may be a word.
func alternative(s *jsonschema.Schema, n *yaml.Node) *jsonschema.Schema {
	if len(s.AnyOf) == 0 {
		return s
	}
	word := slices.Contains(s.AnyOf[1].Enum, any(n.Value))
	if n.Kind == yaml.ScalarNode && !word {
		return s.AnyOf[0]
	}
	return s.AnyOf[1]
}

// fieldByKey finds the field of a struct, or of one embedded in it, that has a
// YAML key, or the section of a process, or an option of a network.
func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == key {
			return v.Field(i), true
		}
		if f.Anonymous {
			if found, ok := fieldByKey(v.Field(i), key); ok {
				return found, true
			}
		}
		if name == "-" && f.Type.Kind() == reflect.Interface { // the options of a network
			if found, ok := fieldByKey(v.Field(i).Elem().Elem(), key); ok {
				return found, true
			}
		}
		if sections, ok := v.Field(i).Interface().(schedulers.Sections); ok && sections[key] != nil {
			return reflect.ValueOf(sections[key]).Elem(), true
		}
	}
	return reflect.Value{}, false
}

// findKey returns the dotted path of the first section's key with a name.
func findKey(s *jsonschema.Schema, name string) string {
	for section, p := range s.Properties.FromOldest() {
		if p.Type != "object" {
			if section == name {
				return section
			}
			continue
		}
		if _, ok := p.Properties.Get(name); ok {
			return section + "." + name
		}
	}
	return ""
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
