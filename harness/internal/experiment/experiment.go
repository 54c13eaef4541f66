// Package experiment takes one run from its config to the store: it opens the
// dataset, the backend and the store, trains, and records how it ended.
package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
	"flowharness/models"
	"flowharness/models/nn"
)

// Options are what a run needs besides its config.
type Options struct {
	StorePath string   // the store file
	Argv      []string // recorded with the run
	// StopAfter ends the run as interrupted after this update, if it is not the
	// last: see [train.Options].
	StopAfter int
	// Calibrate times a fixed amount of work beside the training, so that its
	// speed can be compared between machines: see [train.Calibration].
	Calibrate bool
	Progress  func(train.Event)
	Workbench *Workbench // what is open already; nil: a run opens and closes its own
	// Started is called once the run is in the store and training is about to
	// begin.
	Started func(Started)
	// Warn receives what the user should know and the run goes on without.
	Warn func(message string)
}

// Started describes a run that is about to train.
type Started struct {
	Run     *store.Run
	Backend backend.Info
	Data    *dataset.Dataset
	Resumed int        // step that the run continues from; 0 for a new one
	Parent  *store.Run // whose weights it begins with; nil: those of nobody, or of a file
	// LogEverySeconds is the config's time between lines of progress.
	LogEverySeconds float64
}

// Outcome is how a run ended.
type Outcome struct {
	Run    *store.Run
	Result train.Result
}

// Start trains a new run of a config. The returned error is the run's own: the
// store then holds its status and its reason.
func Start(ctx context.Context, cfg *config.Resolved, o Options) (Outcome, error) {
	cfg, from, err := beginningOf(ctx, o.StorePath, cfg) // what cannot begin fails before anything is opened
	if err != nil {
		return Outcome{}, err
	}
	s, err := o.open(ctx, cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer s.close()
	if from == nil {
		run, err := s.create(ctx, cfg, lineage{})
		if err != nil {
			return Outcome{}, err
		}
		return s.train(ctx, cfg, run, progress{})
	}
	run, err := s.create(ctx, cfg, lineage{parent: from.parent, step: from.step})
	if err != nil {
		return Outcome{}, err
	}
	return s.startFrom(ctx, cfg, run, from)
}

// lineage says which other run a new one has its weights of.
type lineage struct {
	trainedBy string     // id of the run whose whole training it takes over
	parent    *store.Run // whose weights it begins with
	step      int        // of the parent
}

// create records a new run.
func (s *session) create(ctx context.Context, cfg *config.Resolved, of lineage) (*store.Run, error) {
	code, err := machine.CodeVersion()
	if err != nil {
		return nil, err
	}
	parent := ""
	if of.parent != nil {
		parent = of.parent.ID
	}
	run, err := s.store.CreateRun(ctx, store.NewRun{
		Name: cfg.Config.Name, Tags: cfg.Config.Tags, Notes: cfg.Config.Notes,
		ConfigHash: cfg.Hash, CodeVersion: code, TrainedBy: of.trainedBy, Parent: parent, ParentStep: of.step,
		Seed: cfg.Config.Seed, Process: cfg.Config.Process.Name, Dataset: cfg.Config.Data.Name,
		SourceYAML: string(cfg.Source), BaseYAML: string(cfg.Base), ResolvedYAML: string(cfg.YAML), Overrides: cfg.Overrides, Argv: s.Argv,
		Environment: s.environment(ctx),
	})
	if err != nil {
		return nil, fmt.Errorf("recording the new run: %w", err)
	}
	return run, nil
}

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
		_, from, err := findBeginning(ctx, st, cfg)
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
		o.Warn(fmt.Sprintf("run %s has diverged, and every step repeats to the bit: where nothing about it has changed it will diverge again", run.Slug))
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
		s.Warn(fmt.Sprintf("run %s began on %d of the backend's devices and goes on on %d: the result will differ in the last digits", run.Slug, a, b))
	}
	if a, b := partsOf(began.Backend), partsOf(s.backend.Info); a != b && s.Warn != nil { // train.microbatch_size: auto
		s.Warn(fmt.Sprintf("run %s began with a microbatch size of %s and goes on with %s: the result will differ in the last digits", run.Slug, a, b))
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
	return fmt.Errorf("run %s began on other %s: the SHA-256 of its %d of %s%s is %.12s, that of those here %.12s; put the files back that it began on",
		run.Slug, what, n, began.Name, where, then, now)
}

