package store

import (
	"testing"
	"time"

	"flowharness/harness/internal/record"
)

func TestTheTimeOfAStepIsKnown(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	if times := get(s.WallTimes(t.Context(), run.ID))(t); len(times) != 0 || !times.At(1).IsZero() {
		t.Errorf("before the first step: %v", times)
	}
	w := openWriter(t, s, run.ID)
	begun := time.Now().Truncate(time.Millisecond)
	must(t, w.Flush(t.Context())) // no progress yet
	for step := 1; step <= 500; step++ {
		w.Progress(step, 1000)
		must(t, w.Flush(t.Context()))
	}
	time.Sleep(1100 * time.Millisecond) // a pause, as for drawing samples
	paused := time.Now().Truncate(time.Millisecond)
	for step := 501; step <= 600; step++ {
		w.Progress(step, 1000)
		must(t, w.Flush(t.Context()))
	}
	must(t, w.Finish(t.Context(), record.StatusInterrupted, ""))
	ended := time.Now()

	times := get(s.WallTimes(t.Context(), run.ID))(t)
	if len(times) < 4 || len(times) > 6 {
		t.Errorf("the times of %d steps were kept: %v", len(times), times)
	}
	for i := 1; i < len(times); i++ {
		if times[i].Step <= times[i-1].Step || times[i].At.Before(times[i-1].At) {
			t.Errorf("they do not rise: %v", times)
		}
	}
	if a, b := times.At(1), times.At(600); a.Before(begun) || b.After(ended) {
		t.Errorf("steps 1 and 600 were done at %v and %v, want between %v and %v", a, b, begun, ended)
	}
	if before, after := times.At(500), times.At(501); before.After(paused.Add(-time.Second)) || after.Before(paused) {
		t.Errorf("the steps around the pause that ended at %v were done at %v and %v", paused, before, after)
	}
	if !times.At(0).IsZero() || !times.At(601).IsZero() {
		t.Error("steps that were not done have times")
	}

	must(t, s.StartResume(t.Context(), run.ID, 500))
	if times := get(s.WallTimes(t.Context(), run.ID))(t); times[len(times)-1].Step != 500 {
		t.Errorf("resumed from step 500, there are %v", times)
	}
}

func TestTimesBetweenStepsAreInterpolated(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	times := StepTimes{{10, at(100)}, {20, at(120)}, {21, at(300)}}
	for step, want := range map[int]time.Time{9: {}, 10: at(100), 15: at(110), 20: at(120), 21: at(300), 22: {}} {
		if got := times.At(step); !got.Equal(want) {
			t.Errorf("step %d was done at %v, want %v", step, got, want)
		}
	}
}

// TestFewTimesAreKept follows the clock of a writer over some days of training.
func TestFewTimesAreKept(t *testing.T) {
	s := openTemp(t)
	w := openWriter(t, s, newRun(t, s, "x").ID)
	defer w.stop()
	w.flushing.Lock()
	defer w.flushing.Unlock()
	tx := get(writing(t, s).Begin())(t)
	defer tx.Rollback()
	kept, start := 0, time.Now()
	for tick := range 4 * 3600 * 48 {
		before := w.clock.step
		w.clock = get(w.keepTime(t.Context(), tx, tick, start.Add(time.Duration(tick)*flushEvery), false))(t)
		if w.clock.step != before {
			kept++
		}
	}
	if kept < 500 || kept > 5000 {
		t.Errorf("in 48 hours the times of %d steps were kept", kept)
	}
}
