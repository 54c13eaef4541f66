package experiment

import (
	"context"
	"errors"
	"fmt"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/measure"
	"flowharness/harness/internal/train"
)

// Workbench is what is open while runs are made: the backend, the images, and the
// programs that draw and measure. Runs of one training can share it, and then
// compile these programs once.
type Workbench struct {
	training string // the training hash of the configs that it serves; "" if there are no images to train on
	backend  *backend.Backend
	data     *dataset.Dataset
	test     *dataset.Dataset // the first images of the test split, see validation

	gen   *train.Generator // nil until something is drawn
	tools *measure.Tools   // nil until something is measured
}

// OpenWorkbench opens what the runs of a config's training need.
func OpenWorkbench(ctx context.Context, cfg *config.Resolved, o Options) (*Workbench, error) {
	training, err := cfg.TrainingHash()
	if err != nil {
		return nil, err
	}
	w := &Workbench{training: training}
	c := cfg.Config
	if w.data, err = dataset.Open(ctx, c.Data.Options("train", c.Data.Limit)); err != nil {
		return nil, err
	}
	if err = train.Check(c, w.data); err != nil {
		return nil, err
	}
	test := c.Data.Options("test", c.Metrics.ValidationImages)
	if test.Limit == 0 {
		test.Limit = min(fingerprintedImages, c.Spec().Test)
	}
	if w.test, err = dataset.Open(ctx, test); err != nil {
		return nil, err
	}
	if c.Metrics.AtEnd {
		if _, err := measure.Identity(ctx, c.Data); err != nil {
			return nil, err // now rather than when training is done
		}
	}
	if w.backend, err = o.openBackend(c.Backend); err != nil {
		return nil, err
	}
	if err := w.recordHow(c); err != nil {
		w.Close()
		return nil, fmt.Errorf("backend %s: %w", w.backend.Info.Name, err)
	}
	return w, nil
}

// fingerprintedImages of the test split identify it where none is validated on.
const fingerprintedImages = 10

// validation is the images to validate a config's model on; nil if it wants none.
func (w *Workbench) validation(c config.Config) *dataset.Dataset {
	if c.Metrics.ValidationImages == 0 {
		return nil
	}
	return w.test
}

// recordHow notes what the config's choices of devices and of parts of a batch come
// to on this backend.
func (w *Workbench) recordHow(c config.Config) error {
	info := &w.backend.Info
	devices, err := train.Devices(c, w.backend.NumDevices())
	if err != nil {
		return err
	}
	if devices > 1 {
		info.UsedDevices = devices
	}
	size, err := train.Microbatch(c, w.backend.Backend, devices)
	if err != nil {
		return err
	}
	if size < c.Train.BatchSize/devices {
		info.MicrobatchSize = size
	}
	return nil
}

// Close frees what was opened.
func (w *Workbench) Close() {
	// Only mapped files have an end, which cannot fail in a way that matters.
	_ = errors.Join(w.data.Close(), w.test.Close())
	if w.tools != nil {
		w.tools.Close()
	}
	if w.gen != nil {
		w.gen.Finalize()
	}
	w.backend.Finalize()
}

var errOtherBench = errors.New("what is open serves the runs of another training")

// serves is an error if the workbench was opened for another training.
func (w *Workbench) serves(cfg *config.Resolved) error {
	training, err := cfg.TrainingHash()
	if err == nil && training != w.training {
		err = errOtherBench
	}
	return err
}

// generator draws.
func (w *Workbench) generator(cfg config.Config) (_ *train.Generator, err error) {
	if w.gen == nil {
		w.gen, err = train.NewGenerator(w.backend.Backend, cfg)
	}
	return w.gen, err
}

// measuring is what measures.
func (w *Workbench) measuring(ctx context.Context, cfg config.Config) (_ *measure.Tools, err error) {
	if w.tools != nil {
		return w.tools, nil
	}
	gen, err := w.generator(cfg)
	if err == nil {
		w.tools, err = measure.Open(ctx, w.backend.Backend, cfg.Data, gen)
	}
	return w.tools, err
}
