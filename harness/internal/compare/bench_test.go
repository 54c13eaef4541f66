package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// bulk fills a store with runs of so many steps, each with the series of a real
// one and two evaluations: 20 variants, the others are their seeds.
func bulk(tb testing.TB, path string, runs, steps int) *store.Store {
	tb.Helper()
	st, err := store.Open(tb.Context(), path)
	must(tb, err)
	config, environment := bulkConfig(), map[string]any{"machine": map[string]any{"hostname": "box", "cpus": 2,
		"cpu_features": strings.Fields(strings.Repeat("avx512 ", 40))}}
	correct := make([]bool, 1000)
	for run := range runs {
		variant, seed := run%20, run/20
		r, err := st.CreateRun(tb.Context(), store.NewRun{Name: fmt.Sprintf("variant_%d", variant), Seed: uint64(seed), Process: "flow_match",
			Dataset: "mnist", ConfigHash: "c0ffee",
			ResolvedYAML: strings.NewReplacer("SEED", fmt.Sprint(seed), "LR",
				fmt.Sprintf("0.00%d", variant+1)).Replace(config), Environment: environment})
		must(tb, err)
		w, err := st.OpenWriter(tb.Context(), r.ID)
		must(tb, err)
		rng := random.New(uint64(run), "bench", 0)
		for step := 1; step <= steps; step++ {
			w.Point("train/loss", step, 0.2+1/float64(step)+0.01*rng.NormFloat64())
			w.Point("train/lr", step, 0.001)
			w.Point("train/grad_norm", step, 1)
			w.Phase("step", step, time.Duration(10e6+1e5*rng.NormFloat64()))
			w.Phase("data_wait", step, time.Millisecond)
			if step%1000 == 0 {
				w.Point("val/loss", step, 0.2+1/float64(step))
			}
		}
		for i := range correct {
			correct[i] = rng.Float64() < 0.9
		}
		for _, n := range []int{10, 50} {
			d := record.Drawing{Sampler: "euler", SamplerJSON: `{"name":"euler"}`, Steps: n, Guidance: 2, NFE: 2 * n, Images: len(correct),
				Seconds: 10, Step: steps}
			must(tb, st.AddEvaluation(tb.Context(), r.ID, store.EvaluationRecord{Drawing: d, Dataset: "mnist", Classifier: classifier,
				Correct: correct,
				Metrics: []store.Metric{{Name: "accuracy", Value: 0.9 + 0.01*rng.NormFloat64()},
					{Name: "fd_mnist_cnn", Value: 1 + 0.1*rng.NormFloat64()}, {Name: "kid_mnist_cnn", Value: 0.01}, {Name: "precision", Value: 0.9}}}))
		}
		w.Progress(steps, steps)
		must(tb, w.Finish(tb.Context(), record.StatusFinished, ""))
	}
	return st
}

func bulkConfig() string {
	var b strings.Builder
	b.WriteString("name: x\nseed: SEED\nprocess: {name: flow_match, prediction_type: velocity}\ntrain:\n  lr: LR\n")
	for i := range 40 {
		fmt.Fprintf(&b, "  key_%d: %d\n", i, i)
	}
	return b.String()
}

// latest are the last runs of a store.
func latest(tb testing.TB, st *store.Store, n int) []*store.Run {
	infos, err := st.ListRuns(tb.Context(), store.Filter{Limit: n})
	must(tb, err)
	var runs []*store.Run
	for _, info := range infos {
		run, err := st.Run(tb.Context(), info.ID)
		must(tb, err)
		runs = append(runs, run)
	}
	return runs
}

// BenchmarkThousandRuns is the store: 1,000 runs of 10,000 steps, five
// series each. It takes minutes and gigabytes to make; $HARNESS_BENCH_STORE
// keeps it in a file for the next time.
func BenchmarkThousandRuns(b *testing.B) {
	path, runs, steps := os.Getenv("HARNESS_BENCH_STORE"), 1000, 10_000
	if path == "" || testing.Short() {
		path = filepath.Join(b.TempDir(), "harness.db")
	}
	if testing.Short() { // does it work?
		runs, steps = 100, 20
	}
	var st *store.Store
	if _, err := os.Stat(path); err != nil {
		st = bulk(b, path, runs, steps)
	} else if st, err = store.Open(b.Context(), path); err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if infos, err := st.ListRuns(b.Context(), store.Filter{}); err != nil || len(infos) != runs {
				b.Fatal(len(infos), err)
			}
		}
	})
	for _, n := range []int{2, 100} {
		b.Run(fmt.Sprintf("compare %d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Load(b.Context(), st, latest(b, st, n)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestComparingIsFastEnough asserts generous multiples of the limits on a
// smaller store; the benchmark measures them.
func TestComparingIsFastEnough(t *testing.T) {
	st := bulk(t, filepath.Join(t.TempDir(), "harness.db"), 30, 2000)
	defer st.Close()
	for _, c := range []struct {
		what  string
		limit time.Duration
		do    func() error
	}{
		{"listing", 500 * time.Millisecond, func() error { _, err := st.ListRuns(t.Context(), store.Filter{}); return err }},
		{"comparing 2 runs", 1500 * time.Millisecond, func() error { _, err := Load(t.Context(), st, latest(t, st, 2)); return err }},
		{"comparing 30 runs", 6 * time.Second, func() error { _, err := Load(t.Context(), st, latest(t, st, 30)); return err }},
	} {
		start := time.Now()
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > c.limit {
			t.Errorf("%s took %v, more than %v", c.what, took, c.limit)
		} else {
			t.Logf("%s took %v", c.what, took)
		}
	}
}
