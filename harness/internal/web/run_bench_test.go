package web_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// BenchmarkRunPage asks for the page of a run with 500,000 points in 5 series.
// The server may take 100 ms for it.
func BenchmarkRunPage(b *testing.B) {
	st := newStore(b)
	run := longRun(b, st, 100_000, record.StatusFinished)
	live := longRun(b, st, 100_000, record.StatusRunning)
	address := serve(b, web.Options{Store: st})
	for _, c := range []struct{ name, path string }{
		{"whole", "/runs/" + run.Slug},
		{"over time", "/runs/" + run.Slug + "?x=time"},
		{"a half", "/runs/" + run.Slug + "?zoom=20000-70000"},
		{"a stretch", "/runs/" + run.Slug + "?zoom=50000-50400"},
		{"while it runs", "/runs/" + live.Slug},
	} {
		b.Run(c.name, func(b *testing.B) {
			var size int64
			for b.Loop() {
				size = fetchPage(b, address+c.path)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// longRun is a run with a noisy loss, a gradient norm, a learning rate and two
// phases at each of so many steps.
func longRun(t testing.TB, st *store.Store, steps int, status record.Status) *store.Run {
	t.Helper()
	ctx := t.Context()
	run, err := st.CreateRun(ctx, store.NewRun{Name: "long", Seed: 1, Process: "flow_match", Dataset: "digits", ConfigHash: "x",
		ResolvedYAML: "name: long\nseed: 1\ntrain: {steps: 100000}\n", Environment: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for step := 1; step <= steps; step++ {
		w.Point("train/loss", step, math.Exp(-float64(step)/20000)+0.1*random.Float64())
		w.Point("train/grad_norm", step, random.ExpFloat64())
		w.Point("train/lr", step, 1e-3*(1-float64(step)/float64(steps+1)))
		w.Phase("step", step, time.Duration(1e6+random.IntN(1e5)))
		w.Phase("data_wait", step, time.Duration(random.IntN(1e5)))
		if step%5000 == 0 {
			w.Progress(step, steps)
			w.Log("info", fmt.Sprintf("step %d", step))
			if err := w.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if status == record.StatusRunning {
		t.Cleanup(func() { _ = w.Finish(context.Background(), record.StatusInterrupted, "") })
		return run
	}
	if err := w.Finish(ctx, status, ""); err != nil {
		t.Fatal(err)
	}
	return run
}

func fetchPage(t testing.TB, address string) int64 {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, answer.Status, err)
	}
	return n
}
