package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

const baseConfig = `
name: NAME
seed: 1
data: {name: mnist, flip: false}
process: {name: flow_match, prediction_type: velocity, timestep_density: uniform, shift: 1}
train: {lr: 0.001, betas: [0.9, 0.999]}
sampling: {seed: 0}
`

// recorded is a run to be compared.
type recorded struct {
	name        string
	config      [2]string // replaced in baseConfig
	environment string
	losses      []float64
	status      record.Status
	samples     []store.SampleRecord
}

const here = `{"machine":{"hostname":"a","cpus":2,"cpu_model":"m"},"git":{"commit":"c","diff":"x"},"backend":{"name":"go"}}`

func TestEqualRunsDifferInNothing(t *testing.T) {
	r := loaded(t,
		recorded{name: "x", losses: []float64{2, 1}},
		recorded{name: "x", losses: []float64{2, 1}, environment: strings.Replace(here, `"diff":"x"`, `"diff":"y"`, 1)})
	if len(r.Config) != 0 || len(r.Environment) != 0 || len(r.Warnings) != 2 {
		t.Errorf("differences %v and %v, warnings %q", r.Config, r.Environment, r.Warnings)
	}
	warned(t, r, "form one group")
	warned(t, r, "repeat another's config and seed")
}

func TestDifferencesAreListedByPath(t *testing.T) {
	r := loaded(t,
		recorded{name: "x"},
		recorded{name: "y", config: [2]string{"lr: 0.001", "lr: 0.002"}, environment: strings.Replace(here, `"commit":"c"`, `"commit":"d"`, 1)},
		recorded{name: "y", config: [2]string{"betas: [0.9, 0.999]", "grad_clip: 1"}})
	want := []Difference{
		{Path: "train.betas", Values: []string{"[0.9,0.999]", "[0.9,0.999]", "-"}},
		{Path: "train.grad_clip", Values: []string{"-", "-", "1"}},
		{Path: "train.lr", Values: []string{"0.001", "0.002", "0.001"}},
	}
	if !slices.EqualFunc(r.Config, want, sameDifference) {
		t.Errorf("config differences are %v, want %v", r.Config, want)
	}
	if want := []Difference{{Path: "git.commit", Values: []string{`"c"`, `"d"`, `"c"`}}}; !slices.EqualFunc(r.Environment, want,
		sameDifference) {
		t.Errorf("environment differences are %v, want %v", r.Environment, want)
	}
}

func sameDifference(a, b Difference) bool {
	return a.Path == b.Path && slices.Equal(a.Values, b.Values)
}

func TestWarnings(t *testing.T) {
	plain := recorded{name: "x"}
	for _, tc := range []struct {
		name  string
		other recorded
		want  string // "" is none
	}{
		{"another learning rate is what one compares", recorded{config: [2]string{"lr: 0.001", "lr: 1"}}, ""},
		{"another seed is no other variant", recorded{config: [2]string{"seed: 1\ndata", "seed: 2\ndata"}},
			"the runs differ in their seed only and form one group: there is nothing to compare it with"},
		{"another process", recorded{config: [2]string{"name: flow_match", "name: ddpm"}},
			"losses are not comparable: the runs predict different targets"},
		{"another target", recorded{config: [2]string{"velocity", "epsilon"}}, "losses are not comparable: the runs predict different targets"},
		{"another dataset", recorded{config: [2]string{"name: mnist", "name: kmnist"}},
			"losses are not comparable: the runs train on different images"},
		{"mirrored images", recorded{config: [2]string{"flip: false", "flip: true"}},
			"losses are not comparable: the runs train on different images"},
		{"another density of timesteps", recorded{config: [2]string{"uniform", "logit_normal"}},
			"losses are not comparable: the runs draw training timesteps from different densities"},
		{"another shift", recorded{config: [2]string{"shift: 1", "shift: 3"}},
			"losses are not comparable: the runs draw training timesteps from different densities"},
		{"other noise to sample from", recorded{config: [2]string{"sampling: {seed: 0}", "sampling: {seed: 1}"}},
			"grids do not start from the same noise: sampling.seed differs"},
		{"another machine", recorded{environment: strings.Replace(here, `"hostname":"a"`, `"hostname":"b"`, 1)},
			"timings are not comparable: the runs were made on different machines or backends (machine.hostname)"},
		{"another backend", recorded{environment: strings.Replace(here, `"name":"go"`, `"name":"xla:cpu"`, 1)},
			"timings are not comparable: the runs were made on different machines or backends (backend.name)"},
		{"another commit is no reason", recorded{environment: strings.Replace(here, `"commit":"c"`, `"commit":"d"`, 1)}, ""},
		{"a run that did not end well", recorded{status: record.StatusInterrupted}, "is interrupted after 0 of 0 steps"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.other.name = "x"
			if tc.other.config[0] == "" { // what is compared must differ in something
				tc.other.config = [2]string{"lr: 0.001", "lr: 1"}
			}
			got := loaded(t, plain, tc.other).Warnings
			if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || !strings.HasSuffix(got[0].Text, tc.want)) {
				t.Errorf("warnings are %q, want %q", got, tc.want)
			}
		})
	}
}

