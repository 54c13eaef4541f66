package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatAConfigInheritsIsKept(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ground.yaml": "train: {steps: 10, lr: 0.01}\n",
		"middle.yaml": "base: ground.yaml\ntrain: {lr: 0.02}\n",
		"top.yaml":    "base: middle.yaml\ntrain: {lr: 0.03}\nseed: 7\n",
		"part.yaml":   "train: {lr: 0.02}\n", // it does not say how long
		"whole.yaml":  "base: part.yaml\ntrain: {steps: 10}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, file string
		want       []string // of its base; none: it has none
	}{
		{"a config that inherits nothing has no base", "ground.yaml", nil},
		{"a base is what the file inherits, resolved", "top.yaml", []string{"lr: 0.02", "steps: 10", "seed: 0"}},
		{"a base that is no config by itself is not kept", "whole.yaml", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Load(filepath.Join(dir, c.file), []string{"train.lr=0.5"})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == nil && r.Base != nil {
				t.Errorf("the base is\n%s", r.Base)
			}
			for _, want := range c.want {
				if !strings.Contains(string(r.Base), want) {
					t.Errorf("the base lacks %q:\n%s", want, r.Base)
				}
			}
		})
	}
}
