// Package measure finds the quality of a trained model: it draws many
// images, reads them with the dataset's classifier, and compares them with the
// test split.
package measure

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/classifier"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/train"
	"flowharness/metrics"
	"flowharness/schedulers"
)

// kernelSeed chooses the subsets of the kernel distance, the same in all runs.
const kernelSeed = 0

// batchSize is the number of images drawn and read at a time.
const batchSize = 200

// Tools are what measuring needs besides a model's weights: the classifier, what
// it reads in the test split, and the programs that draw. Measurements of one
// dataset, model and process can share them.
type Tools struct {
	classifier *classifier.Classifier
	reference  *classifier.Reference
	plane      *plane // of points, which are measured without a classifier
	gen        *train.Generator
}

// Open prepares to measure models of a config's dataset. The generator stays the
// caller's.
func Open(ctx context.Context, b compute.Backend, data config.Data, gen *train.Generator) (*Tools, error) {
	t := &Tools{gen: gen}
	if spec, err := dataset.SpecOf(data.Name); err == nil && spec.Points {
		t.plane, err = openPlane(ctx, data)
		return t, err
	}
	err := backend.Catch(func() (err error) {
		t.classifier, t.reference, err = openReference(ctx, b, data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Close frees the classifier.
func (t *Tools) Close() {
	if t.classifier != nil {
		t.classifier.Finalize()
	}
}

// identity is that of what measures; see [Identity].
func (t *Tools) identity() string {
	if t.plane != nil {
		return t.plane.test.Fingerprint
	}
	return t.classifier.Weights.SHA256
}

// Options say what to measure.
type Options struct {
	// Config holds the model, its process, the samplings to measure (every
	// sampler, number of steps and guidance scale of sampling) and the number of
	// images.
	Config config.Config
	// Weights is the flat vector of the model's parameters.
	Weights []float32
	// Record is called with every result as soon as there is one.
	Record func(context.Context, Result) error
	// Observe is called after every batch of images; it may be nil.
	Observe func(what string, done, total int)
}

// Result is what was measured on the samples of one sampler, number of steps and
// guidance scale.
type Result struct {
	Sampler    schedulers.SamplerConfig
	Steps      int
	Guidance   float64
	Seed       uint64  // of the noise: image i starts from the same in every run
	NFE        int     // network calls an image
	Images     int     // image i was asked to be of class i mod the number of classes
	Seconds    float64 // of drawing all of them, without compilation
	Dataset    string  // whose test split they were compared with
	Classifier string  // what measured them: see [Identity]
	Correct    []bool  // which images were read as the class asked for; nil for points
	Values     []metrics.Value
}

// Run measures every sampling of the config. It stops between two evaluations of
// the network when ctx ends.
func (t *Tools) Run(ctx context.Context, o Options) error {
	return backend.Catch(func() error {
		weights := tensors.FromFlatDataAndDimensions(o.Weights, len(o.Weights))
		defer weights.MustFinalizeAll()
		spec := o.Config.Spec()
		e := &evaluation{Options: o, Tools: t, weights: weights, pixels: spec.Pixels(), spec: spec}
		return e.run(ctx)
	})
}

// evaluation is a measurement in progress.
type evaluation struct {
	Options
	*Tools
	weights *tensors.Tensor
	pixels  int // values of an image
	spec    dataset.Spec
}

func (e *evaluation) run(ctx context.Context) error {
	sampling := e.Config.Sampling
	if err := e.gen.WarmUp(ctx, e.weights, e.Config, e.labels(0, batchSize)); err != nil {
		return err
	}
	for _, sampler := range sampling.Samplers {
		for _, steps := range sampling.Steps {
			for _, guidance := range sampling.Guidance {
				what := fmt.Sprintf("%v, %d steps, guidance %g", sampler, steps, guidance)
				result, err := e.measure(ctx, what, train.Request{Sampler: sampler, Steps: steps, Seed: sampling.Seed,
					Guidance: sampling.GuidanceOf(guidance)})
				if err != nil {
					return fmt.Errorf("measuring %s: %w", what, err)
				}
				if err := e.Record(ctx, result); err != nil {
					return fmt.Errorf("recording the metrics of %s: %w", what, err)
				}
			}
		}
	}
	return nil
}

// measure draws batch after batch; of the images only the features stay. All
// batches have one size, so that one program serves them; what the last one
// draws too much is left out.
func (e *evaluation) measure(ctx context.Context, what string, request train.Request) (Result, error) {
	total := e.Config.Metrics.Images
	r := Result{Sampler: request.Sampler, Steps: request.Steps, Guidance: request.Guidance.Scale, Seed: request.Seed, Images: total,
		Dataset: e.Config.Data.Name, Classifier: e.identity()}
	var drawn drawn
	way := newWay(e.pixels)
	way.keeps = e.plane != nil
	calls := 0 // of all images; an adaptive sampler makes another number in each batch
	for first := 0; first < total; first += batchSize {
		n := min(batchSize, total-first)
		request.Labels, request.FirstImage = e.labels(first, batchSize), first
		request.Observe = func(t float64, samples []float32) { way.observe(t, samples[:n*e.pixels]) }
		out, err := e.gen.Generate(ctx, e.weights, request)
		if err != nil {
			return r, err
		}
		if err := way.end(); err != nil {
			return r, fmt.Errorf("the way from noise to images %d to %d: %w", first, first+n-1, err)
		}
		if err := e.read(&drawn, out.Images[:n*e.pixels], request.Labels[:n]); err != nil {
			return r, fmt.Errorf("reading images %d to %d: %w", first, first+n-1, err)
		}
		calls += out.NFE * n
		r.Seconds += out.Elapsed.Seconds() * float64(n) / batchSize
		if e.Observe != nil {
			e.Observe(what, first+n, total)
		}
	}
	r.NFE = (calls + total/2) / total
	for i, class := range drawn.predicted {
		r.Correct = append(r.Correct, class == drawn.wanted[i])
	}
	input := e.input(&drawn, way, request.Guidance.Scale)
	input.Straightness = way.straightness()
	var err error
	r.Values, err = metrics.Evaluate(input)
	return r, err
}

// drawn is what is kept of the samples.
type drawn struct {
	predicted, wanted []uint8
	features          metrics.Features
	points            []float32
}

// read keeps of images what the classifier reads in them, and of points the points.
func (e *evaluation) read(d *drawn, samples []float32, labels []int32) error {
	for _, l := range labels {
		d.wanted = append(d.wanted, uint8(max(l-1, 0)))
	}
	if e.plane != nil {
		d.points = append(d.points, samples...)
		return nil
	}
	read, vectors, err := e.classifier.Run(samples, len(labels))
	if err != nil {
		return err
	}
	d.predicted = append(d.predicted, read...)
	return d.features.Append(vectors, classifier.NumFeatures)
}

func (e *evaluation) input(d *drawn, w *way, guidance float64) metrics.Input {
	if e.plane == nil {
		return e.reference.Input(&d.features, d.predicted, d.wanted, kernelSeed)
	}
	in := e.plane.input(d.points, d.wanted, w.begun)
	if !e.Config.TakesClasses() || e.Config.Train.LabelDrop == 1 || guidance == 0 {
		in.Points.Classes = nil // the points were not asked to be of any
	}
	return in
}

// labels of images first, first+1, …: the model's class 0 is "no class".
func (e *evaluation) labels(first, n int) []int32 {
	l := make([]int32, n)
	for i := range l {
		l[i] = e.spec.Label(first + i)
	}
	return l
}

// way follows samples from noise to image.
type way struct {
	lines  *metrics.Straightness
	begun  []float32 // of points: what they began with
	before []float32
	t      float64
	any    bool
	keeps  bool // the beginnings
	err    error
}

func newWay(pixels int) *way { return &way{lines: metrics.NewStraightness(pixels)} }

func (w *way) observe(t float64, samples []float32) {
	if w.before == nil && w.keeps {
		w.begun = append(w.begun, samples...)
	}
	if w.before != nil && w.err == nil {
		w.err = w.lines.Step(w.before, samples, t-w.t)
		w.any = true
	}
	w.before, w.t = samples, t
}

// end closes the ways of a batch.
func (w *way) end() error {
	w.lines.End()
	w.before = nil
	return w.err
}

// straightness is nil for samplers whose steps have no place in time.
func (w *way) straightness() *metrics.Straightness {
	if !w.any {
		return nil
	}
	return w.lines
}
