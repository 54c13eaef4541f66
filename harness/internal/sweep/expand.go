package sweep

import (
	"encoding/json"
	"math/bits"

	"flowharness/harness/internal/search"

	"gopkg.in/yaml.v3"
)

// Size is how many combinations matrix, zip and search make before include and
// exclude; it stops counting at the largest uint64.
func (f *File) Size() uint64 {
	if f.Search != nil {
		return uint64(f.Search.Budget)
	}
	size := uint64(1)
	for _, a := range f.Matrix {
		size = times(size, uint64(len(a.Values)))
	}
	for _, zip := range f.Zip {
		size = times(size, uint64(len(zip[0].Values)))
	}
	return size
}

func times(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	if high > 0 {
		return 1<<64 - 1
	}
	return low
}

// combinations lists them all: of matrix and zip the last path changes
// fastest, those that include adds come last. Trials of a search that chose the
// same values are one.
//
// Include works as in the matrices of CI systems: an entry is added to every
// combination whose own values it does not change, and is a combination by
// itself if there is none.
func (f *File) combinations() ([]Assignments, error) {
	meaning := meanings{}
	if f.Search != nil {
		return f.searched(), nil
	}
	list := []Assignments{{}}
	varied := map[string]bool{}
	for _, axis := range f.Matrix {
		varied[axis.Path] = true
		list = product(list, len(axis.Values), func(i int) Assignments { return Assignments{{Path: axis.Path, Value: axis.Values[i]}} })
	}
	for _, zip := range f.Zip {
		for _, axis := range zip {
			varied[axis.Path] = true
		}
		list = product(list, len(zip[0].Values), func(i int) Assignments {
			var s Assignments
			for _, axis := range zip {
				s = append(s, search.Assignment{Path: axis.Path, Value: axis.Values[i]})
			}
			return s
		})
	}
	if len(varied) == 0 && len(f.Include) > 0 {
		list = nil // there is nothing to add to
	}
	list = f.exclude(list, meaning)
	original := len(list)
	for _, extra := range f.Include {
		var more Assignments // what it says besides the values that are there
		for _, a := range extra {
			if !varied[a.Path] {
				more = append(more, a)
			}
		}
		added := false
		for i := range list[:original] {
			if fits(list[i], extra, varied, meaning) {
				list[i], added = list[i].with(more), true
			}
		}
		if !added {
			list = append(list, extra)
		}
	}
	if len(list) == 0 {
		return nil, f.refuse("exclude", "leaves nothing: no combination remains")
	}
	return list, nil
}

func product(list []Assignments, n int, value func(i int) Assignments) []Assignments {
	all := make([]Assignments, 0, len(list)*n)
	for _, s := range list {
		for i := range n {
			all = append(all, s.with(value(i)))
		}
	}
	return all
}

// exclude removes the combinations that have all values of an exclude entry.
func (f *File) exclude(list []Assignments, meaning meanings) []Assignments {
	kept := list[:0]
next:
	for _, s := range list {
		for _, out := range f.Exclude {
			if fits(s, out, nil, meaning) {
				continue next
			}
		}
		kept = append(kept, s)
	}
	return kept
}

// fits tells whether assignments have the values of a part of one. Of paths that
// are not varied it may have others or none; nil means that all are varied.
func fits(s, part Assignments, varied map[string]bool, meaning meanings) bool {
	for _, a := range part {
		if varied != nil && !varied[a.Path] {
			continue
		}
		if v, ok := s.value(a.Path); !ok || meaning.of(v) != meaning.of(a.Value) {
			return false
		}
	}
	return true
}

// meanings remembers what values mean: the same values come up in thousands of
// combinations.
type meanings map[string]string

// of is the same for values that are the same to YAML, such as 1e-3 and 0.001.
func (m meanings) of(value string) string {
	meaning, ok := m[value]
	if !ok {
		meaning = meaningOf(value)
		m[value] = meaning
	}
	return meaning
}

func meaningOf(value string) string {
	var v any
	if err := yaml.Unmarshal([]byte(value), &v); err != nil {
		return value
	}
	text, err := json.Marshal(plain(v))
	if err != nil {
		return value // not a number, or a mapping with other keys than words
	}
	return string(text)
}

// plain turns whole numbers into floating point, in lists and mappings too.
func plain(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	}
	return v
}

// searched lists the trials of a search.
func (f *File) searched() []Assignments {
	var list []Assignments
	seen := map[string]bool{}
	for i := range f.Search.Budget {
		s := Assignments(f.Search.Trial(i))
		if text := s.String(); !seen[text] {
			seen[text] = true
			list = append(list, s)
		}
	}
	return list
}
