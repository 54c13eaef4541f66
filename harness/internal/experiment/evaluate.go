package experiment

import (
	"context"
	"encoding/json"
	"fmt"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/classifier"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/evaluate"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
	"flowharness/metrics"
)

// Evaluate measures the quality of the run that ref names and records it on the
// run: of every sampler, number of steps and guidance scale.
func Evaluate(ctx context.Context, ref string, so SampleOptions, o Options) (*store.Run, []store.EvaluationRecord, error) {
	t, err := openTrained(ctx, ref, so, o)
	if err != nil {
		return nil, nil, err
	}
	defer t.close()
	records, err := o.measure(ctx, t.store, t.run.ID, t.bench, t.config, t.state)
	return t.run, records, err
}

// measure measures a model and records the results one by one, and once for a
// dataset what to hold them against.
func (o Options) measure(ctx context.Context, st *store.Store, runID string, w *Workbench, cfg config.Config, state *checkpoint.State) ([]store.EvaluationRecord, error) {
	progress := func(e train.Event) {
		if o.Progress != nil {
			o.Progress(e)
		}
	}
	tools, err := w.measuring(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := reference(ctx, st, tools, cfg, progress); err != nil {
		return nil, err
	}
	weights, ema := state.Weights(cfg.Sampling.UseEMA)
	var records []store.EvaluationRecord
	err = tools.Run(ctx, evaluate.Options{
		Config: cfg, Weights: weights,
		Record: func(ctx context.Context, r evaluate.Result) error {
			record, err := evaluationRecord(r, state.Step, ema)
			if err != nil {
				return err
			}
			records = append(records, record)
			return st.AddEvaluation(ctx, runID, record)
		},
		Progress: func(what string, done, total int) {
			progress(train.Event{Message: fmt.Sprintf("measuring %s: %d of %d images", what, done, total), Passing: done < total})
		},
	})
	return records, err
}

// reference records the values of real images and of noise, if the store lacks
// them.
func reference(ctx context.Context, st *store.Store, tools *evaluate.Tools, cfg config.Config, progress func(train.Event)) error {
	c, err := classifier.Load(cfg.Data.Name, cfg.Data.Flip)
	if err != nil {
		return err
	}
	known, err := st.References(ctx, cfg.Data.Name, c.SHA256)
	if err != nil {
		return err
	}
	for _, r := range known {
		if r.Images == cfg.Metrics.Images {
			return nil
		}
	}
	progress(train.Event{Message: fmt.Sprintf("measuring real images of %s, and noise", cfg.Data.Name)})
	anchors, err := tools.Anchors(ctx, cfg.Data, cfg.Metrics.Images)
	if err != nil {
		return fmt.Errorf("measuring real images: %w", err)
	}
	record := func(kind store.ReferenceKind, values []metrics.Value) error {
		return st.AddReference(ctx, store.Reference{Dataset: cfg.Data.Name, Classifier: c.SHA256, Kind: kind, Images: anchors.N, Metrics: storeMetrics(values)})
	}
	if err := record(store.ReferenceReal, anchors.Train); err != nil {
		return err
	}
	return record(store.ReferenceNoise, anchors.Noise)
}

func evaluationRecord(r evaluate.Result, step int, ema bool) (store.EvaluationRecord, error) {
	sampler, err := json.Marshal(r.Sampler)
	if err != nil {
		return store.EvaluationRecord{}, err
	}
	return store.EvaluationRecord{
		Drawing: store.Drawing{Step: step, Sampler: r.Sampler.String(), SamplerJSON: string(sampler), Steps: r.Steps, Guidance: r.Guidance,
			Seed: r.Seed, NFE: r.NFE, Images: r.Images, Seconds: r.Seconds, UsedEMA: ema},
		Dataset: r.Dataset, Classifier: r.Classifier, Correct: r.Correct, Metrics: storeMetrics(r.Values),
	}, nil
}

func storeMetrics(values []metrics.Value) []store.Metric {
	list := make([]store.Metric, len(values))
	for i, v := range values {
		list[i] = store.Metric{Name: v.Name, Value: v.Value, StdErr: v.StdErr}
	}
	return list
}
