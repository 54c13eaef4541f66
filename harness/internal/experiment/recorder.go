package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

// recorder hands what the trainer produces to the store's writer.
type recorder struct {
	*store.Writer
}

// Phase records a duration; the step is that of the series it becomes.
func (r *recorder) Phase(phase string, step int, d time.Duration) {
	r.Writer.Phase(phase, step, d)
}

func (r *recorder) Sample(ctx context.Context, s train.Sample) error {
	return r.Writer.Sample(ctx, sampleRecord(s))
}

// Flush waits while the store is locked, until the writer loses its patience.
func (r *recorder) Flush(ctx context.Context) error {
	for {
		err := r.Writer.Flush(ctx)
		if !errors.Is(err, store.ErrLocked) || r.Err() != nil {
			return err
		}
	}
}

// log keeps the events that a reader of the log wants: not every step.
func (r *recorder) log(e train.Event) {
	switch {
	case e.Sampled != nil:
		s := e.Sampled
		r.Log("info", fmt.Sprintf("step %d: sampled %s, %d steps, guidance %g: %d images in %.2f s", s.Step, s.Sampler, s.Steps,
			s.Guidance, s.Images, s.Seconds))
	case e.EpochEnd:
		r.Log("info", fmt.Sprintf("epoch %d/%d, step %d: mean of the last 100 losses %.6f", e.Epoch, e.Epochs, e.Step, e.Last100))
	case e.Message != "" && !e.Passing:
		r.Log("info", fmt.Sprintf("step %d: %s", e.Step, e.Message))
	}
}

func sampleRecord(s train.Sample) store.SampleRecord {
	return store.SampleRecord{Drawing: s.Drawing, PNG: s.PNG}
}
