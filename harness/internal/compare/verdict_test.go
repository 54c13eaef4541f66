package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/store"
)

func labels(r *Result) (list []string) {
	for _, g := range r.Groups {
		list = append(list, fmt.Sprintf("%s:%d", g.Label, len(g.Counted)))
	}
	return list
}

func TestRunsThatDifferInTheirSeedFormAGroup(t *testing.T) {
	st := tempStore(t)
	a := seeds(t, st, 3, sketch{Name: "a"})
	b := seeds(t, st, 2, sketch{Name: "b", Config: "train: {lr: 0.01}", Notes: "other notes"})
	for _, c := range []struct {
		name string
		o    Options
		runs []*store.Run
		want []string
	}{
		{"by config", Options{}, slices.Concat(a, b), []string{"a:3", "b:2"}},
		{"said aloud", Options{GroupBy: []string{ByConfig}}, slices.Concat(b, a), []string{"b:2", "a:3"}},
		{"single runs go by their slugs", Options{}, []*store.Run{a[0], b[0]}, []string{a[0].Slug + ":1", b[0].Slug + ":1"}},
		{"by a key", Options{GroupBy: []string{"train.lr"}}, slices.Concat(a, b), []string{"lr=-:3", "lr=0.01:2"}},
		{"by two keys", Options{GroupBy: []string{"process.name", "train.lr"}}, slices.Concat(a, b),
			[]string{"name=flow_match lr=-:3", "name=flow_match lr=0.01:2"}},
		{"a baseline is a group whatever it holds", Options{BaselineRuns: 2, BaselineLabel: "base"}, []*store.Run{a[0], b[0], a[1]},
			[]string{"base:2", a[1].Slug + ":1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := labels(compared(t, st, c.o, c.runs...)); !slices.Equal(got, c.want) {
				t.Errorf("groups are %v, want %v", got, c.want)
			}
		})
	}
}

func TestARepeatedRunIsNoNewObservation(t *testing.T) {
	st := tempStore(t)
	runs := seeds(t, st, 2, sketch{Name: "a"})
	again := makeRun(t, st, sketch{Name: "a", Seed: 1})
	other := seeds(t, st, 2, sketch{Name: "b", Config: "x: 1"})
	r := compared(t, st, Options{}, append(append(runs, again), other...)...)
	if g := r.Groups[0]; len(g.Runs) != 3 || !slices.Equal(g.Counted, []int{0, 2}) {
		t.Errorf("group is %+v", g)
	}
	warned(t, r, "repeat another's config and seed")
}

func warned(t *testing.T, r *Result, says string) {
	t.Helper()
	if !slices.ContainsFunc(r.Warnings, func(w Warning) bool { return strings.Contains(w.Text, says) }) {
		t.Errorf("no warning says %q: %q", says, r.Warnings)
	}
}

func TestACouplingChangesWhatALossMeans(t *testing.T) {
	records := []Record{{Run: Run{ID: "1"}, Config: map[string]string{"process.coupling": `"independent"`, "x": "1"}},
		{Run: Run{ID: "2"}, Config: map[string]string{"process.coupling": `"optimal_transport"`, "x": "1"}}}
	r, err := Compare(Data{Records: records}, Options{})
	must(t, err)
	warned(t, r, "losses are not comparable: the runs couple noise and data differently")
	if r.LossRanked {
		t.Error("their losses are ranked")
	}
}

func TestComparisonsThatMakeNoSenseAreRefused(t *testing.T) {
	st := tempStore(t)
	a, b := makeRun(t, st, sketch{Name: "a", Accuracy: 0.9}), makeRun(t, st, sketch{Name: "b", Config: "x: 1", Accuracy: 0.9})
	data, err := Read(t.Context(), st, []*store.Run{a, b})
	must(t, err)
	guidance := 7.0
	for says, o := range map[string]Options{
		"no run has this config key; did you mean data.name, model.name, process.name": {GroupBy: []string{"proces.name"}},
		"cannot be joined":                       {GroupBy: []string{ByConfig, "x"}},
		"no run has such a metric; there are":    {Metrics: []string{"acuracy"}},
		"syntax error in pattern":                {Metrics: []string{"[a"}},
		"there are: euler, 10 steps, guidance 2": {Guidance: &guidance},
		"no evaluation fits":                     {Sampler: "heun"},
	} {
		var bad *OptionError
		if _, err := Compare(data, o); !errors.As(err, &bad) || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want one that says %q", err, says)
		}
	}
	if _, err := Compare(Data{Records: data.Records[:1]}, Options{}); err == nil || !strings.Contains(err.Error(), "at least two runs") {
		t.Errorf("one run: %v", err)
	}
	var twice *DuplicateError
	if _, err := Load(t.Context(), st, []*store.Run{a, b, a}); !errors.As(err, &twice) {
		t.Errorf("a run named twice: %v", err)
	}
}

