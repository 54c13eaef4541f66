package config

import (
	"slices"
	"testing"
)

func TestUnhashedKeysAreThoseLeftOutOfTheHash(t *testing.T) {
	keys := Unhashed()
	for _, want := range []string{"name", "tags", "notes", "store", "backend.plugin", "data.dir", "train.log_every_seconds",
		"checkpoint.keep"} {
		if !slices.Contains(keys, want) {
			t.Errorf("%s is not among %v", want, keys)
		}
	}
	for _, key := range []string{"seed", "train.lr", "process.name"} {
		if slices.Contains(keys, key) {
			t.Errorf("%s is among %v", key, keys)
		}
	}
}
