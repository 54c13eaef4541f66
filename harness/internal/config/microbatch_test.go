package config

import (
	"strings"
	"testing"
)

func TestMicrobatchSizesThatAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, train, backend, want string }{
		{"none", "microbatch_size: 0", "", "must be at least 1, got 0"},
		{"fewer than none", "microbatch_size: -4", "", "must be at least 1, got -4"},
		{"more than fit into memory", "microbatch_size: 1000001", "", "must be at most 1000000, got 1000001"},
		{"half an image", "microbatch_size: 1.5", "", "must be a whole number, written in digits alone, got 1.5"},
		{"another word", "microbatch_size: all", "", `must be a whole number or auto, got the string "all"`},
		{"a number in quotes", `microbatch_size: "32"`, "", `must be a whole number or auto, got the string "32"; remove the quotes`},
		{"no value", "microbatch_size: ", "", "has no value; give it one, or null for the default"},
		{"one that does not divide the batch", "microbatch_size: 48", "", "a batch of 256 is no multiple of 48; set it to 32, or to auto"},
		{"more than the batch", "batch_size: 8, microbatch_size: 16", "", "a batch of 8 is no multiple of 16; set it to 8, or to auto"},
		{"a prime batch", "batch_size: 7, microbatch_size: 3", "", "a batch of 7 is no multiple of 3; set it to 1, or to auto"},
		{"one that divides the batch, but not a device's part", "batch_size: 24, microbatch_size: 8", "devices: 2",
			"a batch of 24 on 2 devices is 12 images on each, which are no multiple of 8; set it to 6, or to auto"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte("backend: {"+tc.backend+"}\ntrain: {steps: 10, "+tc.train+"}"), nil)
			if got := errorText(err); !strings.HasPrefix(got, "x.yaml:2:") || !strings.HasSuffix(got, "train.microbatch_size: "+tc.want) {
				t.Errorf("error is %q, want one of line 2 that ends with %q", got, tc.want)
			}
		})
	}
}

// What is wrong with the devices is not said twice.
func TestABatchThatDevicesDoNotDivideIsOneProblem(t *testing.T) {
	_, err := Parse("x.yaml", []byte("backend: {devices: 3}\ntrain: {steps: 10, batch_size: 8, microbatch_size: 3}"), nil)
	if got := errorText(err); strings.Contains(got, "microbatch_size") || !strings.Contains(got, "cannot be split evenly over 3 devices") {
		t.Errorf("error is %q", got)
	}
}

// Configs that were hashed before there was a choice keep their hash.
func TestAutoMicrobatchesAreTheConfigThatNamesNone(t *testing.T) {
	const text = "name: x\ntrain: {steps: 10}"
	none := parseOK(t, text)
	for _, auto := range []string{"auto", "null"} {
		if r := parseOK(t, text, "train.microbatch_size="+auto); r.Hash != none.Hash || string(r.YAML) != string(none.YAML) {
			t.Errorf("a config of %s differs from one that does not say", auto)
		}
	}
	if strings.Contains(string(none.YAML), "microbatch") {
		t.Error("the default is written out")
	}
	hashes := map[string]string{none.Hash: "auto"}
	for _, size := range []string{"32", "256"} {
		r := parseOK(t, text, "train.microbatch_size="+size)
		if other, found := hashes[r.Hash]; found {
			t.Errorf("microbatches of %s have the hash of %s", size, other)
		}
		hashes[r.Hash] = size
		if auto := parseOK(t, string(r.YAML), "train.microbatch_size=auto"); auto.Hash != none.Hash {
			t.Errorf("auto does not replace %s", size)
		}
	}
}
