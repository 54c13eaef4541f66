package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
	"flowharness/schedulers"
)

// SampleOptions say what to draw from a run's checkpoint, instead of what its
// config says; empty fields keep the config's.
type SampleOptions struct {
	Samplers   []schedulers.SamplerConfig
	Steps      []int
	Guidance   []float64
	Seed       *uint64
	UseEMA     *bool
	Images     int    // for [Evaluate]
	Checkpoint string // a checkpoint file; empty: the run's latest
}

// Sample draws from the run that ref names and records the grids on it.
func Sample(ctx context.Context, ref string, so SampleOptions, o Options) (*store.Run, []train.Sample, error) {
	t, err := openTrained(ctx, ref, so, o)
	if err != nil {
		return nil, nil, err
	}
	defer t.close()
	record := func(ctx context.Context, s train.Sample) error {
		return t.store.AddSample(ctx, t.run.ID, sampleRecord(s))
	}
	samples, err := train.SampleRun(ctx, t.bench.backend.Backend, t.config, t.state, record, o.Observe)
	return t.run, samples, err
}

// trained is a run with its checkpoint, opened to draw from it.
type trained struct {
	store  *store.Store
	run    *store.Run
	config config.Config // with what SampleOptions say
	state  *checkpoint.State
	bench  *Workbench
}

func openTrained(ctx context.Context, ref string, so SampleOptions, o Options) (*trained, error) {
	st, run, cfg, err := lookUp(ctx, o.StorePath, ref)
	if err != nil {
		return nil, err
	}
	t := &trained{store: st, run: run, config: cfg.Config}
	if err := t.open(so, o); err != nil {
		st.Close()
		return nil, err
	}
	t.warn(o)
	return t, nil
}

// warn says of samplers and numbers of steps what a reader of the pictures should know.
func (t *trained) warn(o Options) {
	if o.Warn == nil {
		return
	}
	for _, sampler := range t.config.Sampling.Samplers {
		for _, steps := range t.config.Sampling.Steps {
			if few := config.FewSteps(sampler, t.config.Process, steps); few != "" {
				o.Warn(few)
			}
		}
	}
}

func (t *trained) open(so SampleOptions, o Options) error {
	if err := so.apply(&t.config); err != nil {
		return err
	}
	model, err := t.config.Network()
	if err != nil {
		return err
	}
	dir := CheckpointDir(o.StorePath, t.run.ID)
	if so.Checkpoint != "" {
		t.state, err = fileWeights(so.Checkpoint, model.Layout(), t.run)
	} else if t.state, err = latestWeights(dir, model.Layout(), t.run); errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("run %s has no checkpoint to sample from (looked in %s)", t.run.Slug, dir)
	}
	if err != nil {
		return err
	}
	if err := t.state.CheckFinite(model.Layout(), t.config.Sampling.UseEMA); err != nil {
		return fmt.Errorf("run %s: %w; name an earlier checkpoint with --checkpoint FILE (the run's lie in %s)", t.run.Slug, err, dir)
	}
	b, err := o.openBackend(t.config.Backend)
	t.bench = &Workbench{backend: b}
	return err
}

func (t *trained) close() {
	t.bench.Close()
	t.store.Close()
}

func (so SampleOptions) apply(c *config.Config) error {
	if len(so.Samplers) > 0 {
		c.Sampling.Samplers = slices.Clone(so.Samplers)
		for i := range c.Sampling.Samplers {
			c.SetSamplerDefaults(&c.Sampling.Samplers[i]) // so that the record names every option
		}
	}
	if len(so.Steps) > 0 {
		c.Sampling.Steps = so.Steps
	}
	if len(so.Guidance) > 0 {
		c.Sampling.Guidance = so.Guidance
	}
	if so.Seed != nil {
		c.Sampling.Seed = *so.Seed
	}
	if so.UseEMA != nil {
		c.Sampling.UseEMA = *so.UseEMA
	}
	if so.Images != 0 {
		c.Metrics.Images = so.Images
	}
	return c.Validate()
}
