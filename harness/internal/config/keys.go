package config

import (
	"iter"

	"github.com/invopop/jsonschema"
)

// Keys lists the dotted paths of all values that a config can set, such as train.lr, in the order of the schema.
func Keys() (keys []string) {
	for key := range leavesOf("", rules()) {
		if key != "base" { // not a value: it says where to take others from
			keys = append(keys, key)
		}
	}
	return keys
}

// leavesOf are the keys of a section and of those in it, but for the sections themselves.
func leavesOf(path string, section *jsonschema.Schema) iter.Seq2[string, *jsonschema.Schema] {
	return func(yield func(string, *jsonschema.Schema) bool) {
		for name, s := range section.Properties.FromOldest() {
			if s.Type != "object" {
				if !yield(join(path, name), s) {
					return
				}
				continue
			}
			for key, leaf := range leavesOf(join(path, name), s) {
				if !yield(key, leaf) {
					return
				}
			}
		}
	}
}
