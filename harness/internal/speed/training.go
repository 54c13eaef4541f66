package speed

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/train"
)

// trainingStep is one update of the tutorial's model, its loss read back.
func trainingStep(batch int, skip func(*session) string) benchmark {
	return benchmark{
		name:     fmt.Sprintf("train/batch %d", batch),
		about:    "a training step of the tutorial's model",
		measures: []quantity{{"step", Seconds}},
		skip:     skip,
		run: func(ctx context.Context, s *session, m *meter) error {
			cfg, err := s.configOf(tutorial, batch, endless)
			if err != nil {
				return err
			}
			return s.train(ctx, cfg, func(stop func()) train.Recorder {
				return &clock{least: s.roundTime(), stop: stop, next: m.next,
					round: func(steps Series, _ time.Duration) error { return m.round(steps.Median()) }}
			})
		},
	}
}

// train trains until the recorder calls stop.
func (s *session) train(ctx context.Context, cfg config.Config, recorder func(stop func()) train.Recorder) error {
	training, stop := context.WithCancel(ctx)
	defer stop()
	err := trainOnDigits(training, s.backend.Backend, cfg, filepath.Join(s.dir, "checkpoints"), recorder(stop))
	if errors.Is(err, train.ErrInterrupted) {
		return ctx.Err() // nil if the recorder stopped it
	}
	return err
}

// trainOnDigits trains a config from the start.
func trainOnDigits(ctx context.Context, b compute.Backend, cfg config.Config, checkpoints string, recorder train.Recorder) error {
	data, err := dataset.Open(ctx, dataset.Options{Name: cfg.Data.Name, Split: "train", Limit: cfg.Data.Limit})
	if err != nil {
		return err
	}
	_, err = train.Run(ctx, train.Options{Config: cfg, Data: data, Backend: b, CheckpointDir: checkpoints, Recorder: recorder})
	return err
}

// stepsPerRound is the least number of training steps in a round.
const stepsPerRound = 3

// clock is a recorder that keeps nothing but the times of training steps, in
// rounds.
type clock struct {
	least time.Duration // of a round
	// next tells whether there is another round; round takes the seconds of its
	// steps, and the time that it took with what lies between them.
	next  func() (bool, error)
	round func(steps Series, took time.Duration) error
	stop  func() // ends the training

	steps Series
	begun time.Time
	err   error
}

// Phase implements [train.Recorder]. The first step compiles, and the machine may
// still be busy with that in the second: neither counts.
func (c *clock) Phase(phase string, step int, d time.Duration) {
	if phase != record.PhaseStep || c.err != nil {
		return
	}
	if c.begun.IsZero() {
		c.begin()
		return
	}
	c.steps = append(c.steps, d.Seconds())
	if took := time.Since(c.begun); len(c.steps) >= stepsPerRound && took >= c.least {
		if c.err = c.round(c.steps, took); c.err == nil {
			c.begin()
		}
	}
}

func (c *clock) begin() {
	more, err := c.next()
	c.err = err
	if !more {
		c.stop()
	}
	c.steps, c.begun = nil, time.Now()
}

// Point implements [train.Recorder].
func (c *clock) Point(string, int, float64) {}

// Sample implements [train.Recorder].
func (c *clock) Sample(context.Context, train.Sample) error { return nil }

// Flush implements [train.Recorder].
func (c *clock) Flush(context.Context) error { return nil }

// Err implements [train.Recorder].
func (c *clock) Err() error { return c.err }
