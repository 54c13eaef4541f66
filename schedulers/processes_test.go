package schedulers

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
)

// reversed predicts the noise less the data.
type reversed struct{ flowMatch }

func (p reversed) Target(sample, noise, _ *Node) *Node { return Sub(noise, sample) }

// TestAProcessIsRegistered adds one, as a file of its own would, and it is named, completed,
// checked and made as the others are.
func TestAProcessIsRegistered(t *testing.T) {
	before := processes
	t.Cleanup(func() { processes = before })
	Register(Registration{
		Name: "reversed", About: "flow matching, backwards.", Sampler: "euler", SampledAs: FlowMatch,
		Predictions: []string{"reversed_velocity"}, Densities: []string{"uniform"}, Keys: []string{"shift"},
		SetDefaults: func(c *ProcessConfig) { setDefault(&c.Shift, 2) },
		Validate:    func(c ProcessConfig, p *Problems) { p.Positive("shift", c.Shift) },
		New:         func(c ProcessConfig) Process { return reversed{flowMatch{Base{c}}} },
	})
	if got, want := ProcessNames(), []string{FlowMatch, DDPM, "reversed"}; !slices.Equal(got, want) {
		t.Errorf("the processes are %v, want %v", got, want)
	}
	if got := PredictionTypes(""); !slices.Contains(got, "reversed_velocity") || DefaultSampler("reversed") != "euler" {
		t.Errorf("predictions %v, default sampler %q", got, DefaultSampler("reversed"))
	}
	c := ProcessConfig{Name: "reversed"}
	c.SetDefaults()
	want := ProcessConfig{Name: "reversed", NumTrainTimesteps: 1000, PredictionType: "reversed_velocity", TimestepDensity: "uniform", Shift: 2}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("its defaults are %+v, want %+v", c, want)
	}
	p, err := NewProcess(c)
	if err != nil || p.Name() != "reversed" {
		t.Fatalf("it makes %v (%v)", p, err)
	}
	if _, err := NewSampler(SamplerConfig{Name: "heun"}, c); err != nil || !slices.Equal(SamplerNames("reversed"),
		[]string{"euler", "heun", "midpoint", "rk4", "ab2", "dopri5"}) {
		t.Errorf("a sampler of flow matching: %v; its samplers are %v", err, SamplerNames("reversed"))
	}
	if _, err := NewSampler(SamplerConfig{Name: "ddim"}, c); err == nil {
		t.Error("a sampler of another process is taken")
	}
	_, err = NewSampler(SamplerConfig{Name: "unipc"}, c)
	expectError(t, err, `sampler "unipc" belongs to flows whose path is known, not "reversed"; use one of: euler, heun, midpoint, rk4, `+
		`ab2, dopri5`)
	for key, bad := range map[string]ProcessConfig{
		"shift":            {Name: "reversed", Shift: -1},
		"beta_start":       {Name: "reversed", BetaStart: 0.1},
		"logit_mean":       {Name: "reversed", LogitMean: 1},
		"prediction_type":  {Name: "reversed", PredictionType: "velocity"},
		"timestep_density": {Name: "reversed", TimestepDensity: "logit_normal"},
	} {
		_, err := NewProcess(bad)
		var problem *ConfigError
		if !errors.As(err, &problem) || problem.Key != key {
			t.Errorf("%+v: %v, want a problem of %s", bad, err, key)
		}
	}
}

// TestEveryKeyOfAProcessIsAConfigKey, and every config key is of a process.
func TestEveryKeyOfAProcessIsAConfigKey(t *testing.T) {
	used := slices.Clone(sharedProcessKeys)
	for _, p := range processes {
		used = append(used, p.Keys...)
	}
	var keys []string
	for field := range reflect.TypeFor[ProcessConfig]().Fields() {
		if key := keyOf[ProcessConfig](field.Name); key != "" {
			keys = append(keys, key)
		}
	}
	for _, key := range used {
		if !slices.Contains(keys, key) {
			t.Errorf("%s is not a key of ProcessConfig", key)
		}
	}
	for _, key := range keys {
		if !slices.Contains(used, key) {
			t.Errorf("%s is of no process", key)
		}
	}
}

// TestDefaultSamplersSampleTheirProcess: every process can be sampled without naming a sampler,
// whatever its model predicts.
func TestDefaultSamplersSampleTheirProcess(t *testing.T) {
	for _, name := range ProcessNames() {
		if AboutProcess(name) == "" {
			t.Errorf("%s: nothing is said about it", name)
		}
		for _, prediction := range PredictionTypes(name) {
			sampler, err := NewSampler(SamplerConfig{Name: DefaultSampler(name)}, ProcessConfig{Name: name, PredictionType: prediction})
			if err != nil {
				t.Errorf("%s, %s: %v", name, prediction, err)
			} else if _, err := sampler.Plan(4); err != nil {
				t.Errorf("%s, %s: %v", name, prediction, err)
			}
		}
	}
}
