package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/web"
)

// BenchmarkComparePage compares 20 runs of 50,000 points each: first as it is
// opened, then as it is opened again by somebody else.
func BenchmarkComparePage(b *testing.B) {
	st := newStore(b)
	v := url.Values{}
	for i := range 20 {
		run := addTrial(b, st, trial{name: fmt.Sprintf("v%d", i/4), seed: uint64(i % 4), config: fmt.Sprintf("lr: %d", i/4), accuracy: 0.5,
			grids: []int{1}, status: record.StatusRunning})
		w, err := st.OpenWriter(b.Context(), run.ID)
		if err != nil {
			b.Fatal(err)
		}
		rng := random.New(uint64(i), "bench", 0)
		for step := 1; step <= 50_000; step++ {
			w.Point("train/loss", step, 0.2+1/float64(step)+0.01*rng.NormFloat64())
			w.Phase("step", step, time.Duration(10e6+1e5*rng.NormFloat64()))
		}
		w.Progress(50_000, 50_000)
		if err := w.Finish(b.Context(), record.StatusFinished, ""); err != nil {
			b.Fatal(err)
		}
		v.Add("run", run.Slug)
	}
	open := func(b *testing.B, address string) {
		status, body, _ := visit(b, address+"/compare?"+v.Encode())
		if status != http.StatusOK {
			b.Fatal(body)
		}
		b.ReportMetric(float64(len(body))/1e3, "kB/page")
	}
	b.Run("opened", func(b *testing.B) {
		for b.Loop() {
			address, stop := start(b, web.Options{Store: st}) // a new server remembers nothing
			open(b, address)
			stop()
		}
	})
	address := serve(b, web.Options{Store: st})
	b.Run("opened again", func(b *testing.B) {
		for b.Loop() {
			open(b, address)
		}
	})
}
