package main

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// frames are what harness watch may see.
func frames() map[string]watched {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	info := store.RunInfo{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Slug: "brave-otter-42", Name: "fm_fast",
		Status: record.StatusRunning, Seed: 7, Process: "flow_match", Dataset: "mnist"}
	begun := progress.Run{Info: info}
	training := progress.Run{Info: info, Progress: progress.Progress{Step: 1200, Total: 5000, Rate: 35.25, ETA: 107801 * time.Millisecond},
		Series: []store.SeriesSummary{
			{Name: "time/data_wait", Count: 1200, LastStep: 1200, Last: 1e-5, Sum: 0.02},
			{Name: "time/step", Count: 1199, LastStep: 1200, Last: 0.0281, Sum: 34},
			{Name: "train/grad_norm", Count: 1200, LastStep: 1200, Last: 0.52, Min: 0.31},
			{Name: "train/loss", Count: 1200, LastStep: 1200, Last: 0.1234567, Min: 0.11},
			{Name: "train/lr", Count: 1200, LastStep: 1200, Last: 1e-3, Min: 1e-6},
			{Name: "val/loss", Count: 2, LastStep: 1000, Last: 0.13, Min: 0.13},
		},
		Evaluations: []store.Evaluation{{EvaluationRecord: store.EvaluationRecord{Drawing: record.Drawing{Step: 1000,
			Sampler: "heun", Steps: 8, Guidance: 2, Images: 1000},
			Metrics: []store.Metric{{Name: "accuracy", Value: 0.97, StdErr: 0.005}, {Name: "fd", Value: 12.34, StdErr: math.NaN()}}}}},
		Sample: &store.Sample{SampleRecord: store.SampleRecord{Drawing: record.Drawing{Step: 1000, Sampler: "euler", Steps: 16,
			Guidance: 1.5, Images: 44, Seconds: 1.5}}},
		Log: []store.LogLine{{Line: 1, At: at, Level: "info", Message: "training on xla:cpu, from step 0"}, {Line: 2,
			At: at.Add(time.Minute), Level: "warning", Message: "a line\x1b[31m with control characters"}},
	}
	for i := range 20 {
		training.Loss = append(training.Loss, store.Bin{First: 60*i + 1, Last: 60 * (i + 1), Count: 60,
			Mean: math.Exp(-float64(i) / 5), HasNaN: i == 10})
	}
	loss := store.SeriesSummary{Name: "train/loss", Last: 0.1234567}
	training.Info.Loss = &loss
	failed := progress.Run{Info: info, Progress: progress.Progress{Step: 3, Total: 12}}
	failed.Info.Status, failed.Info.StatusReason = record.StatusFailed, "writing a checkpoint:\nthe disk is full"
	live := []progress.Live{
		{Slug: "calm-heron-7", Variant: "lr=0.001", Seed: 1, Progress: progress.Progress{Step: 10, Total: 80, Rate: 2.5,
			ETA: 28 * time.Second}, Loss: 0.5},
		{Slug: "shy-ibex-101", Variant: "lr=0.01", Seed: 12, Loss: math.NaN(), Doing: "compiling the training step"},
	}
	many := progress.Sweep{Name: "many", Runs: 30, Count: map[sweep.State]int{sweep.StateRunning: 25, sweep.StateNew: 5}}
	for range 25 {
		many.Live = append(many.Live, live[0])
	}
	return map[string]watched{
		"begun": {run: &begun}, "training": {run: &training}, "failed": {run: &failed},
		"sweep": {sweep: &progress.Sweep{Name: "lr", Runs: 10, Live: live, ETA: 90 * time.Second,
			Count: map[sweep.State]int{sweep.StateDone: 3, sweep.StateDiverged: 1, sweep.StateRunning: 2, sweep.StateFailed: 1, sweep.StateNew: 3}}},
		"sweep_many":  {sweep: &many},
		"sweep_ended": {sweep: &progress.Sweep{Name: "lr", Runs: 4, Count: map[sweep.State]int{sweep.StateDone: 4}, Ended: true}},
	}
}

func TestFramesAreAsTheyWere(t *testing.T) {
	for name, w := range frames() {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", "watch", name+".txt")
			got := strings.Join(frame(w), "\n") + "\n\n" + headline(w) + "\n"
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got) %s", diff)
			}
			if strings.ContainsAny(got, "\x1b\r") {
				t.Errorf("control characters in %q", got)
			}
		})
	}
}

func TestALineIsPrintedForEachChangeAndNowAndThenForSteps(t *testing.T) {
	l := &watchLines{every: 10 * time.Second}
	r := progress.Run{Info: store.RunInfo{Slug: "a", Status: record.StatusRunning}, Progress: progress.Progress{Step: 1, Total: 9}}
	start := time.Unix(0, 0)
	for _, c := range []struct {
		name    string
		after   time.Duration
		change  func()
		printed bool
	}{
		{"the first", 0, func() {}, true},
		{"nothing", time.Minute, func() {}, false},
		{"a step, long after the last line", time.Minute, func() { r.Progress.Step = 2 }, true},
		{"a step soon after it", time.Minute + 9*time.Second, func() { r.Progress.Step = 3 }, false},
		{"the same step later", time.Minute + 10*time.Second, func() {}, true},
		{"a validation", time.Minute + 11*time.Second, func() { r.Series = []store.SeriesSummary{{Name: "val/loss", LastStep: 3}} }, true},
		{"the end", time.Minute + 12*time.Second, func() { r.Info.Status = record.StatusFinished }, true},
	} {
		c.change()
		if line, ok := l.next(watched{run: &r}, start.Add(c.after)); ok != c.printed {
			t.Errorf("%s: printed %v (%q), want %v", c.name, ok, line, c.printed)
		}
	}
}
