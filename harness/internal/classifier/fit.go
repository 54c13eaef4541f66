package classifier

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gomlx/compute"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
	"flowharness/metrics/classifier"
	"flowharness/models/optim"
	"flowharness/models/safetensors"
)

// FitOptions say how a classifier is trained.
type FitOptions struct {
	Backend     compute.Backend
	Train, Test *dataset.Dataset // Test only tells the accuracy
	Flip        bool             // train on images of which half are mirrored
	Epochs      int
	Seed        uint64
	// Observe is called after every step; it may be nil.
	Observe func(FitEvent)
}

// FitEvent tells how far [Fit] is.
type FitEvent struct {
	Step, Steps int
	Epoch       int     // under way, from 1
	Loss        float64 // mean cross-entropy of the step's batch, in nats
	StepTime    time.Duration
}

// DefaultEpochs is enough for the shipped classifiers' accuracy.
const DefaultEpochs = 8

// How every classifier is trained.
const (
	batchSize   = 128 // or all images, if there are fewer
	peakLR      = 2e-3
	warmupSteps = 100
	maxShift    = 2 // pixels, each way
)

// Fit trains a classifier and measures its accuracy on the test split, with
// weights rounded to float16 as they are saved. The learning rate rises
// linearly and then falls by half a cosine to 0; images are shifted by up to
// two pixels. Every random draw is a function of (seed, stream, step): two fits
// on one machine are equal to the bit on the CPU. When ctx ends, so does Fit,
// between two steps, with its error.
func Fit(ctx context.Context, o FitOptions) (*Weights, error) {
	if o.Train.Name != o.Test.Name || o.Train.Spec != o.Test.Spec {
		return nil, fmt.Errorf("to train on %s and to tell the accuracy on %s: both must be splits of one dataset", o.Train.Name, o.Test.Name)
	}
	if o.Epochs < 1 {
		return nil, fmt.Errorf("the number of epochs is %d, must be at least 1", o.Epochs)
	}
	var w *Weights
	err := backend.Catch(func() error {
		flat, err := train(ctx, o)
		if err != nil {
			return err
		}
		for i, v := range flat {
			flat[i] = safetensors.RoundHalf(v)
		}
		w, err = measured(o, flat)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("training a classifier for %s: %w", o.Train.Name, err)
	}
	return w, nil
}

// shapeOf is the shape of the classifier for a dataset.
func shapeOf(s dataset.Spec) classifier.Shape {
	return classifier.Shape{Height: s.Height, Width: s.Width, Channels: s.Channels, Classes: s.Classes}
}

func train(ctx context.Context, o FitOptions) ([]float32, error) {
	loader, err := dataset.NewLoader(o.Train, dataset.LoaderOptions{Seed: o.Seed, BatchSize: min(batchSize, o.Train.N),
		Flip: o.Flip, DropLast: true})
	if err != nil {
		return nil, err
	}
	optimizer := optim.DefaultAdamW()
	shape := shapeOf(o.Train.Spec)
	weights := shape.Init(func(name string) *rand.Rand { return random.New(o.Seed, "classifier/init/"+name, 0) })
	trainer, err := classifier.NewTrainer(o.Backend, shape, weights, optimizer.Update)
	if err != nil {
		return nil, err
	}
	defer trainer.Finalize()

	perEpoch := loader.StepsPerEpoch()
	steps := o.Epochs * perEpoch
	batches := dataset.Prefetch(context.WithoutCancel(ctx), 0, steps, 2, func(step int) (batch, error) {
		return makeBatch(loader,
			o.Train.Spec, step), nil
	})
	defer batches.Close()
	for n := 1; n <= steps; n++ {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("interrupted at step %d of %d, nothing is kept: %w", n, steps, err)
		}
		b, _, err := batches.Next()
		if err != nil {
			return nil, err
		}
		start := time.Now()
		bc1, bc2 := optimizer.BiasCorrections(n)
		loss, err := trainer.Step(b.images, b.labels, learningRate(n, steps), bc1, bc2)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", n, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("the loss of step %d is %v", n, loss)
		}
		if o.Observe != nil {
			o.Observe(FitEvent{Step: n, Steps: steps, Epoch: (n-1)/perEpoch + 1, Loss: loss, StepTime: time.Since(start)})
		}
	}
	return trainer.Weights()
}

