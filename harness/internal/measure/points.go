package measure

import (
	"context"
	"fmt"

	"flowharness/harness/internal/classifier"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
	"flowharness/metrics"
)

// plane is what points are compared with: no classifier reads them.
type plane struct {
	test *dataset.Dataset
}

func openPlane(ctx context.Context, data config.Data) (*plane, error) {
	test, err := dataset.Open(ctx, dataset.Options{Name: data.Name, Dir: data.Dir, Split: "test"})
	return &plane{test}, err
}

// Identity is what a config's samples are measured with: the SHA-256 of the dataset's classifier, or of the points of the test
// split that points are compared with.
func Identity(ctx context.Context, data config.Data) (string, error) {
	if spec, err := dataset.SpecOf(data.Name); err != nil || !spec.Points {
		weights, err := classifier.Load(data.Name, data.Flip)
		if err != nil {
			return "", err
		}
		return weights.SHA256, nil
	}
	p, err := openPlane(ctx, data)
	if err != nil {
		return "", err
	}
	return p.test.Fingerprint, nil
}

// input is that of points; begun is nil if it is not known what they began with.
func (p *plane) input(points []float32, classes []uint8, begun []float32) metrics.Input {
	in := &metrics.Points{Generated: features(points), Reference: features(p.test.Values)}
	if begun != nil {
		in.Begun = features(begun)
	}
	if p.test.Classes > 0 {
		in.Classes, in.ReferenceClasses = classes, p.test.Labels
	}
	return metrics.Input{Dataset: p.test.Name, NumClasses: p.test.Classes, Points: in}
}

func features(points []float32) *metrics.Features {
	return &metrics.Features{N: len(points) / 2, D: 2, Data: points}
}

// anchors measures n points of the training split, and as many of noise.
func (p *plane) anchors(ctx context.Context, data config.Data, n int) (*classifier.Anchors, error) {
	train, err := dataset.Open(ctx, dataset.Options{Name: data.Name, Dir: data.Dir, Split: "train", Limit: n})
	if err != nil {
		return nil, err
	}
	a := &classifier.Anchors{N: n}
	if a.Train, err = metrics.Evaluate(p.input(train.Values, train.Labels, nil)); err != nil {
		return nil, fmt.Errorf("metrics of the training points: %w", err)
	}
	noise, classes := make([]float32, 2*n), make([]uint8, n)
	for i := range n {
		random.Normal(random.New(0, "metrics/noise", uint64(i)), noise[2*i:2*i+2])
		if train.Classes > 0 {
			classes[i] = uint8(i % train.Classes)
		}
	}
	if a.Noise, err = metrics.Evaluate(p.input(noise, classes, nil)); err != nil {
		return nil, fmt.Errorf("metrics of noise: %w", err)
	}
	return a, nil
}
