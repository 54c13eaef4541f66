package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flowharness/harness/internal/record"
)

func TestASweepKnowsItsRuns(t *testing.T) {
	s := openTemp(t)
	a, b := newRun(t, s, "a"), newRun(t, s, "b")
	must(t, s.PutSweep(t.Context(), "lr", "seeds: [0]\n"))
	must(t, s.PutSweep(t.Context(), "lr", "seeds: [0, 1]\n"))
	must(t, s.PutSweepRuns(t.Context(), "lr", []SweepRun{
		{b.ID, "lr=0.1", map[string]string{"train.lr": "0.1"}},
		{a.ID, "lr=0.01", map[string]string{"train.lr": "0.01"}},
	}))
	must(t, s.PutSweepRuns(t.Context(), "lr", []SweepRun{{b.ID, "lr=0.1", map[string]string{"train.lr": "1e-1"}}}))

	got := get(s.Sweep(t.Context(), "lr"))(t)
	want := &Sweep{Name: "lr", SourceYAML: "seeds: [0, 1]\n", Runs: []SweepRun{
		{a.ID, "lr=0.01", map[string]string{"train.lr": "0.01"}},
		{b.ID, "lr=0.1", map[string]string{"train.lr": "1e-1"}},
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Sweep{}, "CreatedAt")); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if got.CreatedAt.IsZero() {
		t.Error("it has no time of creation")
	}
	if list := get(s.Sweeps(t.Context()))(t); len(list) != 1 || list[0].Name != "lr" {
		t.Errorf("sweeps are %v", list)
	}
	if _, err := s.Sweep(t.Context(), "other"); !errors.Is(err, ErrNoSweep) {
		t.Errorf("an unknown sweep: %v", err)
	}
	if err := s.PutSweepRuns(t.Context(), "other", []SweepRun{{RunID: a.ID}}); err == nil {
		t.Error("a run was added to a sweep that does not exist")
	}
}

func TestADeletedRunLeavesItsSweeps(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "a")
	must(t, openWriter(t, s, run.ID).Finish(t.Context(), record.StatusFinished, ""))
	must(t, s.PutSweep(t.Context(), "lr", ""))
	must(t, s.PutSweepRuns(t.Context(), "lr", []SweepRun{{RunID: run.ID}}))
	must(t, s.DeleteRun(t.Context(), run.ID, nil))
	if got := get(s.Sweep(t.Context(), "lr"))(t); len(got.Runs) != 0 {
		t.Errorf("runs are %v", got.Runs)
	}
}

func TestRunsAreFoundByTheirConfig(t *testing.T) {
	s := openTemp(t)
	var ids []string
	for _, hash := range []string{"one", "two", "one", "three"} {
		ids = append(ids, newRun(t, s, "x", func(n *NewRun) { n.ConfigHash = hash }).ID)
	}
	var found []string
	for _, r := range get(s.RunsOf(t.Context(), "one", "three", "none"))(t) {
		found = append(found, r.ID)
	}
	if diff := cmp.Diff([]string{ids[0], ids[2], ids[3]}, found); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestATrainingThatIsTakenOverReadsLikeTheOriginal(t *testing.T) {
	s := openTemp(t)
	trained, other := newRun(t, s, "trained"), newRun(t, s, "other")
	w := openWriter(t, s, trained.ID)
	for step := 1; step <= 300; step++ {
		w.Point("train/loss", step, 1/float64(step))
		w.Point("time/sampling", step, 1)
	}
	w.Progress(300, 300)
	w.PeakMemory(1 << 30)
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	must(t, s.AdoptTraining(t.Context(), other.ID, trained.ID))
	// It goes on being recorded as a resumed run is.
	w = openWriter(t, s, other.ID)
	w.Point("time/sampling", 300, 2)
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))

	for _, id := range []string{trained.ID, other.ID} {
		points := get(s.Series(t.Context(), id, "train/loss", SeriesOptions{}))(t)
		if len(points) != 300 || points[299].Value != 1/300.0 {
			t.Errorf("%s has %d points", id, len(points))
		}
	}
	if diff := cmp.Diff(get(s.Summaries(t.Context(), trained.ID))(t)[1], get(s.Summaries(t.Context(), other.ID))(t)[1]); diff != "" {
		t.Errorf("summaries differ: %s", diff)
	}
	if sampling := get(s.Summaries(t.Context(), other.ID))(t)[0]; sampling.Count != 1 || sampling.Last != 2 {
		t.Errorf("time/sampling is %+v", sampling)
	}
	if r := get(s.Run(t.Context(), other.ID))(t); r.LastStep != 300 || r.TotalSteps != 300 || r.PeakMemoryBytes != 1<<30 {
		t.Errorf("progress is %d of %d, peak memory %d", r.LastStep, r.TotalSteps, r.PeakMemoryBytes)
	}
	if err := s.AdoptTraining(t.Context(), other.ID, "none"); !errors.As(err, new(*NotFoundError)) {
		t.Errorf("from no run: %v", err)
	}
}
