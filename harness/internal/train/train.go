// Package train runs one experiment: it trains the model that a config
// describes, samples from it, and hands everything worth keeping to a
// [Recorder].
//
// The loop in this file reads in the order things happen: batch → step →
// record → maybe sample → maybe checkpoint.
package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/gomlx/compute"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/models"
)

// lossWindow is the number of losses in the mean that is printed after every
// epoch, as the rectified-flow tutorial does.
const lossWindow = 100

// ErrInterrupted reports a run that was asked to stop: the step under way was
// finished and a checkpoint written, so that the run can be resumed.
var ErrInterrupted = errors.New("interrupted")

// DivergedError reports a loss, or the gradient of one, that is no longer a
// finite number. The weights after that step are not finite, either.
type DivergedError struct {
	Step           int     // the update, counted from 1
	Loss           float64 // NaN or ±Inf, or else the norm of the gradient is
	LastCheckpoint string  // path of the last good checkpoint; empty when none was written
}

func (e *DivergedError) Error() string {
	last := "no checkpoint had been written yet"
	if e.LastCheckpoint != "" {
		last = "the last good checkpoint is " + e.LastCheckpoint
	}
	what := fmt.Sprintf("the loss of step %d is %v", e.Step, e.Loss)
	if finite(e.Loss) {
		what = fmt.Sprintf("the loss of step %d is %.4g, but its gradient is not finite", e.Step, e.Loss)
	}
	return fmt.Sprintf("training diverged: %s; %s; try a lower train.lr or train.grad_clip: 1", what, last)
}

// Recorder keeps what a run produces. Point and Phase are called from the
// training loop at every step and must not block on a disk.
type Recorder interface {
	// Point records the value of a series at a step.
	Point(series string, step int, value float64)
	// Phase records how long a phase took at a step.
	Phase(phase string, step int, d time.Duration)
	// Sample records a grid of samples.
	Sample(ctx context.Context, s Sample) error
	// Flush keeps for good what has been recorded so far.
	Flush(ctx context.Context) error
	// Err returns the first failure to keep something, such as a full disk.
	Err() error
}

// Event tells the caller of [Run] how far the run is.
type Event struct {
	Step, Steps   int           // updates done and wanted
	Epoch, Epochs int           // epochs done (Epoch) and wanted
	Loss          float64       // loss of the last update
	EpochEnd      bool          // the step ended an epoch
	Last100       float64       // with EpochEnd: mean of the last 100 losses
	Message       string        // what is done now, when it is not a training step ("compiling", …)
	Passing       bool          // the message is one of many that follow each other quickly
	StepTime      time.Duration // duration of the last update
	Sampled       *Sample       // set when a grid has just been recorded
}

// Options are what [Run] needs besides the config.
type Options struct {
	Config     config.Config
	ConfigHash string // binds checkpoints to the config that made them
	Data       *dataset.Dataset
	// Validation holds images that are not trained on; without them no validation
	// loss is recorded.
	Validation *dataset.Dataset
	Backend    compute.Backend
	Recorder   Recorder
	// CheckpointDir is where checkpoints are written; RunID is recorded in them.
	CheckpointDir, RunID string
	// Resume continues from this state instead of step 0. Losses holds the last
	// losses recorded up to that step (at most 100 are needed), so that the
	// mean printed after the epoch is that of an uninterrupted run; Drawn holds
	// the grids recorded of that step.
	Resume *checkpoint.State
	Losses []float64
	Drawn  []Sample
	// StopAfter stops the run after this update as an interruption would: what is
	// due at that step is done, a checkpoint is written, and [Run] returns
	// [ErrInterrupted]. A run that is there already trains no further. 0 goes on
	// to the end, as does a number that is not below the run's last update.
	StopAfter int
	// Calibrate times a fixed amount of work at the first step and after the last:
	// see [Calibration].
	Calibrate bool
	// Generator draws the grids, and is left open; nil: the run compiles its own.
	Generator *Generator
	// Observe is called after every step and event; it may be nil.
	Observe func(Event)
}

