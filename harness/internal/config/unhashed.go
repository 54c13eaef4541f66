package config

import (
	"reflect"
	"strings"
)

// Unhashed lists the keys that do not change a run's result and are left out of
// the config hash, such as "name" and "data.dir".
func Unhashed() []string { return unhashed(nil, "", reflect.TypeFor[Config]()) }

func unhashed(keys []string, prefix string, t reflect.Type) []string {
	for i := range t.NumField() {
		field := t.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case field.Tag.Get("hash") == "-":
			keys = append(keys, prefix+key)
		case field.Anonymous:
			keys = unhashed(keys, prefix, field.Type)
		case field.Type.Kind() == reflect.Struct:
			keys = unhashed(keys, prefix+key+".", field.Type)
		}
	}
	return keys
}
