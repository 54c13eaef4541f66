package yamlfile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/suggest"
)

// Reader reads the nodes of one file and collects what is wrong with them. A value
// that is refused is left out, so that the walk goes on and finds what else is
// wrong.
type Reader struct {
	file     string
	problems []Problem
	places   map[string]*yaml.Node // of the keys that were given
	broken   Paths                 // the keys whose values are not known
}

// NewReader reads a file of this name; "" for text that is in no file.
func NewReader(file string) *Reader {
	return &Reader{file: file, places: map[string]*yaml.Node{}, broken: Paths{}}
}

// Entry is a value with the key that it is given to.
type Entry struct {
	Name  string     // the key alone
	Path  string     // the key with those that it lies within, such as search.space.train.lr
	Key   *yaml.Node // where problems with the value are placed
	Value *yaml.Node
}

// Root is the entry of a whole file or of a section of it.
func Root(path string, n *yaml.Node) Entry { return Entry{Path: path, Key: n, Value: n} }

// Fail reports a problem with what a path holds, placed at a node.
func (r *Reader) Fail(path string, at *yaml.Node, format string, args ...any) {
	r.FailAt(at.Line, at.Column, path, format, args...)
}

// FailAt is Fail with a line and a column.
func (r *Reader) FailAt(line, column int, path, format string, args ...any) {
	r.broken[path] = true
	r.problems = append(r.problems, Problem{Place: Place{File: r.file, Line: line, Column: column}, Key: path,
		Message: fmt.Sprintf(format, args...)})
}

// Err is what was wrong, in the order of the places, as [*Errors]; nil if nothing
// was.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Errors{r.problems}
}

// Problems is the number of problems so far.
func (r *Reader) Problems() int { return len(r.problems) }

// Break notes that the value of a path is not known, though nothing is wrong with
// the path itself.
func (r *Reader) Break(path string) { r.broken[path] = true }

// IsBroken tells whether a path, or a part of its value, was refused.
func (r *Reader) IsBroken(path string) bool { return r.broken.Touch(path) }

// Paths are keys, such as those whose values were refused.
type Paths map[string]bool

// Touch tells whether a path, a part of its value, or what it is a part of is among
// them.
func (paths Paths) Touch(path string) bool {
	for p := range paths {
		if p == path || Within(p, path) || Within(path, p) {
			return true
		}
	}
	return false
}

// Within tells whether a path lies within the value of another; all lie within
// that of "".
func Within(path, of string) bool {
	rest, ok := strings.CutPrefix(path, of)
	return ok && (of == "" || strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "."))
}

