package web_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// benchmarkedRuns is how many runs the table must show in a moment.
const benchmarkedRuns = 10_000

// BenchmarkRunsPage measures answers of the page of runs as a browser gets them:
// "first" is the first of its kind, which reads from the store what the others
// find in memory; "training" is asked for after a run has recorded something.
// Filling the store takes a minute or two.
func BenchmarkRunsPage(b *testing.B) {
	st := newStore(b)
	w := fillRuns(b, st, benchmarkedRuns)
	defer w.Finish(b.Context(), record.StatusFinished, "")
	step := 1
	for _, view := range []struct{ name, query string }{
		{"default", ""},
		{"filtered", "?where=train.lr%3C%3D0.001&where=accuracy%3E0.9&status=finished&q=variant"},
		{"sorted", "?sort=-accuracy"},
		{"sorted by config path", "?sort=train.key_7"},
		{"grouped over seeds", "?group=seed"},
		{"grouped by config path", "?group=train.lr&sort=loss"},
	} {
		b.Run(view.name+"/first", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				address, stop := started(b, st)
				b.StartTimer()
				fetch(b, address+"/"+view.query)
				b.StopTimer()
				stop()
				b.StartTimer()
			}
		})
		address, stop := started(b, st)
		b.Run(view.name, func(b *testing.B) {
			fetch(b, address+"/"+view.query)
			for b.Loop() {
				fetch(b, address+"/"+view.query)
			}
		})
		b.Run(view.name+"/training", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				step++
				w.Point("train/loss", step, 1/float64(step))
				w.Progress(step, 1<<30)
				if err := w.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				fetch(b, address+"/"+view.query)
			}
		})
		stop()
	}
}

// started serves a store until it is stopped.
func started(b *testing.B, st *store.Store) (address string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- web.New(web.Options{Store: st}).Serve(ctx, l) }()
	return "http://" + l.Addr().String(), func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
}

func fetch(b *testing.B, address string) {
	code, page := get(b, address)
	if code != http.StatusOK || !strings.Contains(page, "<tr data-row") {
		b.Fatalf("%d\n%s", code, excerpt(page, "problem"))
	}
	b.ReportMetric(float64(len(page))/1000, "kB")
}

// fillRuns records runs of variants with five seeds each, and one that trains,
// whose writer it returns.
func fillRuns(b *testing.B, st *store.Store, n int) *store.Writer {
	ctx := b.Context()
	const seeds = 5
	var w *store.Writer
	for i := range n {
		variant, seed := i/seeds, i%seeds
		var config strings.Builder
		fmt.Fprintf(&config, "name: variant_%d\nseed: %d\nprocess: {name: flow_match}\ntrain:\n  lr: %g\n", variant, seed,
			0.0001*float64(1+variant%20))
		for key := range 40 {
			fmt.Fprintf(&config, "  key_%d: %d\n", key, variant/20*key%97)
		}
		run, err := st.CreateRun(ctx, store.NewRun{Name: fmt.Sprintf("variant_%d", variant), Seed: uint64(seed), Process: "flow_match",
			Dataset: "mnist", ConfigHash: fmt.Sprint(i),
			ResolvedYAML: config.String(), Environment: map[string]any{}, Tags: []string{"bench", fmt.Sprintf("set-%d", variant%10)}})
		if err == nil {
			w, err = st.OpenWriter(ctx, run.ID)
		}
		if err == nil {
			w.Point("train/loss", 1, 0.2+float64(i%1009)/5000)
			w.Progress(1000, 1000)
			d := record.Drawing{Sampler: "euler", SamplerJSON: "{}", Steps: 10, Step: 1000}
			err = st.AddEvaluation(ctx, run.ID, store.EvaluationRecord{Drawing: d, Dataset: "mnist", Classifier: "c", Metrics: []store.Metric{
				{Name: "accuracy", Value: 0.8 + float64(i%1013)/6000}, {Name: "fd_mnist_cnn", Value: 1 + float64(i%1019)/500}, {Name: "kid_mnist_cnn",
					Value: float64(i%1021) / 500}}})
		}
		if err == nil && i < n-1 {
			err = w.Finish(ctx, record.StatusFinished, "")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return w
}
