package experiment

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/measure"
	"flowharness/harness/internal/record"
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
	if few := config.FewImages(t.config.Metrics.Images); few != "" && o.Warn != nil {
		o.Warn(few)
	}
	records, err := o.measure(ctx, t.store, t.run.ID, t.bench, t.config, t.state)
	return t.run, records, err
}

// MeasureReferences measures and records, if the store lacks them, what so many
// real images, and as many of noise, reach with the classifier of the run that ref
// names; 0 are as many as its config says. It needs no checkpoint.
func MeasureReferences(ctx context.Context, ref string, images int, o Options) (measured []store.Reference, err error) {
	st, _, cfg, err := lookUp(ctx, o.StorePath, ref)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	c := cfg.Config
	if err := (SampleOptions{Images: images}).apply(&c); err != nil {
		return nil, err
	}
	if measured, err = referencesOf(ctx, st, c); err != nil || len(measured) == 2 {
		return measured, err
	}
	b, err := o.openBackend(c.Backend)
	if err != nil {
		return nil, err
	}
	defer b.Finalize()
	tools, err := measure.Open(ctx, b.Backend, c.Data, nil) // nothing is drawn
	if err != nil {
		return nil, err
	}
	defer tools.Close()
	if err := reference(ctx, st, tools, c, o.progress); err != nil {
		return nil, err
	}
	return referencesOf(ctx, st, c)
}

// referencesOf are what the store knows of as many real images, and of as many of
// noise, as a config measures: two where it knows both.
func referencesOf(ctx context.Context, st *store.Store, c config.Config) ([]store.Reference, error) {
	measure, err := measure.Identity(ctx, c.Data)
	if err != nil {
		return nil, err
	}
	all, err := st.References(ctx, c.Data.Name, measure)
	return slices.DeleteFunc(all, func(r store.Reference) bool { return r.Images != c.Metrics.Images }), err
}

func (o Options) progress(e train.Event) {
	if o.Observe != nil {
		o.Observe(e)
	}
}

// measure measures a model and records the results one by one, and once for a
// dataset what to hold them against.
func (o Options) measure(ctx context.Context, st *store.Store, runID string, w *Workbench, cfg config.Config,
	state *checkpoint.State) ([]store.EvaluationRecord, error) {
	tools, err := w.measuring(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := reference(ctx, st, tools, cfg, o.progress); err != nil {
		return nil, err
	}
	weights, ema := state.Weights(cfg.Sampling.UseEMA)
	var records []store.EvaluationRecord
	err = tools.Run(ctx, measure.Options{
		Config: cfg, Weights: weights,
		Record: func(ctx context.Context, r measure.Result) error {
			record, err := evaluationRecord(r, cfg, state, ema)
			if err != nil {
				return err
			}
			records = append(records, record)
			return st.AddEvaluation(ctx, runID, record)
		},
		Observe: func(what string, done, total int) {
			o.progress(train.Event{Message: fmt.Sprintf("measuring %s: %d of %d images", what, done, total), Passing: done < total})
		},
	})
	return records, err
}

// reference records the values of real images and of noise, if the store lacks
// them.
func reference(ctx context.Context, st *store.Store, tools *measure.Tools, cfg config.Config, progress func(train.Event)) error {
	if known, err := referencesOf(ctx, st, cfg); err != nil || len(known) == 2 {
		return err
	}
	identity, err := measure.Identity(ctx, cfg.Data)
	if err != nil {
		return err
	}
	progress(train.Event{Message: fmt.Sprintf("measuring real images of %s, and noise", cfg.Data.Name)})
	anchors, err := tools.Anchors(ctx, cfg.Data, cfg.Metrics.Images)
	if err != nil {
		return fmt.Errorf("measuring real images: %w", err)
	}
	record := func(kind store.ReferenceKind, values []metrics.Value) error {
		return st.AddReference(ctx, store.Reference{Dataset: cfg.Data.Name, Classifier: identity, Kind: kind, Images: anchors.N,
			Metrics: storeMetrics(values)})
	}
	if err := record(store.ReferenceReal, anchors.Train); err != nil {
		return err
	}
	return record(store.ReferenceNoise, anchors.Noise)
}

func evaluationRecord(r measure.Result, cfg config.Config, state *checkpoint.State, ema bool) (store.EvaluationRecord, error) {
	sampler, err := json.Marshal(r.Sampler)
	if err != nil {
		return store.EvaluationRecord{}, err
	}
	return store.EvaluationRecord{
		Drawing: record.Drawing{Step: state.Step, Sampler: r.Sampler.String(), SamplerJSON: string(sampler), Steps: r.Steps, Guidance: r.Guidance,
			Seed: r.Seed, NFE: r.NFE, Images: r.Images, Seconds: r.Seconds, UsedEMA: ema, WeightsFile: state.File, WeightsSHA256: state.FileSHA256,
			Warnings: config.MeasuringWarnings(r.Sampler, cfg.Process, r.Steps, r.Images)},
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
