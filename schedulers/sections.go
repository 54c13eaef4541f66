package schedulers

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Sections are the options of processes that have some of their own, by the name of the process: each a pointer to a
// struct of the type of [Registration.Options]. They are never changed in place once a config has them.
type Sections map[string]any

// NewSections holds the options of every process that has some, as they are by default, for a reader of configs to fill.
func NewSections() Sections {
	var sections Sections
	for _, p := range processes {
		if p.Options != nil {
			sections = sections.with(p.Name, cloneOptions(p.Options))
		}
	}
	return sections
}

// OptionsOf returns a process's own options, a T, from a config of it whose defaults have been set.
func OptionsOf[T any](c ProcessConfig) T { return *c.Sections[c.Name].(*T) }

// completed has the options of a process, and of others those that are not the defaults: they were set by mistake.
func (s Sections) completed(process string) Sections {
	var kept Sections
	for _, p := range processes {
		own, given := s[p.Name]
		switch {
		case p.Options == nil:
		case given && (p.Name == process || !reflect.DeepEqual(own, p.Options)):
			kept = kept.with(p.Name, own)
		case p.Name == process:
			kept = kept.with(p.Name, cloneOptions(p.Options))
		}
	}
	return kept
}

func (s Sections) with(name string, options any) Sections {
	if s == nil {
		s = Sections{}
	}
	s[name] = options
	return s
}

func (s Sections) names() []string { return slices.Sorted(maps.Keys(s)) }

// cloneOptions is a pointer to a copy of what one points to.
func cloneOptions(options any) any {
	clone := reflect.New(reflect.TypeOf(options).Elem())
	clone.Elem().Set(reflect.ValueOf(options).Elem())
	return clone.Interface()
}

// MarshalJSON writes the sections as keys beside the others.
func (c ProcessConfig) MarshalJSON() ([]byte, error) {
	type plain ProcessConfig
	text, err := json.Marshal(plain(c))
	if err != nil || len(c.Sections) == 0 {
		return text, err
	}
	sections, err := json.Marshal(c.Sections)
	if err != nil {
		return nil, err
	}
	return slices.Concat(text[:len(text)-1], []byte(","), sections[1:]), nil
}