func TestLossesAreThoseOfTheLastHundredSteps(t *testing.T) {
	losses := make([]float64, 150)
	for i := range losses {
		losses[i] = 1000
		if i >= 50 {
			losses[i] = float64(i)
		}
	}
	r := loaded(t, recorded{name: "x", losses: losses}, recorded{name: "y"}, recorded{name: "z", losses: []float64{3, 1, 2}},
		recorded{name: "w", losses: []float64{1, math.NaN()}, status: record.StatusDiverged})
	if got := r.Runs[0]; got.LateLoss != 99.5 || got.LastLoss != 149 || got.BestLoss != 50 {
		t.Errorf("losses of the long run are %+v", got)
	}
	if got := r.Runs[1]; !math.IsNaN(float64(got.LateLoss)) || !math.IsNaN(float64(got.LastLoss)) || !math.IsNaN(float64(got.BestLoss)) {
		t.Errorf("a run without losses has %+v", got)
	}
	if got := r.Runs[2]; got.LateLoss != 2 || got.LastLoss != 2 || got.BestLoss != 1 {
		t.Errorf("losses of the short run are %+v", got)
	}
	if got := r.Runs[3]; got.BestLoss != 1 || !math.IsNaN(float64(got.LastLoss)) {
		t.Errorf("losses of the diverged run are %+v", got)
	}
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), `"loss":null,"loss_last100":null,"loss_min":1`) {
		t.Errorf("as JSON: %s", out)
	}
}

func TestSamplingsAreMatchedAcrossRuns(t *testing.T) {
	sample := func(sampler string, steps int, guidance float64, step int) store.SampleRecord {
		return store.SampleRecord{Drawing: record.Drawing{Sampler: sampler, SamplerJSON: "{}", Steps: steps, Guidance: guidance, Step: step,
			NFE: 2 * steps, Images: 4, Seconds: 2}, PNG: []byte(fmt.Sprint(sampler, step))}
	}
	r := loaded(t,
		recorded{name: "x", samples: []store.SampleRecord{sample("euler", 10, 2, 5), sample("heun", 10, 2, 10), sample("euler", 10, 2, 10)}},
		recorded{name: "y", samples: []store.SampleRecord{sample("euler", 10, 2, 10), sample("euler", 10, 3, 10)}})
	if len(r.Samples) != 3 {
		t.Fatalf("samplings are %+v", r.Samples)
	}
	first := r.Samples[0]
	if first.Sampler != "euler" || first.Guidance != 2 || first.Cells[0].Step != 10 || first.Cells[1].Images != 4 ||
		first.Cells[0].Seconds != 0.5 || first.Cells[0].NFE != 20 {
		t.Errorf("the first is %+v, want the latest of each run", first)
	}
	if heun := r.Samples[1]; heun.Cells[0].Images != 4 || heun.Cells[1].Images != 0 {
		t.Errorf("the second is %+v, drawn by one run only", heun)
	}
}

func TestOneRunIsNoComparison(t *testing.T) {
	st := tempStore(t)
	if _, err := Load(t.Context(), st, []*store.Run{recordRun(t, st, recorded{name: "x"})}); err == nil ||
		!strings.Contains(err.Error(), "at least two runs, got 1") {
		t.Errorf("error is %v", err)
	}
}

func loaded(t *testing.T, list ...recorded) *Result {
	t.Helper()
	st := tempStore(t)
	var runs []*store.Run
	for _, one := range list {
		runs = append(runs, recordRun(t, st, one))
	}
	r, err := Load(t.Context(), st, runs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func recordRun(t *testing.T, st *store.Store, r recorded) *store.Run {
	t.Helper()
	ctx := context.Background()
	config := strings.Replace(strings.Replace(baseConfig, r.config[0], r.config[1], 1), "NAME",
		strings.ReplaceAll(fmt.Sprintf("%q", r.name), `\x1b`, `\e`), 1)
	if r.config[0] != "" && !strings.Contains(baseConfig, r.config[0]) {
		t.Fatalf("the config has no %q", r.config[0])
	}
	if r.environment == "" {
		r.environment = here
	}
	if r.status == "" {
		r.status = record.StatusFinished
	}
	seed := uint64(1)
	if strings.Contains(config, "seed: 2\n") {
		seed = 2
	}
	run, err := st.CreateRun(ctx, store.NewRun{Name: r.name, Seed: seed, ConfigHash: "hash", Process: "flow_match", Dataset: "mnist",
		ResolvedYAML: config, Environment: json.RawMessage(r.environment)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, loss := range r.losses {
		w.Point(TrainLoss, i+1, loss)
		w.Phase("step", i+1, time.Millisecond)
	}
	for _, s := range r.samples {
		if err := w.Sample(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(ctx, r.status, ""); err != nil {
		t.Fatal(err)
	}
	if run, err = st.Run(ctx, run.ID); err != nil {
		t.Fatal(err)
	}
	return run
}