// Result is what a run reached, also one that was stopped or failed.
type Result struct {
	Steps      int     // updates done
	FinalLoss  float64 // loss of the last update; 0 if there was none
	Last100    float64 // mean of the last 100 losses; 0 likewise
	Samples    []Sample
	Checkpoint string // path of the last checkpoint; empty if there is none
}

// Run trains until the config's budget is used, sampling and writing
// checkpoints on the way.
//
// It returns [ErrInterrupted] when ctx ends (after finishing the step and
// writing a checkpoint) or StopAfter is reached, and a [*DivergedError] when the loss stops being
// finite. Every random draw is a function of (seed, stream, step) alone, so
// that a resumed run repeats an uninterrupted one bit for bit.
func Run(ctx context.Context, o Options) (Result, error) {
	var res Result
	err := backend.Catch(func() error {
		t, err := newTrainer(o)
		if err != nil {
			return err
		}
		defer t.finalize()
		res, err = t.run(ctx)
		return err
	})
	return res, err
}

func (t *trainer) run(ctx context.Context) (res Result, err error) {
	cfg := t.Config.Train
	batches := dataset.Prefetch(context.WithoutCancel(ctx), t.state.Step, t.steps, prefetchDepth, t.makeBatch)
	defer batches.Close()
	defer func() {
		res.Steps, res.FinalLoss, res.Last100, res.Checkpoint = t.stepsDone, t.losses.last(), t.losses.mean(), t.lastCheckpoint
	}()

	if epoch, end := t.epochEnd(t.stepsDone); end && t.sampleAtEpoch(epoch) {
		// The run that this one continues was stopped while it was sampling.
		if err := t.sampleAll(ctx, &res, epoch); err != nil {
			return res, t.interrupted(ctx, err)
		}
	}
	if t.pausesAt(t.stepsDone) {
		return res, ErrInterrupted // it was resumed from the checkpoint of a step as late as that
	}
	if t.stepsDone < t.steps {
		if err := t.calibrate(t.stepsDone + 1); err != nil {
			return res, err
		}
	}
	for n := t.state.Step + 1; n <= t.steps; n++ {
		batch, wait, err := batches.Next()
		if err != nil {
			return res, fmt.Errorf("preparing the batch of step %d: %w", n, err)
		}
		if n == t.state.Step+1 && !t.compiled {
			t.event(Event{Message: "compiling the training step"})
		}

		lr := LearningRate(cfg, n, t.steps)
		start := time.Now()
		m, err := t.step(batch, lr)
		if err != nil {
			return res, fmt.Errorf("training step %d: %w", n, err)
		}
		took := time.Since(start)

		phase := record.PhaseStep
		if !t.compiled {
			phase, t.compiled = record.PhaseCompile, true
		}
		t.Recorder.Phase(phase, n, took)
		t.Recorder.Phase(record.PhaseDataWait, n, wait)
		t.Recorder.Point(record.TrainLoss, n, m.loss)
		t.Recorder.Point(record.LearningRate, n, lr)
		t.Recorder.Point(record.GradNorm, n, m.gradNorm)
		if !finite(m.loss) || !finite(m.gradNorm) {
			return res, &DivergedError{Step: n, Loss: m.loss, LastCheckpoint: t.lastCheckpoint}
		}
		t.losses.add(m.loss)

		ev := Event{Loss: m.loss, StepTime: took}
		epoch, endsEpoch := t.epochEnd(n)
		if endsEpoch {
			ev.EpochEnd, ev.Last100 = true, t.losses.mean()
			t.Recorder.Point(record.Last100, n, ev.Last100)
		}
		t.event(ev)
		if t.validationDue(n) {
			if err := t.validate(n); err != nil {
				return res, err
			}
		}
		if endsEpoch && t.sampleAtEpoch(epoch) {
			if err := t.sampleAll(ctx, &res, epoch); err != nil {
				return res, t.interrupted(ctx, err)
			}
		}
		if err := t.Recorder.Err(); err != nil {
			return res, fmt.Errorf("recording step %d: %w", n, err)
		}
		if last := n == t.steps || t.pausesAt(n); last && n > t.state.Step+1 { // times of one step add up
			if err := t.calibrate(n); err != nil {
				return res, err
			}
		}
		stop := t.pausesAt(n) || ctx.Err() != nil
		if t.checkpointDue(n) || stop {
			if err := t.save(n); err != nil {
				return res, err
			}
		}
		if stop {
			return res, ErrInterrupted
		}
		// Buffers on the device are small objects on Go's side; without a
		// collection now and then their finalizers run late.
		if n%64 == 0 {
			runtime.GC()
		}
	}

	if t.Config.Sampling.AtEnd {
		if err := t.sampleAll(ctx, &res, t.epochOf(t.steps)); err != nil {
			return res, t.interrupted(ctx, err)
		}
	}
	return res, t.Recorder.Err()
}