// Place is the node of a path, or of the nearest that it lies within; otherwise the
// given one.
func (r *Reader) Place(path string, otherwise *yaml.Node) *yaml.Node {
	for path != "" {
		if n := r.places[path]; n != nil {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return otherwise
}

// Mapping lists the entries of a mapping that can be read. known are the keys that
// it may have; any if there are none.
func (r *Reader) Mapping(e Entry, known ...string) []Entry {
	if e.Value.Kind != yaml.MappingNode {
		r.Fail(e.Path, e.Key, "must be a mapping of keys to values, got %s", Describe(e.Value))
		return nil
	}
	var entries []Entry
	lines := map[string]int{}
	for i := 0; i+1 < len(e.Value.Content); i += 2 {
		name := e.Value.Content[i]
		sub := Entry{name.Value, Join(e.Path, name.Value), name, e.Value.Content[i+1]}
		switch {
		case name.Kind != yaml.ScalarNode || name.Tag == "!!merge" || name.Style&yaml.TaggedStyle != 0 || name.Anchor != "":
			r.Fail(e.Path, name, "a key must be a plain word, without anchors, tags and merging")
		case lines[sub.Name] > 0:
			r.Fail(sub.Path, name, "is given twice, first in line %d", lines[sub.Name])
		case len(known) > 0 && !slices.Contains(known, sub.Name):
			r.unknown(e.Path, sub, known)
		default:
			lines[sub.Name], r.places[sub.Path] = name.Line, name
			if r.plain(sub) {
				entries = append(entries, sub)
			}
		}
	}
	return entries
}

// unknown reports a key that a mapping has not, and what was likely meant.
func (r *Reader) unknown(path string, e Entry, known []string) {
	meant := suggest.One(e.Name, known)
	hint := suggest.DidYouMean(meant)
	if meant == "" {
		hint = "; the keys here are " + strings.Join(known, ", ")
	} else {
		r.broken[Join(path, meant)] = true // the value that was meant for it is missing
	}
	r.Fail(e.Path, e.Key, "unknown key%s", hint)
}

// Require reports the keys of a mapping that are missing and were not misspelt.
func (r *Reader) Require(e Entry, names ...string) {
	for _, name := range names {
		if sub := Join(e.Path, name); r.places[sub] == nil && !r.IsBroken(sub) {
			known := !r.broken[e.Path]
			r.Fail(e.Path, e.Key, "has no %s", name)
			if known {
				delete(r.broken, e.Path) // the rest of it is what it is
			}
			r.broken[sub] = true
		}
	}
}

// plain refuses aliases, anchors, tags and values that are missing.
func (r *Reader) plain(e Entry) bool {
	switch {
	case e.Value.Kind == yaml.AliasNode || e.Value.Anchor != "":
		r.Fail(e.Path, e.Key, "anchors and aliases are not supported; write the value out")
	case e.Value.Style&yaml.TaggedStyle != 0:
		r.Fail(e.Path, e.Key, "tags such as %s are not supported; remove it", Printable(Shorten(e.Value.Tag)))
	case e.Value.Kind == yaml.ScalarNode && e.Value.Tag == "!!null" && e.Value.Value == "":
		r.Fail(e.Path, e.Key, "has no value; give it one, or remove it")
	default:
		return true
	}
	return false
}

// List lists what a list holds, one entry an item; example is how one could be
// written. An item may be null, which is for its reader to refuse.
func (r *Reader) List(e Entry, example string) []Entry {
	if e.Value.Kind != yaml.SequenceNode {
		r.Fail(e.Path, e.Key, "must be a list, such as %s, got %s", example, Describe(e.Value))
		return nil
	}
	var items []Entry
	for i, n := range e.Value.Content {
		item := Entry{Path: fmt.Sprintf("%s[%d]", e.Path, i), Key: n, Value: n}
		r.places[item.Path] = n
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" || r.plain(item) {
			items = append(items, item)
		}
	}
	return items
}

// Some is List of a list that must hold something.
func (r *Reader) Some(e Entry, example string) []Entry {
	if e.Value.Kind == yaml.SequenceNode && len(e.Value.Content) == 0 {
		r.Fail(e.Path, e.Key, "is empty; give it values, or remove it")
	}
	return r.List(e, example)
}

// Text reads a string.
func (r *Reader) Text(e Entry, out *string) {
	value, problem := Text(e.Value, "a string")
	if problem != "" {
		r.Fail(e.Path, e.Key, "%s", problem)
		return
	}
	*out = value
}

// Word reads text that may look like a number, as it is written: 12:00:00, 16000.
func (r *Reader) Word(e Entry, out *string) {
	if e.Value.Kind != yaml.ScalarNode || e.Value.Tag == "!!null" || e.Value.Tag == "!!bool" {
		r.Fail(e.Path, e.Key, "must be a string, got %s", Describe(e.Value))
		return
	}
	*out = e.Value.Value
}

// Words reads a list of words.
func (r *Reader) Words(e Entry, out *[]string) {
	for _, item := range r.Some(e, "[one, two]") {
		var word string
		r.Word(item, &word)
		*out = append(*out, word)
	}
}

// Bool reads true or false.
func (r *Reader) Bool(e Entry, out *bool) {
	value, problem := Bool(e.Value, "true or false")
	if problem != "" {
		r.Fail(e.Path, e.Key, "%s", problem)
		return
	}
	*out = value
}

// Number reads a number.
func (r *Reader) Number(e Entry, out *float64) {
	value, problem := Number(e.Value, false, "a number")
	if problem != "" {
		r.Fail(e.Path, e.Key, "%s", problem)
		return
	}
	*out, _ = value.Float64()
}

// Whole reads a whole number from least to most.
func (r *Reader) Whole(e Entry, least, most int64) (value int64, ok bool) {
	number, problem := Number(e.Value, true, "a whole number")
	switch {
	case problem != "":
	case !number.Num().IsInt64() && number.Sign() > 0 || number.Num().IsInt64() && number.Num().Int64() > most:
		problem = fmt.Sprintf("must be at most %d, got %s", most, Shorten(e.Value.Value))
	case !number.Num().IsInt64() || number.Num().Int64() < least:
		problem = fmt.Sprintf("must be at least %d, got %s", least, Shorten(e.Value.Value))
	default:
		return number.Num().Int64(), true
	}
	r.Fail(e.Path, e.Key, "%s", problem)
	return 0, false
}

// Count reads a whole number that is not negative. Its own bounds are for who
// reads it.
func (r *Reader) Count(e Entry, out *int) {
	if v, ok := r.Whole(e, 0, math.MaxInt32); ok {
		*out = int(v)
	}
}

// Seed reads a seed: a whole number from 0 that the store's integers can hold.
func (r *Reader) Seed(e Entry, out *uint64) {
	if v, ok := r.Whole(e, 0, math.MaxInt64); ok {
		*out = uint64(v)
	}
}

// Join is the path of a key within another.
func Join(path, key string) string {
	if path == "" || key == "" {
		return path + key
	}
	return path + "." + key
}
