package store

import (
	"math"
	"slices"
	"testing"

	"flowharness/harness/internal/record"
)

func configured(yaml string) func(*NewRun) {
	return func(n *NewRun) { n.ResolvedYAML = yaml }
}

func TestTheCatalogHoldsConfigsByPath(t *testing.T) {
	s := openTemp(t)
	ctx := t.Context()
	a := newRun(t, s, "a", configured("seed: 1\ntrain: {lr: 0.001, words: ab}\n"))
	b := newRun(t, s, "b", configured("seed: 2\ntrain: {lr: 0.001, words: ab}\n"))
	c := newRun(t, s, "c", configured("seed: 1\ntrain: {lr: 0.002}\n"))
	if got := get(s.ConfigPaths(ctx))(t); !slices.Equal(got, []string{"seed", "train.lr", "train.words"}) {
		t.Errorf("paths %q", got)
	}
	lr := get(s.ConfigValues(ctx, "train.lr"))(t)
	if len(lr) != 3 || lr[a.ID] != (ConfigValue{"0.001", 0.001}) || lr[c.ID].Number != 0.002 {
		t.Errorf("train.lr %v", lr)
	}
	words := get(s.ConfigValues(ctx, "train.words"))(t)
	if len(words) != 2 || words[b.ID].Text != "ab" || !math.IsNaN(words[b.ID].Number) {
		t.Errorf("train.words %v", words)
	}
	keys := get(s.ConfigKeys(ctx, []string{"seed"}))(t)
	if keys[a.ID] != keys[b.ID] || keys[a.ID] == keys[c.ID] {
		t.Error("the keys do not tell what differs in more than the seed")
	}
	if some := get(s.ConfigKeys(ctx, []string{"seed"}, b.ID))(t); len(some) != 1 || some[b.ID] != keys[b.ID] {
		t.Error("the key of one run is not the one that it has among all")
	}
	if keys := get(s.ConfigKeys(ctx, nil))(t); keys[a.ID] == keys[b.ID] {
		t.Error("the keys of whole configs leave out the seed")
	}
	got := get(s.MatchRuns(ctx, Filter{Where: []string{"train.lr<=0.001"}, Limit: 1}))(t)
	if len(got) != 2 || !got[a.ID] || !got[b.ID] {
		t.Errorf("matching are %v", got)
	}
	if _, err := s.MatchRuns(ctx, Filter{Where: []string{"train.lr"}}); err == nil {
		t.Error("a condition without an operator matches something")
	}
}

func TestTheCatalogHoldsTheMetricsOfTheLatestEvaluation(t *testing.T) {
	s := openTemp(t)
	ctx := t.Context()
	run, other := newRun(t, s, "x"), newRun(t, s, "y")
	add := func(id string, step int, metrics ...Metric) {
		t.Helper()
		must(t, s.AddEvaluation(ctx, id, EvaluationRecord{Drawing: drawing(step), Dataset: "mnist", Classifier: "c", Metrics: metrics}))
	}
	add(run.ID, 20, Metric{"accuracy", 0.5, 0}, Metric{"recall", 1, 0})
	add(run.ID, 20, Metric{"accuracy", 0.6, 0})
	add(run.ID, 10, Metric{"accuracy", 0.7, 0}) // made later, of an earlier step
	add(other.ID, 10, Metric{"accuracy", math.NaN(), 0})
	got := get(s.LatestMetric(ctx, "accuracy"))(t)
	if len(got) != 2 || got[run.ID] != 0.6 || !math.IsNaN(got[other.ID]) {
		t.Errorf("accuracy %v", got)
	}
	if got := get(s.LatestMetric(ctx, "recall"))(t); len(got) != 0 {
		t.Errorf("the latest evaluation has no recall, got %v", got)
	}
	if got := get(s.MetricNames(ctx))(t); !slices.Equal(got, []string{"accuracy", "recall"}) {
		t.Errorf("metrics %q", got)
	}
}

func TestTheStateOfTheCatalogTellsWhatHasChanged(t *testing.T) {
	s := openTemp(t)
	ctx := t.Context()
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	steps := []struct {
		name                       string
		do                         func() error
		runs, evaluations, settled bool
	}{
		{"nothing", func() error { return nil }, false, false, false},
		{"a point of a run that trains", func() error {
			w.Point("train/loss", 1, 1)
			w.Progress(1, 2)
			return w.Flush(ctx)
		}, false, false, false},
		{"an evaluation", func() error { return s.AddEvaluation(ctx, run.ID, evaluation(1)) }, false, true, false},
		{"its end", func() error { return w.Finish(ctx, record.StatusFinished, "") }, false, false, true},
		{"a tag", func() error { return s.UpdateTags(ctx, run.ID, []string{"t"}, nil) }, false, false, true},
		{"notes", func() error { return s.SetNotes(ctx, run.ID, "n") }, false, false, true},
		{"the archive", func() error { return s.Archive(ctx, run.ID) }, false, false, true},
		{"the trash", func() error { return s.Trash(ctx, run.ID) }, false, false, true},
		{"out of the trash", func() error { return s.Restore(ctx, run.ID) }, false, false, true},
		{"being deleted", func() error { return s.DeleteRun(ctx, run.ID, nil) }, true, true, true},
	}
	before := get(s.CatalogState(ctx))(t)
	whole := get(s.State(ctx))(t)
	for _, step := range steps {
		must(t, step.do())
		now := get(s.CatalogState(ctx))(t)
		if (now.Runs != before.Runs) != step.runs || (now.Evaluations != before.Evaluations) != step.evaluations ||
			(now.Settled != before.Settled) != step.settled {
			t.Errorf("%s: from %+v to %+v", step.name, before, now)
		}
		if state := get(s.State(ctx))(t); (state == whole) != (step.name == "nothing") {
			t.Errorf("%s: open pages learn of it: %v", step.name, state != whole)
		} else {
			whole = state
		}
		before = now
	}
}
