package store

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/record"
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
	must(b, w.Finish(b.Context(), record.StatusFinished, ""))
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
	must(b, w.Finish(b.Context(), record.StatusFinished, ""))
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
	must(b, w.Finish(b.Context(), record.StatusFinished, ""))
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
	must(b, w.Finish(b.Context(), record.StatusFinished, ""))
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
		must(b, w.Finish(b.Context(), record.StatusFinished, ""))
	}
	for b.Loop() {
		get(s.ListRuns(b.Context(), Filter{Where: []string{"train.lr=0.001"}, Sort: "loss"}))(b)
	}
}

// BenchmarkManyRuns is what a page of runs asks of a store of 10,000 runs with
// 1,000 points each.
func BenchmarkManyRuns(b *testing.B) {
	runs := shrunk(10_000, 50)
	s := openTemp(b)
	fillMany(b, s, runs)
	for _, key := range SortKeys() {
		b.Run("100 by "+key, func(b *testing.B) {
			for b.Loop() {
				if list := get(s.ListRuns(b.Context(), Filter{Sort: key, Desc: true, Limit: 100}))(b); len(list) != min(100, runs) {
					b.Fatalf("%d runs", len(list))
				}
			}
		})
	}
	for name, f := range map[string]Filter{"all": {}, "by a condition": {Where: []string{"train.lr=0.001"}}, "by text": {Text: "x"}} {
		b.Run("match "+name, func(b *testing.B) {
			for b.Loop() {
				if n := len(get(s.MatchRuns(b.Context(), f))(b)); n != runs {
					b.Fatalf("%d runs", n)
				}
			}
		})
	}
	b.Run("a metric of all", func(b *testing.B) {
		for b.Loop() {
			if latest := get(s.LatestMetric(b.Context(), "accuracy"))(b); len(latest) != runs {
				b.Fatalf("of %d runs", len(latest))
			}
		}
	})
}

// fillMany fills a store with finished runs: one is recorded, the others are
// copies of it by SQL.
func fillMany(b *testing.B, s *Store, runs int) {
	run := newRun(b, s, "x", func(n *NewRun) { n.Tags = []string{"paper"} })
	w := openWriter(b, s, run.ID)
	for step := 1; step <= 1000; step++ {
		w.Point("train/loss", step, 1/float64(step))
	}
	w.Progress(1000, 1000)
	must(b, w.Finish(b.Context(), record.StatusFinished, ""))
	for step := range 3 {
		d := record.Drawing{Step: step * 500, Sampler: "euler", SamplerJSON: "{}", Steps: 50, Guidance: 2, Images: 1000}
		must(b, s.AddEvaluation(b.Context(), run.ID, EvaluationRecord{Drawing: d, Dataset: "mnist", Correct: make([]bool, 1000),
			Metrics: []Metric{{"accuracy", 0.9, 0.01}, {"fd", 1, 0.1}, {"kid", 0.1, 0.01}}}))
	}
	columns, numbered, err := readColumns(b.Context(), writing(b, s))
	must(b, err)
	tx := get(writing(b, s).Begin())(b)
	get(tx.Exec(`CREATE TEMP TABLE copies AS WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= ?)
		SELECT i, printf('01ZZZZZZZZZZZZZZZZZZZ%05d', i) AS id FROM n WHERE i <= ?`, runs, runs))(b)
	for _, t := range []struct{ table, key, value string }{
		{"runs", "id", "copies.id"}, {"run_records", "run_id", "copies.id"}, {"run_config", "run_id", "copies.id"}, {"run_tags",
			"run_id", "copies.id"},
		{"step_times", "run_id", "copies.id"}, {"series", "run_id", "copies.id"}, {"points", "series_id", "i"}, {"blocks", "series_id", "i"},
		{"evaluations", "run_id", "copies.id"},
	} {
		names := without(columns[t.table], numbered[t.table], t.key)
		if t.table == "runs" {
			names = without(columns[t.table], t.key)
		}
		values := make([]string, len(names))
		for i, n := range names {
			values[i] = "o." + n
			switch n {
			case "slug":
				values[i] = "'run-' || i"
			case "seed":
				values[i] = "i * 7919 % 10000"
			}
		}
		get(tx.Exec(fmt.Sprintf("INSERT INTO %s (%s, %s) SELECT %s, %s FROM copies, %s AS o ORDER BY i", t.table, t.key,
			strings.Join(names, ", "),
			t.value, strings.Join(values, ", "), t.table)))(b)
	}
	get(tx.Exec(`INSERT INTO evaluation_metrics SELECT e.id, m.name, m.value, m.standard_error
		FROM evaluations AS e, evaluation_metrics AS m WHERE m.evaluation_id = 1 AND e.id > 3`))(b)
	get(tx.Exec(`UPDATE series SET last = id * 7919 % 10000 + 0.5`))(b)
	must(b, tx.Commit())
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
		must(b, w.Finish(b.Context(), record.StatusFinished, ""))
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
