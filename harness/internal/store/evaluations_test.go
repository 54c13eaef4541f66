package store

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func evaluation(step int) EvaluationRecord {
	return EvaluationRecord{Drawing: drawing(step), Dataset: "mnist", Classifier: "c1a551", Correct: []bool{true, false, true},
		Metrics: []Metric{{"accuracy", 2. / 3, math.NaN()}, {"kid_mnist_cnn", -1e-3, 2e-4}, {"recall", math.NaN(), math.NaN()}}}
}

func TestEvaluationsReadBack(t *testing.T) {
	s := openTemp(t)
	run, other := newRun(t, s, "x"), newRun(t, s, "y")
	for _, step := range []int{20, 10} {
		must(t, s.AddEvaluation(t.Context(), run.ID, evaluation(step)))
	}
	must(t, s.AddEvaluation(t.Context(), other.ID, evaluation(30)))
	got := get(s.Evaluations(t.Context(), run.ID))(t)
	want := []Evaluation{{EvaluationRecord: evaluation(10)}, {EvaluationRecord: evaluation(20)}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Evaluation{}, "ID", "CreatedAt"), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestEvaluationsGoWithTheStepsThatARunRepeats(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	for _, step := range []int{10, 20} {
		must(t, s.AddEvaluation(t.Context(), run.ID, evaluation(step)))
	}
	w := openWriter(t, s, run.ID)
	must(t, w.Finish(t.Context(), StatusInterrupted, ""))
	must(t, s.StartResume(t.Context(), run.ID, 15))
	if got := get(s.Evaluations(t.Context(), run.ID))(t); len(got) != 1 || got[0].Step != 10 {
		t.Errorf("after resuming from step 15 there are %v", got)
	}
	w = openWriter(t, s, run.ID)
	must(t, w.Finish(t.Context(), StatusFinished, ""))
	must(t, s.DeleteRun(t.Context(), run.ID))
	var n int
	must(t, s.read.QueryRow("SELECT count(*) FROM evaluation_metrics").Scan(&n))
	if n != 0 {
		t.Errorf("%d metrics outlive their run", n)
	}
}

func TestABadEvaluationIsRefused(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	noName := evaluation(1)
	noName.Metrics = append(noName.Metrics, Metric{Value: 1})
	twice := evaluation(1)
	twice.Metrics = append(twice.Metrics, Metric{"accuracy", 1, 0})
	for says, r := range map[string]EvaluationRecord{"name": noName, "accuracy": twice} {
		if err := s.AddEvaluation(t.Context(), run.ID, r); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want one that says %q", err, says)
		}
	}
	if got := get(s.Evaluations(t.Context(), run.ID))(t); len(got) != 0 {
		t.Errorf("half an evaluation was recorded: %v", got)
	}
}

func TestReferencesReadBack(t *testing.T) {
	s := openTemp(t)
	metrics := []Metric{{"accuracy", 0.99, math.NaN()}, {"fd_mnist_cnn", 0.5, math.NaN()}}
	noise := Reference{"mnist", "c1a551", ReferenceNoise, 2000, metrics[:1]}
	few, many := Reference{"mnist", "c1a551", ReferenceReal, 500, metrics}, Reference{"mnist", "c1a551", ReferenceReal, 2000, metrics}
	for _, r := range []Reference{many, noise, few, many, {"digits", "c1a551", ReferenceReal, 7, metrics}} {
		must(t, s.AddReference(t.Context(), r))
	}
	got := get(s.References(t.Context(), "mnist", "c1a551"))(t)
	if diff := cmp.Diff([]Reference{noise, few, many}, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if err := s.AddReference(t.Context(), Reference{Kind: "model", Metrics: metrics}); err == nil {
		t.Error("an unknown kind is accepted")
	}
}

func TestTheNewestEvaluationsOfManyRuns(t *testing.T) {
	s := openTemp(t)
	a, b, none := newRun(t, s, "a"), newRun(t, s, "b"), newRun(t, s, "none")
	add := func(run *Run, step, steps int, accuracy float64) {
		d := Drawing{Step: step, Sampler: "euler", SamplerJSON: "{}", Steps: steps, Guidance: 2, Images: 2}
		must(t, s.AddEvaluation(t.Context(), run.ID, EvaluationRecord{Drawing: d, Dataset: "mnist", Classifier: "c", Correct: []bool{true, false},
			Metrics: []Metric{{"accuracy", accuracy, math.NaN()}, {"fd", 1, 0.1}}}))
	}
	add(a, 100, 10, 0.1)
	add(a, 300, 50, 0.5)
	add(a, 200, 10, 0.2)
	add(a, 200, 10, 0.3) // again, at the same step
	add(b, 100, 10, 0.7)
	got := get(s.LatestEvaluations(t.Context(), []string{a.ID, b.ID, none.ID, "nobody"}))(t)
	var said []string
	for _, run := range []*Run{a, b, none} {
		for _, e := range got[run.ID] {
			said = append(said, fmt.Sprint(run.Name, " ", e.Step, " ", e.Steps, " ", e.Metrics[0].Name, " ", e.Metrics[0].Value, " ", len(e.Metrics), " ", e.Correct == nil))
		}
	}
	if want := []string{"a 200 10 accuracy 0.3 2 true", "a 300 50 accuracy 0.5 2 true", "b 100 10 accuracy 0.7 2 true"}; !slices.Equal(said, want) || len(got) != 2 {
		t.Errorf("they are %q of %d runs, want %q", said, len(got), want)
	}
	if got := get(s.LatestEvaluations(t.Context(), nil))(t); len(got) != 0 {
		t.Errorf("of no runs there are %v", got)
	}
	// Otherwise they are what reading a run by itself gives.
	alone := get(s.Evaluations(t.Context(), b.ID))(t)
	alone[0].Correct = nil
	if diff := cmp.Diff(alone, got[b.ID], equateNaN); diff != "" {
		t.Errorf("(-alone +among many) %s", diff)
	}
}
