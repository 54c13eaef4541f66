package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

// Resume continues the run that ref names from its latest checkpoint. The
// result equals that of a run that was never interrupted.
func Resume(ctx context.Context, ref string, o Options) (Outcome, error) {
	st, run, cfg, err := lookUp(ctx, o.StorePath, ref)
	if err != nil {
		return Outcome{}, err
	}
	defer st.Close()
	switch run.Status {
	case record.StatusFinished:
		return Outcome{}, &FinishedError{run}
	case record.StatusRunning:
		return Outcome{}, fmt.Errorf("run %s is running (pid %d on %s); stop it first", run.Slug, run.PID, run.Host)
	}
	model, err := cfg.Config.Network()
	if err != nil {
		return Outcome{}, err
	}
	state, err := loadCheckpoint(CheckpointDir(o.StorePath, run.ID), model, run)
	if errors.Is(err, fs.ErrNotExist) {
		state, err = nil, nil // stopped before its first checkpoint: it starts over, under the same id
	}
	if err != nil {
		return Outcome{}, err
	}
	if state == nil {
		_, from, err := findBeginning(ctx, st, cfg, o.Parents...)
		if err != nil {
			return Outcome{}, err
		}
		if from != nil {
			if err := from.save(o.StorePath, cfg, run); err != nil {
				return Outcome{}, err
			}
			state = from.state
		}
	}
	s, err := o.open(ctx, cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer s.close()
	if err := s.checkSameAs(run); err != nil {
		return Outcome{}, err
	}
	if run.Status == record.StatusDiverged && o.Warn != nil {
		o.Warn(fmt.Sprintf("run %s has diverged, and every step repeats to the bit: where nothing about it has changed it will diverge "+
			"again", run.Slug))
	}
	step := 0
	if state != nil {
		step = state.Step
	}
	if err := s.store.StartResume(ctx, run.ID, step); err != nil {
		return Outcome{}, err
	}
	from := progress{state: state}
	if from.losses, err = lossesBefore(ctx, s.store, run, step); err != nil {
		return Outcome{}, err
	}
	if from.drawn, err = drawnAt(ctx, s.store, run.ID, step); err != nil {
		return Outcome{}, err
	}
	return s.train(ctx, cfg, run, from)
}

// FinishedError says that a run cannot be resumed because it has come to its end.
type FinishedError struct{ Run *store.Run }

func (e *FinishedError) Error() string {
	return fmt.Sprintf("run %s is finished; there is nothing to resume", e.Run.Slug)
}

// checkSameAs refuses to continue a run on other images than it began with, and
// warns where the result will not be the same to the bit.
func (s *session) checkSameAs(run *store.Run) error {
	var began Environment
	if err := json.Unmarshal(run.Environment, &began); err != nil {
		return fmt.Errorf("run %s: its recorded environment: %w", run.Slug, err)
	}
	if err := s.checkImages(run, began); err != nil {
		return err
	}
	if name := began.Backend.Name; name != "" && name != s.backend.Info.Name && s.Warn != nil {
		s.Warn(fmt.Sprintf("run %s began on %s and goes on on %s: the result will differ in the last digits", run.Slug, name,
			s.backend.Info.Name))
	}
	if a, b := began.Backend.TrainingDevices(), s.backend.Info.TrainingDevices(); a != b && s.Warn != nil { // backend.devices: all
		s.Warn(fmt.Sprintf("run %s began on %d of the backend's devices and goes on on %d: the result will differ in the last "+
			"digits", run.Slug, a, b))
	}
	if a, b := partsOf(began.Backend), partsOf(s.backend.Info); a != b && s.Warn != nil { // train.microbatch_size: auto
		s.Warn(fmt.Sprintf("run %s began with a microbatch size of %s and goes on with %s: the result will differ in the last "+
			"digits", run.Slug, a, b))
	}
	return nil
}

// checkImages refuses other images than a run began with, of either split.
func (s *session) checkImages(run *store.Run, began Environment) error {
	then, now := began.Dataset, fingerprintOf(s.data, s.test)
	if then.SHA256 != "" && then.SHA256 != now.SHA256 {
		return otherImages(run, then, "images", then.Images, then.SHA256, now.SHA256)
	}
	if then.Test != nil && then.Test.Images == now.Test.Images && then.Test.SHA256 != now.Test.SHA256 {
		return otherImages(run, then, "test images", then.Test.Images, then.Test.SHA256, now.Test.SHA256)
	}
	return nil
}

func otherImages(run *store.Run, began DatasetFingerprint, what string, n int, then, now string) error {
	where := ""
	if began.Dir != "" {
		where = fmt.Sprintf(", from %s", began.Dir)
	}
	return fmt.Errorf("run %s began on other %s: the SHA-256 of its %d of %s%s is %.12s, that of those here %.12s; put the files back "+
		"that it began on",
		run.Slug, what, n, began.Name, where, then, now)
}

// lossesBefore are the last losses up to a step of a run, and where it has counted
// on from a parent, those of the parent before them.
func lossesBefore(ctx context.Context, st *store.Store, run *store.Run, step int) ([]float64, error) {
	own, err := lastLosses(ctx, st, run.ID, step)
	if err != nil || len(own) == lossWindow || run.Parent == "" || step == 0 || len(own) == step {
		return own, err
	}
	before, err := lastLosses(ctx, st, run.Parent, run.ParentStep)
	if notFound := (*store.NotFoundError)(nil); errors.As(err, &notFound) {
		return own, nil // the mean at the end of the epoch is of fewer losses then
	}
	all := append(before, own...)
	return all[max(0, len(all)-lossWindow):], err
}

// lossWindow is how many losses a mean at the end of an epoch is of.
const lossWindow = 100

// lastLosses are the last losses of a run up to a step.
func lastLosses(ctx context.Context, st *store.Store, runID string, step int) ([]float64, error) {
	points, err := st.Series(ctx, runID, record.TrainLoss, store.SeriesOptions{})
	if err != nil {
		return nil, err
	}
	points = slices.DeleteFunc(points, func(p store.Point) bool { return p.Step > step })
	points = points[max(0, len(points)-lossWindow):]
	losses := make([]float64, len(points))
	for i, p := range points {
		losses[i] = p.Value
	}
	return losses, nil
}

// drawnAt lists the grids that are recorded of a step, without their pictures.
func drawnAt(ctx context.Context, st *store.Store, runID string, step int) ([]train.Sample, error) {
	records, err := st.Samples(ctx, runID)
	if err != nil {
		return nil, err
	}
	var drawn []train.Sample
	for _, r := range records {
		if r.Step == step && r.WeightsFile == "" {
			drawn = append(drawn, train.Sample{Drawing: r.Drawing})
		}
	}
	return drawn, nil
}