func TestEqualInputGivesEqualOutput(t *testing.T) {
	st := tempStore(t)
	runs := slices.Concat(seeds(t, st, 4, sketch{Name: "a", Accuracy: 0.9}),
		seeds(t, st, 5, sketch{Name: "b", Accuracy: 0.92, Config: "x: 1"}))
	var first []byte
	for range 3 {
		text, err := json.Marshal(compared(t, st, Options{}, runs...))
		must(t, err)
		if first == nil {
			first = text
		}
		if !bytes.Equal(first, text) {
			t.Fatal("two comparisons of the same runs differ")
		}
	}
}

func TestConfigDifferencesNameWhatDependsOnceOnly(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, Options{}, makeRun(t, st, sketch{Name: "a"}), makeRun(t, st, sketch{Name: "b", Seed: 1, Process: "ddpm"}))
	var free, dependent []string
	for _, d := range r.Config {
		if d.DependsOn == "" {
			free = append(free, d.Path)
		} else {
			dependent = append(dependent, d.Path)
		}
	}
	if !slices.Equal(free, []string{"process.name", "seed"}) || !slices.Contains(dependent, "process.beta_start") ||
		!slices.Contains(dependent, "sampling.samplers") {
		t.Errorf("free %v, dependent %v", free, dependent)
	}
}

func TestVerdicts(t *testing.T) {
	st := tempStore(t)
	good := seeds(t, st, 5, sketch{Name: "good", Accuracy: 0.97})
	bad := seeds(t, st, 5, sketch{Name: "bad", Accuracy: 0.90, Config: "x: 1"})
	alike := seeds(t, st, 5, sketch{Name: "alike", Accuracy: 0.968, Config: "x: 2"})
	flat := seeds(t, st, 4, sketch{Name: "flat", Accuracy: 0.9, Steady: true, Config: "x: 3"})
	for _, c := range []struct {
		name   string
		runs   []*store.Run
		metric string
		want   Verdict
	}{
		{"worse", slices.Concat(good, bad), "accuracy", Worse},
		{"better", slices.Concat(bad, good), "accuracy", Better},
		{"lower is better", slices.Concat(bad, good), "fd_mnist_cnn", Better},
		{"other seeds: Welch", slices.Concat(bad[:4], good[1:]), "accuracy", Better},
		{"no evidence", slices.Concat(good, alike), "accuracy", NoEvidence},
		{"too few", slices.Concat(good[:3], bad), "accuracy", TooFewSeeds},
		{"one each", []*store.Run{good[0], bad[0]}, "accuracy", TooFewSeeds},
		{"no variance", slices.Concat(flat, seeds(t, st, 4, sketch{Name: "flat2", Accuracy: 0.8, Steady: true, Config: "x: 4"})), "accuracy",
			NoVariance},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := rowOf(t, compared(t, st, Options{}, c.runs...), c.metric).Comparisons[0]
			if got.Verdict != c.want {
				t.Errorf("verdict is %q: %+v", got.Verdict, got)
			}
		})
	}
}

func TestWhatMeansDifferentThingsIsNotRanked(t *testing.T) {
	st := tempStore(t)
	base := seeds(t, st, 4, sketch{Name: "base", Accuracy: 0.95})
	for _, c := range []struct {
		name    string
		other   sketch
		refused []string
		ranked  []string
		warning string
	}{
		{"another process", sketch{Process: "ddpm", Accuracy: 0.9}, []string{TrainLoss, ValLoss}, []string{"accuracy"},
			"losses are not comparable: the runs predict different targets"},
		{"another coupling", sketch{Accuracy: 0.9, Config: "process.coupling: 1\n"}, nil, []string{"accuracy"}, ""},
		{"another dataset", sketch{Accuracy: 0.9, Dataset: "kmnist"}, []string{TrainLoss, ValLoss, "accuracy"}, nil,
			"measured against different datasets"},
		{"another classifier", sketch{Accuracy: 0.9, Class: "other", Config: "x: 1"}, []string{"accuracy", "fd_mnist_cnn"}, []string{TrainLoss},
			"measured by different classifiers (c1a551f1e4, other)"},
		{"another machine", sketch{Accuracy: 0.9, Host: "fast", Config: "x: 1"}, []string{StepsPerSecond, SecondsPerImage},
			[]string{"accuracy", TrainLoss, NFE}, "timings are not comparable"},
		{"other labels dropped", sketch{Accuracy: 0.9, Config: "train: {label_drop: 0.1}"}, []string{TrainLoss}, []string{ValLoss},
			"training losses are not comparable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.other.Name = "other"
			if c.name == "another coupling" {
				c.other.Config = "x: 1"
			}
			r := compared(t, st, Options{}, slices.Concat(base, seeds(t, st, 4, c.other))...)
			for _, metric := range c.refused {
				if got := rowOf(t, r, metric).Comparisons[0]; got.Verdict != NotComparable || !got.Difference.Missing() || got.Why == "" {
					t.Errorf("%s: %+v", metric, got)
				}
			}
			for _, metric := range c.ranked {
				if got := rowOf(t, r, metric).Comparisons[0]; got.Verdict == NotComparable {
					t.Errorf("%s: %s", metric, got.Why)
				}
			}
			if c.warning != "" {
				warned(t, r, c.warning)
			}
		})
	}
}
