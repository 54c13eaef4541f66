package store

import (
	"errors"
	"testing"

	"flowharness/harness/internal/record"
)

func TestAStoppedRunReadsAsSuchUntilItIsResumed(t *testing.T) {
	s := openTemp(t)
	run := recordFully(t, s, "x", 1, record.StatusInterrupted)
	is := func(status record.Status, reason string) {
		t.Helper()
		got := get(s.Run(t.Context(), run.ID))(t)
		if got.Status != status || got.StatusReason != reason {
			t.Errorf("it is %s (%s), want %s (%s)", got.Status, got.StatusReason, status, reason)
		}
		for _, other := range record.Statuses() {
			f := Filter{Status: []record.Status{other}}
			list, matched := get(s.ListRuns(t.Context(), f))(t), get(s.MatchRuns(t.Context(), f))(t)
			if want := other == status; (len(list) == 1) != want || (len(matched) == 1) != want {
				t.Errorf("runs that are %s: %v, %v", other, list, matched)
			}
		}
	}
	whole, single := get(s.State(t.Context()))(t), get(s.State(t.Context(), run.ID))(t)
	must(t, s.StopRun(t.Context(), run.ID, "it was behind"))
	is(record.StatusStopped, "it was behind")
	if get(s.State(t.Context()))(t) == whole || get(s.State(t.Context(), run.ID))(t) == single {
		t.Error("stopping a run does not change the state that pages watch")
	}
	must(t, s.UnstopRun(t.Context(), run.ID))
	is(record.StatusInterrupted, "")
	must(t, s.StopRun(t.Context(), run.ID, "it was behind again"))
	must(t, s.StartResume(t.Context(), run.ID, 20))
	is(record.StatusRunning, "")
	if err := s.StopRun(t.Context(), run.ID, "too early"); !errors.Is(err, ErrRunning) {
		t.Errorf("stopping a live run gave %v", err)
	}
	endRun(t, s, run.ID, record.StatusInterrupted)
	is(record.StatusInterrupted, "because")
	endRun(t, s, run.ID, record.StatusFinished)
	must(t, s.StopRun(t.Context(), run.ID, "too late"))
	must(t, s.UnstopRun(t.Context(), run.ID))
	is(record.StatusFinished, "because")

	_, notFound := errors.AsType[*NotFoundError](s.StopRun(t.Context(), "nobody", ""))
	if _, ok := errors.AsType[*NotFoundError](s.UnstopRun(t.Context(), "nobody")); !ok || !notFound {
		t.Error("a run that does not exist is stopped")
	}
}
