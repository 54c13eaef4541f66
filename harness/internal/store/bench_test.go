package store

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

// BenchmarkPoint is what a metric point costs the training loop.
func BenchmarkPoint(b *testing.B) {
	s := openTemp(b)
	w := openWriter(b, s, newRun(b, s, "x").ID)
	step := 0
	for b.Loop() {
		step++
		w.Point("train/loss", step, 0.25)
	}
	b.StopTimer()
	must(b, w.Finish(b.Context(), StatusFinished, ""))
}

// BenchmarkPoints records the five series of a training loop, flushed as by
// the clock, and reports the rate and the space of a point in the closed file.
func BenchmarkPoints(b *testing.B) {
	names := []string{"train/loss", "train/lr", "train/grad_norm", "time/step", "time/data_wait"}
	s := openTemp(b)
	empty := fileSize(b, s)
	s = openAt(b, s.Path())
	w := openWriter(b, s, newRun(b, s, "x").ID)
	step := 0
	start := time.Now()
	for b.Loop() {
		step++
		for i, name := range names {
			w.Point(name, step, 1/float64(step+i))
		}
		if step%10_000 == 0 {
			must(b, w.Flush(b.Context()))
		}
	}
	must(b, w.Finish(b.Context(), StatusFinished, ""))
	points := float64(step * len(names))
	b.ReportMetric(points/time.Since(start).Seconds(), "points/s")
	b.ReportMetric(float64(fileSize(b, s)-empty)/points, "bytes/point")
}

// BenchmarkFlush is what the writer does four times a second: it writes what a
// few training steps recorded.
func BenchmarkFlush(b *testing.B) {
	names := []string{"train/loss", "train/lr", "train/grad_norm", "time/step", "time/data_wait"}
	s := openTemp(b)
	w := openWriter(b, s, newRun(b, s, "x").ID)
	step := 0
	for b.Loop() {
		for range 3 {
			step++
			for _, name := range names {
				w.Point(name, step, 1/float64(step))
			}
		}
		must(b, w.Flush(b.Context()))
	}
	b.StopTimer()
	must(b, w.Finish(b.Context(), StatusFinished, ""))
}

// BenchmarkSeries reads a series of two million points as a plot needs it.
func BenchmarkSeries(b *testing.B) {
	points := shrunk(2_000_000, 2000)
	s := openTemp(b)
	run := newRun(b, s, "x")
	w := openWriter(b, s, run.ID)
	for step := range points {
		w.Point("train/loss", step, 1/float64(step+1))
		w.Point("time/step", step, 1/float64(step+1))
	}
	must(b, w.Finish(b.Context(), StatusFinished, ""))
	b.Run("thinned to 1000 points", func(b *testing.B) {
		for b.Loop() {
			get(s.Series(b.Context(), run.ID, "train/loss", SeriesOptions{MaxPoints: 1000}))(b)
		}
	})
	b.Run("all points", func(b *testing.B) {
		for b.Loop() {
			get(s.Series(b.Context(), run.ID, "train/loss", SeriesOptions{}))(b)
		}
	})
	b.Run("percentiles", func(b *testing.B) {
		for b.Loop() {
			get(s.Phases(b.Context(), run.ID))(b)
		}
	})
}

// BenchmarkListRuns lists two thousand runs with their losses.
func BenchmarkListRuns(b *testing.B) {
	s := openTemp(b)
	for range shrunk(2000, 20) {
		w := openWriter(b, s, newRun(b, s, "x").ID)
		w.Point("train/loss", 1, 0.5)
		must(b, w.Finish(b.Context(), StatusFinished, ""))
	}
	for b.Loop() {
		get(s.ListRuns(b.Context(), Filter{Where: []string{"train.lr=0.001"}, Sort: "loss"}))(b)
	}
}

var mergeRuns = flag.Int("merge.runs", 100, "runs that BenchmarkMerge merges")

// BenchmarkMerge merges runs of 10,000 points in five series each into an empty
// store, and then again, when they are all there.
func BenchmarkMerge(b *testing.B) {
	runs := shrunk(*mergeRuns, 5)
	const steps = 2000
	names := []string{"train/loss", "train/lr", "train/grad_norm", "time/step", "time/data_wait"}
	src := openTemp(b)
	for i := range runs {
		w := openWriter(b, src, newRun(b, src, fmt.Sprint("run", i)).ID)
		for step := 1; step <= steps; step++ {
			for j, name := range names {
				w.Point(name, step, 1/float64(step+i+j))
			}
		}
		w.Progress(steps, steps)
		must(b, w.Finish(b.Context(), StatusFinished, ""))
	}
	points := float64(runs * steps * len(names))
	b.Run("new runs", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			dst := openTemp(b)
			b.StartTimer()
			checkMerge(b, dst, src.Path(), MergeResult{Added: runs})
		}
		b.ReportMetric(points*float64(b.N)/b.Elapsed().Seconds(), "points/s")
	})
	b.Run("the same again", func(b *testing.B) {
		dst := openTemp(b)
		checkMerge(b, dst, src.Path(), MergeResult{Added: runs})
		for b.Loop() {
			checkMerge(b, dst, src.Path(), MergeResult{Same: runs})
		}
		b.ReportMetric(float64(runs*b.N)/b.Elapsed().Seconds(), "runs/s")
	})
}

// shrunk is a size of what is measured, or with -short, which only asks whether
// the benchmark works, a small one.
func shrunk(size, small int) int {
	if testing.Short() {
		return small
	}
	return size
}

// fileSize closes a store and measures its file.
func fileSize(b *testing.B, s *Store) int64 {
	must(b, s.Close())
	return get(os.Stat(s.Path()))(b).Size()
}
