package speed

import (
	"context"
	"runtime"
	"time"

	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

// recording is what recording costs the training loop: of the quickstart's small
// model, whose steps are short. The share of the loop is the time that the loop
// spends in calls of its recorder; the share of the processors is what writing to
// the store takes them, all of them being wanted for training.
var recording = benchmark{
	name:     "record/training loop",
	about:    "what recording takes of the quickstart's training",
	skip:     skipOnGo,
	measures: []quantity{{"of the loop", Share}, {"of the processors", Share}},
	run: func(ctx context.Context, s *session, m *meter) error {
		cfg, err := s.configOf(small, 32, endless)
		if err != nil {
			return err
		}
		st, err := s.store(ctx)
		if err != nil {
			return err
		}
		defer st.Close()
		w, err := newRecording(ctx, st)
		if err != nil {
			return err
		}
		err = s.train(ctx, cfg, func(stop func()) train.Recorder {
			r := &timedRecorder{writer: w}
			r.clock = clock{least: s.roundTime(), stop: stop}
			r.next = func() (bool, error) {
				more, err := m.next()
				r.spent = 0
				return more, err
			}
			r.round = func(steps Series, took time.Duration) error {
				loop := r.spent.Seconds() / took.Seconds()
				processors, err := processorShare(ctx, st, took/time.Duration(len(steps)), max(2*s.roundTime(), 10*time.Millisecond))
				if err != nil {
					return err
				}
				return m.round(loop, processors)
			}
			return r
		})
		if err != nil {
			_ = w.Finish(ctx, record.StatusFailed, err.Error())
			return err
		}
		return w.Finish(ctx, record.StatusFinished, "")
	},
}

// timedRecorder records in a store, and keeps how long its caller waits for that.
type timedRecorder struct {
	clock
	writer *store.Writer
	spent  time.Duration // since the round began
}

// Phase implements [train.Recorder].
func (r *timedRecorder) Phase(phase string, step int, d time.Duration) {
	begun := time.Now()
	r.writer.Phase(phase, step, d)
	r.spent += time.Since(begun)
	r.clock.Phase(phase, step, d)
}

// Point implements [train.Recorder].
func (r *timedRecorder) Point(series string, step int, value float64) {
	begun := time.Now()
	r.writer.Point(series, step, value)
	r.spent += time.Since(begun)
}

// Err implements [train.Recorder].
func (r *timedRecorder) Err() error {
	begun := time.Now()
	err := r.writer.Err()
	r.spent += time.Since(begun)
	if err != nil {
		return err
	}
	return r.clock.Err()
}

// processorShare records a run as training does, but does nothing else
// meanwhile: for so long with a step each so often. It returns what part of all
// processors' time that takes.
func processorShare(ctx context.Context, st *store.Store, step, long time.Duration) (float64, error) {
	idle := processorTime(step, long, func(int) {})
	w, err := newRecording(ctx, st)
	if err != nil {
		return 0, err
	}
	recording := processorTime(step, long, func(n int) {
		w.Phase(record.PhaseStep, n, step)
		w.Phase(record.PhaseDataWait, n, 0)
		w.Point(record.TrainLoss, n, 1)
		w.Point(record.LearningRate, n, 1)
		w.Point(record.GradNorm, n, 1)
	})
	if err := w.Finish(ctx, record.StatusFinished, ""); err != nil {
		return 0, err
	}
	return max(0, (recording-idle).Seconds()) / long.Seconds() / float64(runtime.GOMAXPROCS(0)), nil
}

// processorTime is what this process uses of the processors while do is called
// every so often.
func processorTime(every, long time.Duration, do func(n int)) time.Duration {
	begun, used := time.Now(), machine.ProcessorTime()
	for n := 1; time.Since(begun) < long; n++ {
		do(n)
		time.Sleep(every)
	}
	return machine.ProcessorTime() - used
}
