package config

import (
	"strings"
	"testing"

	"flowharness/models"
)

// other is a network that is not the default.
var other = models.Names()[1]

func TestAnotherNetworkBeginsItsSectionAnew(t *testing.T) {
	fresh, plain := parseOK(t, "model: {name: "+other+"}\ntrain: {steps: 1}"), parseOK(t, "train: {steps: 1}")
	const base = "model: {layers_per_block: 1}\ntrain: {steps: 1}"
	for _, tc := range []struct {
		name, text string
		sets       []string
		want       *Resolved
	}{
		{"an override", base, []string{"model.name=" + other}, fresh},
		{"and back", base, []string{"model.name=" + other, "model.name=" + models.Default()}, plain},
		{"null is the default", "model: {name: " + other + "}\ntrain: {steps: 1}", []string{"model.name=null"}, plain},
		{"the default by name", "model: {name: " + models.Default() + "}\ntrain: {steps: 1}", nil, plain},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := parseOK(t, tc.text, tc.sets...); got.Hash != tc.want.Hash {
				t.Errorf("resolves to\n%s\nwant\n%s", got.YAML, tc.want.YAML)
			}
		})
	}
	if fresh.Hash == plain.Hash {
		t.Error("two networks have one hash")
	}
	if again := parseOK(t, string(fresh.YAML)); again.Hash != fresh.Hash || !strings.Contains(string(fresh.YAML), "  name: "+other+"\n") {
		t.Errorf("the resolved config is read as another:\n%s", fresh.YAML)
	}
	if strings.Contains(string(plain.YAML), models.Default()) {
		t.Error("the default network is written out, so that hashes of old configs change")
	}
}

func TestTheOrderOfOverridesDoesNotDecideWhoseKeysTheyAre(t *testing.T) {
	const text = "train: {steps: 1}"
	a := parseOK(t, text, "model.name="+other, "model.depth=5")
	b := parseOK(t, text, "model.depth=5", "model.name="+other)
	if a.Hash != b.Hash || option[int](b.Config, "depth") != 5 {
		t.Errorf("one order gives\n%s\nthe other\n%s", a.YAML, b.YAML)
	}
}

func TestKeysOfAnotherNetworkAreRefused(t *testing.T) {
	_, err := Parse("test.yaml", []byte("model:\n  name: "+other+"\n  norm_eps: 1\ntrain: {steps: 1}"), nil)
	const want = "test.yaml:3:3: model.norm_eps: unknown key: it belongs to "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
}
