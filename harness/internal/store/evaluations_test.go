package store

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flowharness/harness/internal/record"
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
	must(t, w.Finish(t.Context(), record.StatusInterrupted, ""))
	must(t, s.StartResume(t.Context(), run.ID, 15))
	if got := get(s.Evaluations(t.Context(), run.ID))(t); len(got) != 1 || got[0].Step != 10 {
		t.Errorf("after resuming from step 15 there are %v", got)
	}
	w = openWriter(t, s, run.ID)
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	must(t, s.DeleteRun(t.Context(), run.ID, nil))
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
