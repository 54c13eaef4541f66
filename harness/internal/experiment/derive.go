package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/models/nn"
)

// ErrOtherTraining reports a config that another run's training does not serve.
var ErrOtherTraining = errors.New("the configs differ in more than their sampling")

// Derive makes the run of a config from a finished run whose config differs
// from it in sampling only: it takes over that run's series and weights, and
// draws and measures what its own config says. Interrupted, it is resumed as
// any other run.
func Derive(ctx context.Context, cfg *config.Resolved, from string, o Options) (Outcome, error) {
	st, parent, trained, err := lookUp(ctx, o.StorePath, from)
	if err != nil {
		return Outcome{}, err
	}
	defer st.Close()
	if parent.Status != record.StatusFinished {
		return Outcome{}, fmt.Errorf("run %s is %s: only the training of a finished run can be shared", parent.Slug, parent.Status)
	}
	mine, err := cfg.TrainingHash()
	if err != nil {
		return Outcome{}, err
	}
	if theirs, err := trained.TrainingHash(); err != nil {
		return Outcome{}, err
	} else if theirs != mine {
		return Outcome{}, fmt.Errorf("run %s cannot stand for the training of %s: %w", parent.Slug, cfg.Config.Name, ErrOtherTraining)
	}
	model, err := cfg.Config.Network()
	if err != nil {
		return Outcome{}, err
	}
	state, err := loadCheckpoint(CheckpointDir(o.StorePath, parent.ID), model, parent)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("run %s has no checkpoint left to draw from: train it again", parent.Slug)
	}
	if err != nil {
		return Outcome{}, err
	}
	s, err := o.open(ctx, cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer s.close()
	if err := s.checkSameAs(parent); err != nil {
		return Outcome{}, err
	}
	run, err := s.create(ctx, cfg, lineage{trainedBy: parent.ID})
	if err != nil {
		return Outcome{}, err
	}
	return s.derive(ctx, cfg, run, parent, state, model.Layout())
}

// derive gives the run its training and goes on where training has ended. It
// ends in a status of the store whatever happens.
func (s *session) derive(ctx context.Context, cfg *config.Resolved, run, parent *store.Run, state *checkpoint.State,
	layout nn.Layout) (Outcome, error) {
	err := s.store.AdoptTraining(ctx, run.ID, parent.ID)
	if err == nil {
		state.Meta = maps.Clone(state.Meta)
		state.Meta[checkpoint.MetaConfigHash], state.Meta[checkpoint.MetaRunID] = cfg.Hash, run.ID
		_, err = checkpoint.Save(CheckpointDir(s.StorePath, run.ID), layout, *state, 0)
	}
	from := progress{state: state}
	if err == nil {
		from.losses, err = lastLosses(ctx, s.store, run.ID, state.Step)
	}
	if err != nil {
		return Outcome{Run: run}, errors.Join(err, s.abandon(ctx, run, err))
	}
	return s.train(ctx, cfg, run, from)
}

// abandon records that a run has failed before its training began.
func (s *session) abandon(ctx context.Context, run *store.Run, reason error) error {
	writer, err := s.store.OpenWriter(context.WithoutCancel(ctx), run.ID)
	if err != nil {
		return err
	}
	return writer.Finish(context.WithoutCancel(ctx), record.StatusFailed, reason.Error())
}