// learningRate of update n of steps, counted from 1.
func learningRate(n, steps int) float64 {
	warmup := min(warmupSteps, steps/10)
	if n <= warmup {
		return peakLR * float64(n) / float64(warmup)
	}
	return peakLR / 2 * (1 + math.Cos(math.Pi*float64(n-warmup)/float64(steps-warmup+1)))
}

type batch struct {
	images []float32 // [B, H, W, C]
	labels []int32   // [B], 0 … Classes-1
}

// makeBatch is a pure function of (seed, step).
func makeBatch(loader *dataset.Loader, spec dataset.Spec, step int) batch {
	pixels := spec.Pixels()
	n := loader.Size(step)
	upright := make([]float32, n*pixels)
	b := batch{images: make([]float32, n*pixels), labels: make([]int32, n)}
	loader.Fill(step, upright, b.labels)
	shifts := random.New(loader.Seed, "classifier/shift", uint64(step))
	for i := range n {
		b.labels[i]-- // the loader keeps 0 for "no class"
		dx, dy := shifts.IntN(2*maxShift+1)-maxShift, shifts.IntN(2*maxShift+1)-maxShift
		shift(b.images[i*pixels:(i+1)*pixels], upright[i*pixels:(i+1)*pixels], spec, dx, dy)
	}
	return b
}

// shift moves an image by (dx, dy) pixels; what comes in is background.
func shift(dst, src []float32, shape dataset.Spec, dx, dy int) {
	const background = -1
	width, height, channels := shape.Width, shape.Height, shape.Channels
	for i := range dst {
		dst[i] = background
		x, y, channel := i/channels%width, i/channels/width, i%channels
		if u, v := x-dx, y-dy; u >= 0 && u < width && v >= 0 && v < height {
			dst[i] = src[(v*width+u)*channels+channel]
		}
	}
}

// measured makes Weights of what was trained.
func measured(o FitOptions, flat []float32) (*Weights, error) {
	w := &Weights{Dataset: o.Train.Name, Flip: o.Flip, Epochs: o.Epochs, Seed: o.Seed, Fingerprint: o.Train.Fingerprint,
		shape: shapeOf(o.Train.Spec), flat: flat}
	reader, err := classifier.NewReader(o.Backend, shapeOf(o.Train.Spec), flat)
	if err != nil {
		return nil, err
	}
	defer reader.Finalize()
	if w.Accuracy, err = accuracy(reader, o.Test, false); err != nil {
		return nil, err
	}
	if o.Flip {
		if w.MirroredAccuracy, err = accuracy(reader, o.Test, true); err != nil {
			return nil, err
		}
	}
	return w, w.seal()
}

// accuracy is the share of a split's images, or of their mirror images, that
// are read right.
func accuracy(r *classifier.Reader, d *dataset.Dataset, mirrored bool) (float64, error) {
	const chunk = 1000
	correct := 0
	for from := 0; from < d.N; from += chunk {
		n := min(chunk, d.N-from)
		predicted, _, err := r.Run(Images(d, from, n, func(int) bool { return mirrored }), n)
		if err != nil {
			return 0, err
		}
		for i, class := range predicted {
			if class == d.Labels[from+i] {
				correct++
			}
		}
	}
	return float64(correct) / float64(d.N), nil
}

// Images are images from … from+n-1 of a split, in [-1, 1] as in training;
// those of which mirrored(index) says so are mirrored left to right.
func Images(d *dataset.Dataset, from, n int, mirrored func(index int) bool) []float32 {
	pixels := d.Pixels()
	images := make([]float32, n*pixels)
	for i := range n {
		d.Image(from+i, mirrored(from+i), images[i*pixels:(i+1)*pixels])
	}
	return images
}
