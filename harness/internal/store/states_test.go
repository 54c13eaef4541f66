package store

import (
	"testing"

	"flowharness/harness/internal/record"
)

func TestTheStateOfARunChangesWithItAlone(t *testing.T) {
	s := openTemp(t)
	a, b := newRun(t, s, "a"), newRun(t, s, "b")
	before := get(s.States(t.Context(), a.ID, b.ID, "nobody"))(t)
	if len(before) != 2 {
		t.Fatalf("states are %v", before)
	}
	must(t, s.AddEvaluation(t.Context(), a.ID, EvaluationRecord{Drawing: record.Drawing{SamplerJSON: "{}"},
		Metrics: []Metric{{Name: "accuracy", Value: 1}}}))
	after := get(s.States(t.Context(), a.ID, b.ID))(t)
	if after[a.ID] == before[a.ID] {
		t.Error("an evaluation does not change the state of its run")
	}
	if after[b.ID] != before[b.ID] {
		t.Error("it changes the state of another")
	}
}

func TestTheRunsOfASweepAreListedWithTheirStatus(t *testing.T) {
	s := openTemp(t)
	a, other := newRun(t, s, "a"), newRun(t, s, "b")
	must(t, s.PutSweep(t.Context(), "lr", ""))
	must(t, s.PutSweepRuns(t.Context(), "lr", []SweepRun{{RunID: a.ID}}))
	got := get(s.SweepInfos(t.Context(), "lr"))(t)
	if len(got) != 1 || got[0].ID != a.ID || got[0].Status != record.StatusRunning {
		t.Errorf("runs are %+v, want that of %s and not %s", got, a.ID, other.ID)
	}
}