// interrupted turns the cancellation of sampling into ErrInterrupted, after
// making sure that the training done so far is in a checkpoint.
func (t *trainer) interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if err := t.save(t.stepsDone); err != nil {
		return err
	}
	return ErrInterrupted
}

// makeBatch draws everything that update index+1 consumes. It is a pure
// function of (seed, index), called by the prefetcher's workers.
func (t *trainer) makeBatch(index int) (*batch, error) {
	size := t.loader.Size(index)
	seed, step := t.Config.Seed, uint64(index)
	b := newBatch(size, t.pixels)
	t.loader.Fill(index, b.images, b.labels)
	t.begin(random.New(seed, "train/noise", step), b.noise)
	if err := couple(t.Config.Process, b, random.New(seed, "train/coupling", step)); err != nil {
		return nil, fmt.Errorf("coupling noise and data: %w", err)
	}
	timesteps := random.New(seed, "train/timestep", step)
	for i := range b.timesteps {
		b.timesteps[i] = float32(t.process.SampleTimestep(timesteps))
	}
	drop := random.New(seed, "train/label_drop", step)
	for i := range b.labels {
		if drop.Float64() < t.Config.Train.LabelDrop {
			b.labels[i] = 0 // the "no class" row of the embedding: what guidance calls unconditional
		}
	}
	if _, drops := models.Dropping(t.model); drops {
		keys := random.New(seed, "train/dropout", step)
		b.dropout = make([]uint32, size*dropoutKey)
		for i := range b.dropout {
			b.dropout[i] = keys.Uint32()
		}
	}
	return b, nil
}

func (t *trainer) epochEnd(n int) (epoch int, end bool) {
	if n%t.stepsPerEpoch == 0 {
		return n / t.stepsPerEpoch, true
	}
	return 0, false
}

func (t *trainer) epochOf(n int) int { return (n + t.stepsPerEpoch - 1) / t.stepsPerEpoch }

func (t *trainer) sampleAtEpoch(epoch int) bool {
	for _, e := range t.Config.Sampling.AtEpochs {
		if e == epoch {
			return true
		}
	}
	return false
}

// pausesAt tells whether StopAfter ends the run after n updates.
func (t *trainer) pausesAt(n int) bool { return t.StopAfter > 0 && n >= t.StopAfter && n < t.steps }

func (t *trainer) checkpointDue(n int) bool {
	c := t.Config.Checkpoint
	switch {
	case n == t.steps:
		return true
	case c.EverySteps > 0 && n%c.EverySteps == 0:
		return true
	case c.EveryEpochs > 0 && n%(c.EveryEpochs*t.stepsPerEpoch) == 0:
		return true
	}
	return false
}

func (t *trainer) event(e Event) {
	if t.Observe == nil {
		return
	}
	e.Step, e.Steps = t.stepsDone, t.steps
	e.Epoch, e.Epochs = t.epochOf(t.stepsDone), t.epochOf(t.steps)
	t.Observe(e)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
