package config

import (
	"iter"

	"github.com/invopop/jsonschema"

	"flowharness/harness/internal/yamlfile"
	"flowharness/models"
)

// Keys lists the dotted paths of all values that a config can set, such as train.lr, in the order of the schema.
func Keys() (keys []string) {
	known := map[string]bool{"base": true} // not a value: it says where to take others from
	for _, network := range models.Names() {
		for key := range leavesOf("", rulesOf(network)) {
			if !known[key] {
				keys = append(keys, key)
			}
			known[key] = true
		}
	}
	return keys
}

// leavesOf are the keys of a section and of those in it, but for the sections themselves.
func leavesOf(path string, section *jsonschema.Schema) iter.Seq2[string, *jsonschema.Schema] {
	return func(yield func(string, *jsonschema.Schema) bool) {
		for name, s := range section.Properties.FromOldest() {
			if s.Type != "object" {
				if !yield(yamlfile.Join(path, name), s) {
					return
				}
				continue
			}
			for key, leaf := range leavesOf(yamlfile.Join(path, name), s) {
				if !yield(key, leaf) {
					return
				}
			}
		}
	}
}
