package config

import (
	"os"
	"strings"
	"testing"
)

func TestSamplersThatBeginFarFromTheNoiseAreWarnedOf(t *testing.T) {
	for text, want := range map[string]string{
		"process: {name: ddpm}\nsampling: {steps: [4, 1]}": "ddim in 4 steps begins at " +
			"timestep 750, not at 999",
		"process: {name: ddpm}\nsampling: {steps: [10, 50]}":                                                  "",
		"process: {name: ddpm}\nsampling: {steps: [1], samplers: [{name: ddpm, timestep_spacing: trailing}]}": "",
		"process: {name: ddpm}\nsampling: {steps: [1], samplers: [{name: ddim, timestep_spacing: linspace}, " +
			"dpmpp_2m]}": "sampling.samplers[0]: ddim in 1 steps begins at timestep 0",
		"process: {name: flow_match}\nsampling: {steps: [1]}": "",
	} {
		r, err := Parse("test.yaml", []byte("train: {steps: 1}\n"+text+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range r.Warnings {
			got = append(got, w.String())
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all, want) || want == "" && all != "" || strings.Count(all, "\n") > 0 {
			t.Errorf("%q: warnings %q, want %q", text, all, want)
		}
	}
}

// TestRecordedDDIMGoesWhereItWent: a config recorded before previous_timestep existed means diffusers' way, a new one the next
// timestep listed, and both say so when they are written out.
func TestRecordedDDIMGoesWhereItWent(t *testing.T) {
	const text = "train: {steps: 1}\nprocess: {name: ddpm}\nsampling: {samplers: [{name: ddim, timestep_spacing: linspace}]}\n"
	recorded, err := Parse("recorded", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/new.yaml"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	fresh, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := recorded.Config.Sampling.Samplers[0].PreviousTimestep,
		fresh.Config.Sampling.Samplers[0].PreviousTimestep; a != "diffusers" || b != "listed" {
		t.Errorf("recorded %q, new %q", a, b)
	}
	if recorded.Hash == fresh.Hash {
		t.Error("both have one hash, and other results")
	}
	for _, r := range []*Resolved{recorded, fresh} {
		again, err := Parse("again", r.YAML, nil)
		if err != nil || again.Hash != r.Hash {
			t.Errorf("written out in full it becomes another config: %v\n%s", err, r.YAML)
		}
	}
}
