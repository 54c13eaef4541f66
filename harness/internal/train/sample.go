package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/grid"
	"flowharness/harness/internal/record"
	"flowharness/schedulers"
)

// Sample is a recorded grid: [rows] repetitions of no class, class 0, class 1…
type Sample struct {
	record.Drawing
	PNG []byte
}

// SampleRun draws every combination of samplers × steps × guidance of cfg from
// a checkpoint's weights and hands each to keep.
func SampleRun(ctx context.Context, b compute.Backend, cfg config.Config, state *checkpoint.State,
	keep func(context.Context, Sample) error, progress func(Event)) ([]Sample, error) {
	var samples []Sample
	err := backend.Catch(func() error {
		gen, err := NewGenerator(b, cfg)
		if err != nil {
			return err
		}
		defer gen.Finalize()
		flat, ema := state.Weights(cfg.Sampling.UseEMA)
		weights := tensors.FromFlatDataAndDimensions(flat, len(flat))
		defer weights.MustFinalizeAll()
		wanted, err := wantedSamples(cfg, Sample{Drawing: record.Drawing{Step: state.Step, UsedEMA: ema,
			WeightsFile: state.File, WeightsSHA256: state.FileSHA256}})
		if err != nil {
			return err
		}
		samples, err = sampleAll(ctx, gen, weights, cfg, wanted, keep, progress)
		return err
	})
	return samples, err
}

// sampleAll draws the config's grids from the weights as they are now, but for
// those that have been drawn of this step already: by the run that this one
// continues, or after the epoch that turns out to be the last.
func (t *trainer) sampleAll(ctx context.Context, res *Result, epoch int) error {
	base := Sample{Drawing: record.Drawing{Step: t.stepsDone, Epoch: epoch, UsedEMA: t.Config.Sampling.UseEMA && t.graph.ema}}
	wanted, err := wantedSamples(t.Config, base)
	if err != nil {
		return err
	}
	wanted = slices.DeleteFunc(wanted, func(s wantedSample) bool { return slices.ContainsFunc(t.drawn, s.sameAs) })
	keep := func(ctx context.Context, s Sample) error {
		t.Recorder.Phase(record.PhaseSampling, s.Step, time.Duration(s.Seconds*float64(time.Second)))
		return t.Recorder.Sample(ctx, s)
	}
	if len(wanted) > 0 {
		labels := drawnLabels(t.Config)
		cold, began := t.gen.cold(t.Config, labels), time.Now()
		if cold {
			t.event(Event{Message: "compiling the sampling step"})
		}
		if err := t.gen.WarmUp(ctx, t.sampleWeights(), t.Config, labels); err != nil {
			return err
		}
		if cold {
			t.Recorder.Phase(record.PhaseCompile, t.stepsDone, time.Since(began))
		}
	}
	samples, err := sampleAll(ctx, t.gen, t.sampleWeights(), t.Config, wanted, keep, t.event)
	res.Samples = append(res.Samples, samples...)
	t.drawn = append(t.drawn, samples...)
	return err
}

// wantedSample is a grid before it is drawn.
type wantedSample struct {
	Sample
	sampler schedulers.SamplerConfig
}

// sameAs tells whether a grid is this one.
func (w wantedSample) sameAs(s Sample) bool {
	return s.Step == w.Step && s.SamplerJSON == w.SamplerJSON && s.Steps == w.Steps && s.Guidance == w.Guidance &&
		s.Seed == w.Seed && s.UsedEMA == w.UsedEMA && s.Images == w.Images
}

// wantedSamples lists every sampler × steps × guidance of a config.
func wantedSamples(cfg config.Config, base Sample) ([]wantedSample, error) {
	var list []wantedSample
	for _, sampler := range cfg.Sampling.Samplers {
		settings, err := samplerJSON(sampler)
		if err != nil {
			return nil, err
		}
		for _, steps := range cfg.Sampling.Steps {
			for _, scale := range cfg.Sampling.Guidance {
				w := wantedSample{base, sampler}
				w.Sampler, w.SamplerJSON, w.Steps, w.Guidance, w.Seed = sampler.String(), settings, steps, scale, cfg.Sampling.Seed
				w.Images = len(drawnLabels(cfg))
				w.Warnings = config.DrawingWarnings(sampler, cfg.Process, steps)
				list = append(list, w)
			}
		}
	}
	return list, nil
}

