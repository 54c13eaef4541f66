package config

import (
	"strings"
	"testing"
)

func TestNumbersOfDevicesThatAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, backend, want string }{
		{"none", "devices: 0", "must be at least 1, got 0"},
		{"fewer than none", "devices: -2", "must be at least 1, got -2"},
		{"more than anyone has", "devices: 100000", "must be at most 1024, got 100000"},
		{"half of one", "devices: 1.5", "must be a whole number, written in digits alone, got 1.5"},
		{"another word", "devices: every", `must be a whole number or all, got the string "every"`},
		{"a number in quotes", `devices: "2"`, `must be a whole number or all, got the string "2"; remove the quotes`},
		{"a list of them", "devices: [0, 1]", "must be a whole number or all, got a list"},
		{"no value", "devices: ", "has no value; give it one, or null for the default"},
		{"a batch that they do not divide", "devices: 3",
			"a batch of 256 cannot be split evenly over 3 devices; set train.batch_size to a multiple of 3"},
		{"several of the go backend", "name: go, devices: 2",
			"the go backend computes on one device, got 2; set backend.devices to 1, or backend.name to xla:cpu or xla:cuda"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte("train: {steps: 10}\nbackend: {"+tc.backend+"}"), nil)
			if got := errorText(err); !strings.HasSuffix(got, "backend.devices: "+tc.want) {
				t.Errorf("error is %q, want %q", got, tc.want)
			}
		})
	}
}

// Configs that were hashed before there was a choice of devices keep their hash.
func TestOneDeviceIsTheConfigThatNamesNone(t *testing.T) {
	const text = "name: x\ntrain: {steps: 10}"
	none := parseOK(t, text)
	one := parseOK(t, text, "backend.devices=1")
	if one.Hash != none.Hash || string(one.YAML) != string(none.YAML) {
		t.Error("a config of one device differs from one that does not say how many")
	}
	hashes := map[string]string{none.Hash: "one"}
	for _, devices := range []string{"2", "4", "all"} {
		r := parseOK(t, text, "backend.devices="+devices)
		if other, found := hashes[r.Hash]; found {
			t.Errorf("%s devices have the hash of %s", devices, other)
		}
		hashes[r.Hash] = devices
		if got := r.Config.Backend.Devices.String(); got != devices {
			t.Errorf("%s devices are read as %s", devices, got)
		}
		again := parseOK(t, string(r.YAML))
		if again.Hash != r.Hash || again.Config.Backend.Devices != r.Config.Backend.Devices {
			t.Errorf("%s devices are %v when the resolved config is read", devices, again.Config.Backend.Devices)
		}
	}
}