// CheckpointDir is where the checkpoints of a run lie: beside the store.
func CheckpointDir(storePath, runID string) string {
	return checkpoint.RunDir(storePath, runID)
}

// session is everything that is open while a run trains.
type session struct {
	Options
	*Workbench
	store *store.Store
}

// open opens the images first and the store last, so that a run that cannot
// start leaves nothing behind.
func (o Options) open(ctx context.Context, cfg *config.Resolved) (*session, error) {
	s, err := o.openInputs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if s.store, err = store.Open(ctx, o.StorePath); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// openInputs opens what training needs, and no store.
func (o Options) openInputs(ctx context.Context, cfg *config.Resolved) (*session, error) {
	s := &session{Options: o, Workbench: o.Workbench}
	if s.Workbench != nil {
		return s, s.serves(cfg)
	}
	var err error
	s.Workbench, err = OpenWorkbench(ctx, cfg, o)
	return s, err
}

func (s *session) close() {
	if s.Options.Workbench == nil {
		s.Workbench.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
}

func (o Options) openBackend(cfg config.Backend) (*backend.Backend, error) {
	b, err := backend.Open(backend.Options{Name: cfg.Name, Plugin: cfg.Plugin})
	if err != nil {
		return nil, err
	}
	if b.Info.Warning != "" && o.Warn != nil {
		o.Warn(b.Info.Warning)
	}
	if !cfg.Precision.IsZero() && b.Info.Name != backend.XLACUDA && o.Warn != nil {
		o.Warn(fmt.Sprintf("backend.precision %s is for GPUs: %s takes longer for it than for float32, with some versions of XLA hundreds of times", cfg.Precision, b.Info.Name))
	}
	return b, nil
}

// progress is how far a run is that is to be continued; nothing for a new one.
type progress struct {
	parent *store.Run // of a run that begins with the weights of another
	state  *checkpoint.State
	losses []float64
	drawn  []train.Sample
}

// train runs the loop and records how it ended.
func (s *session) train(ctx context.Context, cfg *config.Resolved, run *store.Run, from progress) (Outcome, error) {
	writer, err := s.store.OpenWriter(ctx, run.ID)
	if err != nil {
		return Outcome{}, err
	}
	rec := &recorder{Writer: writer}
	started := Started{Run: run, Parent: from.parent, Backend: s.backend.Info, Data: s.data, LogEverySeconds: cfg.Config.Train.LogEverySeconds}
	if from.state != nil {
		started.Resumed = from.state.Step
	}
	if s.Started != nil {
		s.Started(started)
	}
	writer.Log("info", fmt.Sprintf("training on %s, from step %d",
		strings.TrimSpace(s.backend.Info.Name+" "+s.backend.Info.PluginPath), started.Resumed))

	show := s.Progress
	s.Progress = func(e train.Event) {
		rec.log(e)
		if show != nil {
			show(e)
		}
	}
	result, trainErr := s.run(ctx, train.Options{
		Config: cfg.Config, ConfigHash: cfg.Hash, Data: s.data, Validation: s.validation(cfg.Config), Backend: s.backend.Backend, Recorder: rec,
		CheckpointDir: CheckpointDir(s.StorePath, run.ID), RunID: run.ID, Resume: from.state, Losses: from.losses, Drawn: from.drawn,
		StopAfter: s.StopAfter, Calibrate: s.Calibrate,
		Progress: func(e train.Event) {
			writer.Progress(e.Step, e.Steps)
			s.Progress(e)
		},
	})
	if trainErr == nil && cfg.Config.Metrics.AtEnd {
		began := time.Now()
		trainErr = s.measureAtEnd(ctx, cfg.Config, run)
		rec.Phase(record.PhaseEvaluation, result.Steps, time.Since(began))
	}
	status, reason := ending(trainErr)
	if reason != "" {
		writer.Log("error", reason)
	}
	writer.PeakMemory(machine.PeakMemory())
	// The end is recorded even if the run was told to stop.
	finishErr := writer.Finish(context.WithoutCancel(ctx), status, reason)
	if ended, err := s.store.Resolve(context.WithoutCancel(ctx), run.ID); err == nil {
		run = ended
	}
	return Outcome{Run: run, Result: result}, errors.Join(trainErr, finishErr)
}

// run trains with the workbench's programs.
func (s *session) run(ctx context.Context, o train.Options) (train.Result, error) {
	var err error
	if o.Generator, err = s.generator(o.Config); err != nil {
		return train.Result{}, err
	}
	return train.Run(ctx, o)
}

// measureAtEnd measures the model that training has ended with.
func (s *session) measureAtEnd(ctx context.Context, cfg config.Config, run *store.Run) error {
	model, err := cfg.Network()
	if err != nil {
		return err
	}
	state, err := loadCheckpoint(CheckpointDir(s.StorePath, run.ID), model, run)
	if err != nil {
		return err
	}
	_, err = s.measure(ctx, s.store, run.ID, s.Workbench, cfg, state)
	if ctx.Err() != nil {
		return train.ErrInterrupted // what has been measured so far stays
	}
	return err
}

// ending maps a run's error to its recorded status and the reason for it.
func ending(err error) (status record.Status, reason string) {
	var diverged *train.DivergedError
	switch {
	case err == nil:
		return record.StatusFinished, ""
	case errors.Is(err, train.ErrInterrupted):
		return record.StatusInterrupted, ""
	case errors.As(err, &diverged):
		return record.StatusDiverged, err.Error()
	default:
		return record.StatusFailed, err.Error()
	}
}

// lookUp finds a recorded run and reads its config again.
func lookUp(ctx context.Context, storePath, ref string) (*store.Store, *store.Run, *config.Resolved, error) {
	return lookUpWith(ctx, store.Open, storePath, ref)
}

// lookUpToRead is lookUp in a store that may be one that cannot be written.
func lookUpToRead(ctx context.Context, storePath, ref string) (*store.Store, *store.Run, *config.Resolved, error) {
	return lookUpWith(ctx, store.OpenExisting, storePath, ref)
}

func lookUpWith(ctx context.Context, open func(context.Context, string) (*store.Store, error), storePath, ref string) (
	*store.Store, *store.Run, *config.Resolved, error) {
	if err := storeExists(storePath); err != nil {
		return nil, nil, nil, err
	}
	st, err := open(ctx, storePath)
	if err != nil {
		return nil, nil, nil, err
	}
	run, cfg, err := recordedRun(ctx, st, ref)
	if err != nil {
		st.Close()
		return nil, nil, nil, err
	}
	return st, run, cfg, nil
}

func storeExists(path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no store at %s (--store or $HARNESS_STORE names another): %w", path, err)
	}
	return nil
}

// recordedRun reads a run and its config, which must still mean what it did.
func recordedRun(ctx context.Context, st *store.Store, ref string) (*store.Run, *config.Resolved, error) {
	run, err := st.Resolve(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := config.Parse("run "+run.Slug, []byte(run.ResolvedYAML), nil)
	if err == nil {
		lookElsewhere(&cfg.Config.Data)
	}
	if err == nil && cfg.Hash != run.ConfigHash {
		err = fmt.Errorf("its config means something else to this version of harness (hash %.12s, recorded %.12s): use the version that made it (harness show %s)",
			cfg.Hash, run.ConfigHash, run.Slug)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("run %s: %w", run.Slug, err)
	}
	return run, cfg, nil
}

// lookElsewhere has the images of a recorded run looked for in the usual places
// where its folder is not there, say on another machine. That they are the run's
// is what [session.checkImages] checks.
func lookElsewhere(data *config.Data) {
	if _, err := os.Stat(data.Dir); errors.Is(err, fs.ErrNotExist) {
		data.Dir = ""
	}
}

func loadCheckpoint(dir string, model models.Network, run *store.Run) (*checkpoint.State, error) {
	path, err := checkpoint.Latest(dir)
	if err != nil {
		return nil, err
	}
	return checkpoint.Load(path, model.Layout(), run.ConfigHash)
}

// latestWeights are those to draw from of a run's latest checkpoint.
func latestWeights(dir string, layout nn.Layout, run *store.Run) (*checkpoint.State, error) {
	path, err := checkpoint.Latest(dir)
	if err != nil {
		return nil, err
	}
	return checkpoint.LoadWeights(path, layout, run.ConfigHash)
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
