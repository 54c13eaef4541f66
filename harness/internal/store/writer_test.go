package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/storefile/storefiletest"
)

func TestARunIsReadableWhileItIsWritten(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	defer w.Finish(t.Context(), record.StatusFinished, "")
	w.Point("train/loss", 1, 0.5)
	w.Log("info", "hello")
	w.Progress(1, 10)
	w.PeakMemory(123)
	deadline := time.Now().Add(10 * time.Second)
	for {
		got := get(s.Run(t.Context(), run.ID))(t)
		if got.Loss != nil && got.Loss.Last == 0.5 && got.LastStep == 1 && got.TotalSteps == 10 && got.PeakMemoryBytes == 123 &&
			got.Status == record.StatusRunning && len(get(s.Logs(t.Context(), run.ID, LogOptions{}))(t)) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after ten seconds the run is %+v", got)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestAnIdleWriterKeepsBeating(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	defer w.Finish(t.Context(), record.StatusFinished, "")
	w.Progress(7, 10)
	for beats, last := 0, run.HeartbeatAt; beats < 3; {
		got := get(s.Run(t.Context(), run.ID))(t)
		if got.HeartbeatAt.After(last) {
			beats++
			last = got.HeartbeatAt
		}
		if beats > 1 && got.LastStep != 7 {
			t.Fatalf("a heartbeat set the progress to %d", got.LastStep)
		}
		if time.Since(run.CreatedAt) > 10*time.Second {
			t.Fatal("no three heartbeats in ten seconds")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestAPointIsCheap(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	const n = 200_000
	start := time.Now()
	for step := range n {
		w.Point("train/loss", step, 0.25)
	}
	each := time.Since(start) / n
	t.Logf("%v a point", each)
	if each > 5*time.Microsecond {
		t.Errorf("a point costs %v", each)
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	if got := get(s.Run(t.Context(), run.ID))(t).Loss; got.Count != n {
		t.Errorf("%d points were kept", got.Count)
	}
}

func TestManyGoroutinesMayRecord(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			name := fmt.Sprint("series ", g)
			for step := range 500 {
				w.Point(name, step, float64(step))
				w.Log("info", name)
				w.Progress(step, 500)
				if step%100 == 0 {
					if err := w.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	for _, m := range get(s.Summaries(t.Context(), run.ID))(t) {
		if m.Count != 500 || m.Max != 499 {
			t.Errorf("%+v", m)
		}
	}
	if logs := get(s.Logs(t.Context(), run.ID, LogOptions{}))(t); len(logs) != 4000 || logs[3999].Line != 4000 {
		t.Errorf("%d log lines", len(logs))
	}
}

func TestALaterValueOfAStepReplacesTheEarlier(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	for _, flushed := range []bool{true, false} {
		for _, p := range []Point{{Step: 3, Value: 30}, {Step: 5, Value: math.NaN()}, {Step: 5, Value: 50}, {Step: 4, Value: 40},
			{Step: 5, Value: 51}, {Step: 1, Value: 10}} {
			w.Point("a", p.Step, p.Value)
			if flushed {
				must(t, w.Flush(t.Context()))
			}
		}
		want := []Point{{Step: 1, Value: 10}, {Step: 3, Value: 30}, {Step: 4, Value: 40}, {Step: 5, Value: 51}}
		must(t, w.Flush(t.Context()))
		if diff := cmp.Diff(want, get(s.Series(t.Context(), run.ID, "a", SeriesOptions{}))(t)); diff != "" {
			t.Errorf("(-want +got) %s", diff)
		}
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	want := []SeriesSummary{{Name: "a", Count: 4, LastStep: 5, Last: 51, Min: 10, Max: 51, Sum: 131}}
	if diff := cmp.Diff(want, get(s.Summaries(t.Context(), run.ID))(t)); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestFinishRecordsTheEnd(t *testing.T) {
	for _, status := range endStatuses {
		t.Run(string(status), func(t *testing.T) {
			s := openTemp(t)
			run := newRun(t, s, "x")
			w := openWriter(t, s, run.ID)
			w.Point("train/loss", 1, 1)
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // the run was told to stop
			must(t, w.Finish(ctx, status, "because"))
			got := get(s.Run(t.Context(), run.ID))(t)
			if got.Status != status || got.StatusReason != "because" || got.EndedAt.Before(got.StartedAt) || got.Loss == nil {
				t.Errorf("%+v", got.RunInfo)
			}
		})
	}
}

func TestAFinishedWriterRecordsNothingMore(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	if err := w.Finish(t.Context(), record.StatusCrashed, ""); err == nil || !strings.Contains(err.Error(), "finished") {
		t.Errorf("ending as crashed: %v", err)
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	w.Point("train/loss", 1, 1)
	w.Log("info", "late")
	if err := w.Flush(t.Context()); !errors.Is(err, errFinished) {
		t.Errorf("flushing: %v", err)
	}
	if err := w.Finish(t.Context(), record.StatusFailed, ""); !errors.Is(err, errFinished) {
		t.Errorf("finishing again: %v", err)
	}
	must(t, s.Close())
	run = get(openAt(t, s.Path()).Run(t.Context(), run.ID))(t)
	if run.Status != record.StatusFinished || run.Loss != nil {
		t.Errorf("%+v", run.RunInfo)
	}
}

func TestOnlyARunningRunHasAWriter(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	must(t, openWriter(t, s, run.ID).Finish(t.Context(), record.StatusFinished, ""))
	if _, err := s.OpenWriter(t.Context(), run.ID); err == nil || !strings.Contains(err.Error(), "finished, not running") {
		t.Errorf("error is %v", err)
	}
	if _, err := s.OpenWriter(t.Context(), "none"); err == nil {
		t.Error("an unknown run got a writer")
	}
	reading := get(OpenReadOnly(t.Context(), s.Path()))(t)
	defer reading.Close()
	if _, err := reading.OpenWriter(t.Context(), run.ID); !errors.Is(err, ErrReadOnly) {
		t.Errorf("writer of a store opened for reading: %v", err)
	}
}

func TestClosingTheStoreKeepsWhatAnUnfinishedWriterHas(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	openWriter(t, s, run.ID).Point("train/loss", 1, 1)
	must(t, s.Close())
	got := get(openAt(t, s.Path()).Run(t.Context(), run.ID))(t)
	if got.Loss == nil || got.Status != record.StatusRunning {
		t.Errorf("%+v", got.RunInfo)
	}
}

func TestAWriterOutlastsALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := get(openHurriedly(t, path))(t)
	defer s.Close()
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	w.Point("train/loss", 1, 1)
	must(t, w.Flush(t.Context()))

	other := storefiletest.Connect(t, path)
	defer other.Close()
	tx := get(other.Begin())(t)
	w.Point("train/loss", 2, 2)
	w.Log("info", "first")
	checkError(t, w.Flush(t.Context()), ErrLocked, "recording the run", path)
	w.Point("train/loss", 3, 3)
	w.Log("info", "second")
	must(t, w.Err())
	time.AfterFunc(300*time.Millisecond, func() { tx.Rollback() })
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))

	want := []Point{{Step: 1, Value: 1}, {Step: 2, Value: 2}, {Step: 3, Value: 3}}
	if diff := cmp.Diff(want, get(s.Series(t.Context(), run.ID, "train/loss", SeriesOptions{}))(t)); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	logs := get(s.Logs(t.Context(), run.ID, LogOptions{}))(t)
	if len(logs) != 2 || logs[0].Message != "first" || logs[1].Message != "second" {
		t.Errorf("%v", logs)
	}
}

func TestARunThatWasTakenAwayIsAFailure(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	get(writing(t, s).Exec("DELETE FROM runs WHERE id = ?", run.ID))(t)
	w.Progress(1, 2)
	w.Flush(t.Context()) // its error is the one that Err keeps
	if err := w.Err(); !errors.Is(err, errLost) || !strings.Contains(err.Error(), run.ID) {
		t.Errorf("error is %v", err)
	}
	if err := w.Finish(t.Context(), record.StatusFinished, ""); !errors.Is(err, errLost) {
		t.Errorf("finishing: %v", err)
	}
}

func TestLogsCanBeFollowed(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	for i := range 5 {
		w.Log("warning", fmt.Sprintf("line %d of é\x00'", i+1))
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	for _, c := range []struct {
		name string
		o    LogOptions
		want []int
	}{
		{"all", LogOptions{}, []int{1, 2, 3, 4, 5}},
		{"last two", LogOptions{Tail: 2}, []int{4, 5}},
		{"after the third", LogOptions{After: 3}, []int{4, 5}},
		{"the last after the third", LogOptions{After: 3, Tail: 1}, []int{5}},
		{"after the last", LogOptions{After: 5}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int
			for _, l := range get(s.Logs(t.Context(), run.ID, c.o))(t) {
				got = append(got, l.Line)
				if l.Message != fmt.Sprintf("line %d of é\x00'", l.Line) || l.Level != "warning" || time.Since(l.At) > time.Minute {
					t.Errorf("%+v", l)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got) %s", diff)
			}
		})
	}
}
