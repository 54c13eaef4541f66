package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/measure"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

// VerifyOptions say how much of a run is verified, and how strictly.
type VerifyOptions struct {
	Steps int // updates to repeat; 0: all that are recorded
	// Tolerance is the relative difference up to which two values count as equal;
	// 0: to the last bit, not-a-number being equal to itself. Grids are compared
	// where it is 0 only: the least difference of a pixel changes their hash.
	Tolerance float64
}

// Verification is what repeating a recorded run showed.
type Verification struct {
	Run           *store.Run
	Steps         int // updates repeated and compared
	RecordedSteps int // updates that the store has losses of
	Tolerance     float64

	Points, Series, Grids, Evaluations int // compared

	Difference *Difference // the first; nil: there is none
	NotSame    []NotSame   // what the run was not made with
	Notes      []string    // what could not be compared
}

// Identical tells whether no difference was found.
func (v Verification) Identical() bool { return v.Difference == nil }

// Verify trains the run that ref names again, from its recorded config and from
// its first step, and compares every value of its series (but for durations)
// with those recorded, and where it comes to the run's end its grids and
// evaluations. It stops at the first difference. A run that did not come to its
// end is compared as far as it goes. The store is only read.
//
// It is an error if the images are not those the run was made from. When ctx
// ends the error is [train.ErrInterrupted], and the verification tells how far
// it came.
func Verify(ctx context.Context, ref string, vo VerifyOptions, o Options) (Verification, error) {
	v := Verification{Tolerance: vo.Tolerance, NotSame: []NotSame{}, Notes: []string{}}
	run, cfg, recorded, err := readRecording(ctx, o.StorePath, ref)
	if err != nil {
		return v, err
	}
	v.RecordedSteps = recorded.last - recorded.begun.counted()
	s, err := o.openInputs(ctx, cfg)
	if err != nil {
		return v, err
	}
	defer s.close()
	var began Environment
	if err := json.Unmarshal(run.Environment, &began); err != nil {
		return v, fmt.Errorf("run %s: its recorded environment: %w", run.Slug, err)
	}
	if err := s.checkImages(run, began); err != nil {
		return v, err
	}
	code, err := machine.CodeVersion()
	if err != nil {
		return v, err
	}
	v.Run, v.NotSame = run, notSame(made{began, run.CodeVersion}, made{s.environment(ctx), code})
	if vo.Steps > v.RecordedSteps {
		v.Notes = append(v.Notes, fmt.Sprintf("of the %d steps asked for %d are recorded", vo.Steps, v.RecordedSteps))
	}
	err = s.verify(ctx, cfg, recorded, vo, &v)
	return v, err
}

// verify repeats the run in a folder that is removed afterwards.
func (s *session) verify(ctx context.Context, cfg *config.Resolved, recorded *recording, vo VerifyOptions, v *Verification) error {
	dir, err := os.MkdirTemp("", "harness-verify-")
	if err != nil {
		return fmt.Errorf("making a folder for checkpoints: %w", err)
	}
	defer os.RemoveAll(dir)
	c := cfg.Config
	c.Checkpoint.EverySteps, c.Checkpoint.EveryEpochs = 0, 0 // one at the end is enough
	if vo.Tolerance > 0 {
		c.Sampling.AtEnd, c.Sampling.AtEpochs = false, nil
	}
	if s.Started != nil {
		s.Started(Started{Run: v.Run, Backend: s.backend.Info, Data: s.data, LogEverySeconds: c.Train.LogEverySeconds})
	}
	replay := &replay{recorded: recorded, tolerance: vo.Tolerance, points: map[string]int{}}
	stop := recorded.last
	if vo.Steps > 0 {
		stop = min(stop, recorded.begun.counted()+vo.Steps)
	}
	var from progress
	if recorded.begun != nil {
		from = recorded.begun.progress
	}
	result, err := s.run(ctx, train.Options{Config: c, ConfigHash: cfg.Hash, Data: s.data, Validation: s.validation(c),
		Backend:  s.backend.Backend,
		Recorder: replay, CheckpointDir: dir, RunID: v.Run.ID, Resume: from.state, Losses: from.losses, StopAfter: stop, Observe: s.Observe})
	v.Steps = result.Steps - recorded.begun.counted()
	paused := errors.Is(err, train.ErrInterrupted) && ctx.Err() == nil
	if err == nil && v.Run.Status == record.StatusFinished && c.Metrics.AtEnd {
		err = s.repeatEvaluations(ctx, c, dir, replay, v.Run)
	}
	if replay.difference == nil && ctx.Err() == nil {
		replay.findMissing(result.Steps)
	}
	replay.report(v)
	var diverged *train.DivergedError
	switch {
	case v.Difference != nil, paused, errors.As(err, &diverged): // a run that diverged at the same step, with the same values, is the same run
		return nil
	case ctx.Err() != nil:
		return train.ErrInterrupted
	}
	return err
}

// repeatEvaluations measures the model at the end of training as the run did.
func (s *session) repeatEvaluations(ctx context.Context, c config.Config, dir string, replay *replay, run *store.Run) error {
	model, err := c.Network()
	if err != nil {
		return err
	}
	state, err := loadCheckpoint(dir, model, run)
	if err != nil {
		return err
	}
	weights, ema := state.Weights(c.Sampling.UseEMA)
	tools, err := s.measuring(ctx, c)
	if err != nil {
		return err
	}
	return tools.Run(ctx, measure.Options{
		Config: c, Weights: weights,
		Record: func(_ context.Context, r measure.Result) error {
			record, err := evaluationRecord(r, c, state, ema)
			if err != nil {
				return err
			}
			return replay.evaluation(record)
		},
		Observe: func(what string, done, total int) {
			if s.Observe != nil {
				s.Observe(train.Event{Message: fmt.Sprintf("measuring %s: %d of %d images", what, done, total), Passing: done < total})
			}
		},
	})
}
