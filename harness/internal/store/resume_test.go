package store

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
)

// crash makes a run look as if its process had died.
func crash(t *testing.T, s *Store, runID string) {
	t.Helper()
	get(writing(t, s).Exec("UPDATE runs SET pid = 1 << 22 WHERE id = ?", runID))(t)
	if run := get(s.Run(t.Context(), runID))(t); run.Status != record.StatusCrashed {
		t.Fatalf("the run is %s", run.Status)
	}
}

func loss(step int) float64 { return 1 / math.Sqrt(float64(step)) }

func TestAResumedRunEqualsAnUninterruptedOne(t *testing.T) {
	s := openTemp(t)
	train := func(run *Run, from, to int) *Writer {
		w := openWriter(t, s, run.ID)
		for step := from; step <= to; step++ {
			w.Point("train/loss", step, loss(step))
			if step%10 == 0 {
				w.Point("epoch/loss", step, loss(step))
				must(t, w.Sample(t.Context(), sample(step, fmt.Sprint("grid of step ", step))))
			}
			if step > 25 {
				w.Point("late", step, 1)
			}
			w.Progress(step, 40)
		}
		return w
	}
	whole := newRun(t, s, "x")
	must(t, train(whole, 1, 40).Finish(t.Context(), record.StatusFinished, ""))

	resumed := newRun(t, s, "x")
	w := train(resumed, 1, 34)
	w.Log("info", "before")
	must(t, w.stop())
	crash(t, s, resumed.ID)
	must(t, s.StartResume(t.Context(), resumed.ID, 20))
	run := get(s.Run(t.Context(), resumed.ID))(t)
	if run.Status != record.StatusRunning || run.StatusReason != "" || run.PID != thisProcess().pid || run.LastStep != 20 ||
		run.Loss.Count != 20 || run.Loss.Last != loss(20) || run.Loss.Min != loss(20) || run.StartedAt.Before(run.CreatedAt) {
		t.Errorf("after the resume the run is %+v with loss %+v", run.RunInfo, run.Loss)
	}
	if samples := get(s.Samples(t.Context(), resumed.ID))(t); len(samples) != 2 {
		t.Errorf("%d samples are left, want 2", len(samples))
	}
	if n := countImages(t, s); n != 4 { // the other run has the same
		t.Errorf("%d pictures are left, want 4", n)
	}
	for _, m := range get(s.Summaries(t.Context(), resumed.ID))(t) {
		if m.Name == "late" {
			t.Error("a series without points is left")
		}
	}
	must(t, train(resumed, 21, 40).Finish(t.Context(), record.StatusFinished, ""))

	for _, name := range []string{"train/loss", "epoch/loss", "late"} {
		want := get(s.Series(t.Context(), whole.ID, name, SeriesOptions{}))(t)
		if diff := cmp.Diff(want, get(s.Series(t.Context(), resumed.ID, name, SeriesOptions{}))(t)); diff != "" {
			t.Errorf("%s: (-whole +resumed) %s", name, diff)
		}
	}
	logs := get(s.Logs(t.Context(), resumed.ID, LogOptions{}))(t)
	if len(logs) != 2 || logs[0].Message != "before" || !strings.HasPrefix(logs[1].Message, "resumed from step 20") {
		t.Errorf("log %+v", logs)
	}
}

func TestALiveRunIsNeitherResumedNorDeleted(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	for name, f := range map[string]func() error{
		"resume": func() error { return s.StartResume(t.Context(), run.ID, 0) },
		"delete": func() error { return s.DeleteRun(t.Context(), run.ID, nil) },
		"delete what stopped beating": func() error {
			get(writing(t, s).Exec("UPDATE runs SET heartbeat_at = heartbeat_at - 60000"))(t)
			return s.DeleteRun(t.Context(), run.ID, nil)
		},
	} {
		err := f()
		if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), run.Slug) || !strings.Contains(err.Error(),
			fmt.Sprint("process ", run.PID)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADeletedRunLeavesNothingButWhatOthersUse(t *testing.T) {
	s := openTemp(t)
	kept, gone := newRun(t, s, "kept"), newRun(t, s, "gone", func(n *NewRun) { n.Tags = []string{"tag"} })
	for _, run := range []*Run{kept, gone} {
		w := openWriter(t, s, run.ID)
		for step := range 100 {
			w.Point("train/loss", step, 1)
		}
		w.Log("info", "line")
		must(t, w.Sample(t.Context(), sample(1, "shared")))
		must(t, w.Sample(t.Context(), sample(2, "of "+run.Name)))
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	}
	before := get(s.Run(t.Context(), kept.ID))(t)
	must(t, s.DeleteRun(t.Context(), gone.ID, nil))

	for table, want := range map[string]int{"runs": 1, "run_records": 1, "run_config": 9, "run_tags": 0, "series": 1,
		"points": 100, "samples": 2, "images": 2, "logs": 1} {
		var n int
		must(t, s.read.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
		if n != want {
			t.Errorf("%d rows are left in %s, want %d", n, table, want)
		}
	}
	if diff := cmp.Diff(before, get(s.Run(t.Context(), kept.ID))(t)); diff != "" {
		t.Errorf("the other run changed: %s", diff)
	}
	must(t, s.Integrity(t.Context()))
}
