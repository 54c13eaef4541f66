package measure

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/classifier"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
)

// Anchors measures training images and noise against the test split, as many of
// each as are drawn from models: the ends of the scale that a model's values are
// to be read on.
func (t *Tools) Anchors(ctx context.Context, data config.Data, images int) (anchors *classifier.Anchors, err error) {
	if t.plane != nil {
		return t.plane.anchors(ctx, data, images)
	}
	err = backend.Catch(func() error {
		train, err := dataset.Open(ctx, data.Options("train", images))
		if err != nil {
			return err
		}
		anchors, err = t.classifier.Anchors(ctx, t.reference, train, images)
		return err
	})
	return anchors, err
}

// openReference starts the classifier for a config's images and reads the test
// split with it.
func openReference(ctx context.Context, b compute.Backend, data config.Data) (*classifier.Classifier, *classifier.Reference, error) {
	weights, err := classifier.Load(data.Name, data.Flip)
	if err != nil {
		return nil, nil, err
	}
	test, err := dataset.Open(ctx, data.Options("test", 0))
	if err != nil {
		return nil, nil, err
	}
	c, err := classifier.New(b, weights)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the classifier: %w", err)
	}
	reference, err := c.Reference(ctx, test)
	if err != nil {
		c.Finalize()
		return nil, nil, fmt.Errorf("reading the test split of %s: %w", data.Name, err)
	}
	return c, reference, nil
}