func sampleAll(ctx context.Context, gen *Generator, weights *tensors.Tensor, cfg config.Config, wanted []wantedSample,
	keep func(context.Context, Sample) error, progress func(Event)) ([]Sample, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	var samples []Sample
	labels := drawnLabels(cfg)
	if gen.cold(cfg, labels) && progress != nil {
		progress(Event{Message: "compiling the sampling step"})
	}
	if err := gen.WarmUp(ctx, weights, cfg, labels); err != nil {
		return nil, err
	}
	for _, w := range wanted {
		s := w.Sample
		what := fmt.Sprintf("sampling %s, %d steps, guidance %g", s.Sampler, s.Steps, s.Guidance)
		if progress != nil {
			progress(Event{Message: what})
		}
		request := Request{Sampler: w.sampler, Steps: s.Steps, Labels: labels, Seed: s.Seed, Guidance: cfg.Sampling.GuidanceOf(s.Guidance)}
		var out Generated
		var err error
		if gen.spec.Points {
			out, s.PNG, err = gen.drawPoints(ctx, weights, cfg, request)
		} else if out, err = gen.Generate(ctx, weights, request); err == nil {
			s.PNG, err = grid.Encode(out.Images, gen.spec, cfg.Sampling.Rows, cfg.GridColumns())
		}
		s.NFE, s.Seconds = out.NFE, out.Elapsed.Seconds()
		if err != nil {
			return samples, fmt.Errorf("drawing the grid of %s: %w", what, err)
		}
		if err := keep(ctx, s); err != nil {
			return samples, fmt.Errorf("recording the grid of %s: %w", what, err)
		}
		samples = append(samples, s)
		if progress != nil {
			progress(Event{Sampled: &s})
		}
	}
	return samples, nil
}

// WarmUp compiles what the config's samplers and guidance scales need, by one
// discarded step of each, so that the seconds of what is drawn with as many
// labels from then on are those of sampling.
func (g *Generator) WarmUp(ctx context.Context, weights *tensors.Tensor, cfg config.Config, labels []int32) error {
	for _, r := range warmUps(cfg, labels) {
		if g.warm[warmKey(r)] {
			continue
		}
		if _, err := g.Generate(ctx, weights, r); err != nil {
			return err
		}
		g.warm[warmKey(r)] = true
	}
	return nil
}

// cold tells whether there is something for WarmUp to do.
func (g *Generator) cold(cfg config.Config, labels []int32) bool {
	return slices.ContainsFunc(warmUps(cfg, labels), func(r Request) bool { return !g.warm[warmKey(r)] })
}

// warmUps are the shortest requests that use all programs of a config.
func warmUps(cfg config.Config, labels []int32) []Request {
	var list []Request
	for _, sampler := range cfg.Sampling.Samplers {
		for _, scale := range cfg.Sampling.Guidance {
			scales := []float64{scale}
			if !cfg.Sampling.GuidanceInterval.IsZero() && scale != 1 {
				scales = append(scales, 1) // which applies outside of the interval
			}
			for _, s := range scales {
				short, steps := sampler.Shortest(cfg.Process.NumTrainTimesteps)
				guidance := cfg.Sampling.GuidanceOf(s)
				guidance.Interval, guidance.ZeroInitSteps = [2]float64{}, 0
				list = append(list, Request{Sampler: short, Steps: steps, Labels: labels, Guidance: guidance})
			}
		}
	}
	return list
}

// warmKey is the same for requests that the same programs serve.
func warmKey(r Request) string {
	return fmt.Sprint(r.Sampler, " ", r.Guidance.ModeAt(0, 1), " ", r.Guidance.Program(), " ", len(r.Labels))
}

// drawnLabels are the classes of what a config draws: of a grid of images, or of points in the plane, of each class in
// turn.
func drawnLabels(cfg config.Config) []int32 {
	spec := cfg.Spec()
	switch {
	case !spec.Points && spec.Classes == 0:
		return make([]int32, cfg.Sampling.Rows*cfg.GridColumns())
	case !spec.Points:
		return GridLabels(cfg.Sampling.Rows, cfg.GridColumns())
	}
	labels := make([]int32, cfg.Sampling.Points)
	for i := range labels {
		labels[i] = spec.Label(i)
	}
	return labels
}

// GridLabels are the classes of a grid in row-major order: every row is the
// null class followed by all classes.
func GridLabels(rows, numClasses int) []int32 {
	labels := make([]int32, 0, rows*numClasses)
	for range rows {
		for c := range numClasses {
			labels = append(labels, int32(c))
		}
	}
	return labels
}
