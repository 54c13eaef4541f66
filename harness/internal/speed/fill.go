package speed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// seriesPerRun is the number of series with a point at every step.
const seriesPerRun = 5

// fill records runs that together have so many points: the seeds of four
// variants, each with the series of a training and two evaluations.
func fill(ctx context.Context, st *store.Store, runs, points int) error {
	const variants = 4
	steps := points / runs / seriesPerRun
	for i := range runs {
		variant, seed := i%variants, i/variants
		run, err := st.CreateRun(ctx, store.NewRun{Name: fmt.Sprintf("variant_%d", variant), Seed: uint64(seed),
			Process: "flow_match", Dataset: "mnist",
			ConfigHash: fmt.Sprintf("%064x", i), ResolvedYAML: generatedConfig(variant,
				seed), Environment: map[string]any{"machine": map[string]any{"cpus": 2}}})
		if err != nil {
			return err
		}
		w, err := st.OpenWriter(ctx, run.ID)
		if err != nil {
			return err
		}
		if err := fillRun(ctx, st, w, run.ID, uint64(i), steps); err != nil {
			_ = w.Finish(ctx, record.StatusFailed, err.Error())
			return err
		}
		w.Progress(steps, steps)
		if err := w.Finish(ctx, record.StatusFinished, ""); err != nil {
			return err
		}
	}
	return nil
}

func fillRun(ctx context.Context, st *store.Store, w *store.Writer, id string, seed uint64, steps int) error {
	rng := random.New(seed, "bench", 0)
	for step := 1; step <= steps; step++ {
		w.Point(record.TrainLoss, step, 0.2+1/float64(step)+0.01*rng.NormFloat64())
		w.Point(record.LearningRate, step, 0.001)
		w.Point(record.GradNorm, step, 1+0.1*rng.NormFloat64())
		w.Phase(record.PhaseStep, step, time.Duration(10e6+1e5*rng.NormFloat64()))
		w.Phase(record.PhaseDataWait, step, time.Millisecond)
		if step%50_000 == 0 {
			if err := w.Flush(ctx); err != nil { // the memory that points wait in is not what is measured
				return err
			}
		}
	}
	correct := make([]bool, 1000)
	for i := range correct {
		correct[i] = rng.Float64() < 0.9
	}
	for _, n := range []int{10, 50} {
		d := record.Drawing{Sampler: "euler", SamplerJSON: `{"name":"euler"}`, Steps: n, Guidance: 2, NFE: 2 * n,
			Images: len(correct), Seconds: 10, Step: steps}
		if err := st.AddEvaluation(ctx, id, store.EvaluationRecord{Drawing: d, Dataset: "mnist", Classifier: strings.Repeat("c",
			64), Correct: correct, Metrics: []store.Metric{
			{Name: "accuracy", Value: 0.9 + 0.01*rng.NormFloat64()}, {Name: "fd_mnist_cnn", Value: 1 + 0.1*rng.NormFloat64()}}}); err != nil {
			return err
		}
	}
	return nil
}

// generatedConfig is a config of as many keys as a real one.
func generatedConfig(variant, seed int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: variant_%d\nseed: %d\nprocess: {name: flow_match}\ntrain:\n  lr: 0.00%d\n", variant, seed, variant+1)
	for i := range 40 {
		fmt.Fprintf(&b, "  key_%d: %d\n", i, i)
	}
	return b.String()
}
