// Package experiment takes one run from its config to the store: it opens the
// dataset, the backend and the store, trains, and records how it ended.
package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	Observe   func(train.Event)
	Workbench *Workbench // what is open already; nil: a run opens and closes its own
	Parents   []Parent   // runs to begin with that are in another store
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
	cfg, from, err := beginningOf(ctx, o.StorePath, cfg, o.Parents...) // what cannot begin fails before anything is opened
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
	n := newRun(cfg, code, s.Argv)
	n.Tags, n.Notes, n.BaseYAML = cfg.Config.Tags, cfg.Config.Notes, string(cfg.Base)
	n.TrainedBy, n.Parent, n.ParentStep, n.Environment = of.trainedBy, parent, of.step, s.environment(ctx)
	run, err := s.store.CreateRun(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("recording the new run: %w", err)
	}
	return run, nil
}

// newRun is what a config says of the run to be recorded.
func newRun(cfg *config.Resolved, code string, argv []string) store.NewRun {
	c := cfg.Config
	return store.NewRun{Name: c.Name, ConfigHash: cfg.Hash, CodeVersion: code, Seed: c.Seed, Process: c.Process.Name, Dataset: c.Data.Name,
		SourceYAML: string(cfg.Source), ResolvedYAML: string(cfg.YAML), Overrides: cfg.Overrides, Argv: argv}
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
	b, err := backend.Open(backend.Options{Name: cfg.Name, Plugin: cfg.Plugin, NoCache: cfg.Cache != nil && !*cfg.Cache, Log: o.Warn})
	if err != nil {
		return nil, err
	}
	if b.Info.Warning != "" && o.Warn != nil {
		o.Warn(b.Info.Warning)
	}
	if !cfg.Precision.IsZero() && b.Info.Name != backend.XLACUDA && o.Warn != nil {
		o.Warn(fmt.Sprintf("backend.precision %s is for GPUs: %s takes longer for it than for float32, with some versions of XLA hundreds "+
			"of times", cfg.Precision, b.Info.Name))
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

	show := s.Observe
	s.Observe = func(e train.Event) {
		rec.log(e)
		if show != nil {
			show(e)
		}
	}
	result, trainErr := s.run(ctx, train.Options{
		Config: cfg.Config, ConfigHash: cfg.Hash, Data: s.data, Validation: s.validation(cfg.Config), Backend: s.backend.Backend, Recorder: rec,
		CheckpointDir: CheckpointDir(s.StorePath, run.ID), RunID: run.ID, Resume: from.state, Losses: from.losses, Drawn: from.drawn,
		StopAfter: s.StopAfter, Calibrate: s.Calibrate,
		Observe: func(e train.Event) {
			writer.Progress(e.Step, e.Steps)
			s.Observe(e)
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
		err = fmt.Errorf("its config means something else to this version of harness (hash %.12s, recorded %.12s): use the version that "+
			"made it (harness show %s)",
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
