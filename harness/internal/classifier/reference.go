package classifier

import (
	"context"
	"fmt"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
	"flowharness/metrics"
)

// Reference is what samples are compared with: the features of a dataset's test
// split.
type Reference struct {
	Dataset    string
	NumClasses int
	Features   *metrics.Features
	Moments    *metrics.Moments
}

// Reference reads the test split. Where the classifier knows mirrored images,
// half of the split is mirrored, always the same half: a model that was trained
// with flip: true is to draw both.
func (c *Classifier) Reference(ctx context.Context, test *dataset.Dataset) (*Reference, error) {
	features, _, err := c.readSplit(ctx, test, test.N)
	if err != nil {
		return nil, err
	}
	moments, err := features.Moments()
	if err != nil {
		return nil, err
	}
	return &Reference{Dataset: test.Name, NumClasses: test.Classes, Features: features, Moments: moments}, nil
}

// readSplit reads the first n images of a split.
func (c *Classifier) readSplit(ctx context.Context, d *dataset.Dataset, n int) (*metrics.Features, []uint8, error) {
	if d.Name != c.Weights.Dataset {
		return nil, nil, fmt.Errorf("the classifier was trained for dataset %s, not for %s", c.Weights.Dataset, d.Name)
	}
	mirrored := func(index int) bool {
		return c.Weights.Flip && random.New(referenceSeed, "metrics/mirror/"+d.Split, uint64(index)).Uint64()&1 == 1
	}
	return c.read(ctx, n, func(from, size int) []float32 { return Images(d, from, size, mirrored) })
}

// read reads n images, a thousand at a time.
func (c *Classifier) read(ctx context.Context, n int, images func(from, size int) []float32) (*metrics.Features, []uint8, error) {
	const chunk = 1000
	features, predicted := &metrics.Features{}, make([]uint8, 0, n)
	for from := 0; from < n; from += chunk {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		size := min(chunk, n-from)
		classes, rows, err := c.Run(images(from, size), size)
		if err != nil {
			return nil, nil, err
		}
		predicted = append(predicted, classes...)
		if err := features.Append(rows, NumFeatures); err != nil {
			return nil, nil, err
		}
	}
	return features, predicted, nil
}

// referenceSeed is one for all, since reference values belong to a dataset and
// not to a run.
const referenceSeed = 0

// Anchors are the metrics of two sets of images that no model drew: the scale on
// which to read a model's values.
type Anchors struct {
	N     int             // images in each set
	Train []metrics.Value // the first N real training images: about the best there is
	Noise []metrics.Value // N images of N(0, 1), what sampling starts from: the worst
}

// Anchors computes the metrics of the first n training images, and of as many
// images of noise that were to show the classes in turn, against the
// reference. The values depend on dataset, classifier and n alone.
func (c *Classifier) Anchors(ctx context.Context, ref *Reference, train *dataset.Dataset, n int) (*Anchors, error) {
	if n < 0 || n > train.N {
		return nil, fmt.Errorf("reference values of %d training images: dataset %s has %d", n, train.Name, train.N)
	}
	features, predicted, err := c.readSplit(ctx, train, n)
	if err != nil {
		return nil, err
	}
	a := &Anchors{N: n}
	if a.Train, err = metrics.Evaluate(ref.Input(features, predicted, train.Labels[:n], referenceSeed)); err != nil {
		return nil, fmt.Errorf("metrics of the training images: %w", err)
	}
	pixels, wanted := train.Pixels(), make([]uint8, n)
	for i := range wanted {
		wanted[i] = uint8(i % train.Classes)
	}
	features, predicted, err = c.read(ctx, n, func(from, size int) []float32 {
		images := make([]float32, size*pixels)
		for i := range size {
			random.Normal(random.New(referenceSeed, "metrics/noise", uint64(from+i)), images[i*pixels:(i+1)*pixels])
		}
		return images
	})
	if err != nil {
		return nil, err
	}
	if a.Noise, err = metrics.Evaluate(ref.Input(features, predicted, wanted, referenceSeed)); err != nil {
		return nil, fmt.Errorf("metrics of noise: %w", err)
	}
	return a, nil
}

// Input is the metrics' input for samples: their features and classes as Run
// read them, and the classes that were asked for, 0 … NumClasses-1. seed chooses the subsets
// of the kernel distance.
func (r *Reference) Input(features *metrics.Features, predicted, wanted []uint8, seed uint64) metrics.Input {
	return metrics.Input{Dataset: r.Dataset, NumClasses: r.NumClasses, Reference: r.Features, ReferenceMoments: r.Moments,
		Generated: features, Predicted: predicted, Wanted: wanted, Seed: seed}
}
