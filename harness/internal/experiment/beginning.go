package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/models/nn"
)

// beginning is what a run's training begins with instead of random weights.
type beginning struct {
	progress
	layout nn.Layout
	step   int // of the parent, if there is one: else the weights are those of a file
}

// findBeginning reads what the training of a config begins with, and binds the
// config to it: its hash then counts what the weights are. It is nil for random
// weights.
func findBeginning(ctx context.Context, st *store.Store, cfg *config.Resolved, parents ...Parent) (*config.Resolved, *beginning, error) {
	c := cfg.Config.Train
	if c.InitFrom == "" {
		return cfg, nil, nil
	}
	from, err := config.ParseOrigin(c.InitFrom)
	if err != nil {
		return nil, nil, err
	}
	model, err := cfg.Config.Network()
	if err != nil {
		return nil, nil, err
	}
	b := &beginning{layout: model.Layout()}
	if from.File != "" {
		b.state, err = checkpoint.LoadWeights(from.File, b.layout, "")
	} else {
		err = b.ofRun(ctx, st, &from, parents)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("train.init_from: %w", err)
	}
	if err := b.fit(c); err != nil {
		return nil, nil, fmt.Errorf("train.init_from: %s: %w", from, err)
	}
	sum := b.state.SHA256()
	if c.InitSHA256 != "" && c.InitSHA256 != sum {
		return nil, nil, fmt.Errorf("train.init_from: %s is not what train.init_sha256 asks for: its SHA-256 is %.12s, wanted is "+
			"%.12s", from, sum, c.InitSHA256)
	}
	bound, err := cfg.WithInit(from, sum)
	return bound, b, err
}

// Parent is a run to begin with that is in another store, of which the checkpoints alone are within reach.
type Parent struct{ ID, Slug, ConfigHash, Checkpoints string }

// isParentOf finds a run among parents, by its id.
func isParentOf(from config.Origin, parents []Parent) (Parent, bool) {
	i := slices.IndexFunc(parents, func(p Parent) bool { return p.ID == from.Run })
	if i < 0 {
		return Parent{}, false
	}
	return parents[i], true
}

// ofRun reads a checkpoint of the run that from names, and puts the run's id and
// the step there, which name the same at any time.
func (b *beginning) ofRun(ctx context.Context, st *store.Store, from *config.Origin, parents []Parent) error {
	elsewhere, out := isParentOf(*from, parents)
	if out {
		parent := &store.Run{RunInfo: store.RunInfo{ID: elsewhere.ID, Slug: elsewhere.Slug, ConfigHash: elsewhere.ConfigHash}}
		return b.ofCheckpoints(parent, elsewhere.Checkpoints, from)
	}
	parent, err := st.Resolve(ctx, from.Run)
	if err != nil {
		return err
	}
	if err := b.ofCheckpoints(parent, CheckpointDir(st.Path(), parent.ID), from); err != nil {
		return err
	}
	b.losses, err = lastLosses(ctx, st, parent.ID, from.Step)
	return err
}

// ofCheckpoints reads the checkpoint of a run from a folder.
func (b *beginning) ofCheckpoints(parent *store.Run, dir string, from *config.Origin) error {
	steps, err := checkpoint.Steps(dir)
	switch {
	case err != nil:
		return err
	case len(steps) == 0:
		return fmt.Errorf("run %s has no checkpoint to begin from (looked in %s)", parent.Slug, dir)
	case from.Step == config.Latest:
		from.Step = steps[len(steps)-1]
	case !slices.Contains(steps, from.Step):
		return fmt.Errorf("run %s has no checkpoint of step %d any more: there are those of %s (checkpoint.keep says how many "+
			"stay)", parent.Slug, from.Step, listed(steps))
	}
	if b.state, err = checkpoint.Load(checkpoint.Path(dir, from.Step), b.layout, parent.ConfigHash); err != nil {
		return fmt.Errorf("run %s: %w", parent.Slug, err)
	}
	from.Run, b.parent, b.step = parent.ID, parent, from.Step
	return nil
}

// fit makes the state what a config's training can begin with: everything it
// needs, and nothing that it does not keep.
func (b *beginning) fit(c config.Train) error {
	s := b.state
	switch {
	case c.InitWeights == config.InitEMA && s.EMA == nil:
		return errors.New("it keeps no averaged weights; leave out train.init_weights")
	case c.InitWeights == config.InitEMA:
		*s = checkpoint.State{Params: s.EMA}
	case c.InitStep == 0:
		s.Earlier, s.Step, b.losses = s.Earlier+s.Step, 0, nil
	case c.InitStep != s.Step:
		return fmt.Errorf("its step is %d, and train.init_step is %d", s.Step, c.InitStep)
	}
	if s.M == nil || s.V == nil {
		s.M, s.V, s.Earlier = make([]float32, len(s.Params)), make([]float32, len(s.Params)), 0
	}
	switch {
	case c.EMADecay == 0:
		s.EMA = nil
	case s.EMA == nil:
		s.EMA = s.Params
	}
	return errors.Join(s.CheckFinite(b.layout, false), s.CheckFinite(b.layout, true))
}

// save makes the state the run's own first checkpoint, so that it can go on from
// there whatever becomes of its parent.
func (b *beginning) save(storePath string, cfg *config.Resolved, run *store.Run) error {
	b.state.Meta = map[string]string{checkpoint.MetaConfigHash: cfg.Hash, checkpoint.MetaRunID: run.ID,
		checkpoint.MetaSeed: strconv.FormatUint(cfg.Config.Seed, 10)}
	_, err := checkpoint.Save(CheckpointDir(storePath, run.ID), b.layout, *b.state, 0)
	return err
}

// startFrom trains a new run that begins with given weights.
func (s *session) startFrom(ctx context.Context, cfg *config.Resolved, run *store.Run, b *beginning) (Outcome, error) {
	if err := b.save(s.StorePath, cfg, run); err != nil {
		return Outcome{Run: run}, errors.Join(err, s.abandon(ctx, run, err))
	}
	return s.train(ctx, cfg, run, b.progress)
}

// Longer trains a run for longer than its config says: a new run, whose parent it
// is, goes on from its latest checkpoint. Where the learning rate is constant its
// numbers are those that the run would have had, to the bit. budget is one
// override of train.epochs or train.steps.
func Longer(ctx context.Context, ref, budget string, o Options) (Outcome, error) {
	st, run, cfg, err := lookUp(ctx, o.StorePath, ref)
	if err != nil {
		return Outcome{}, err
	}
	defer st.Close()
	if run.Status == record.StatusRunning {
		return Outcome{}, fmt.Errorf("run %s cannot be trained longer: it is running (pid %d on %s); stop it first", run.Slug, run.PID, run.Host)
	}
	steps, err := checkpoint.Steps(CheckpointDir(o.StorePath, run.ID))
	if err != nil {
		return Outcome{}, err
	}
	if len(steps) == 0 {
		return Outcome{}, fmt.Errorf("run %s has no checkpoint to go on from: train it anew", run.Slug)
	}
	last := steps[len(steps)-1]
	longer, err := again(run, config.Origin{Run: run.ID, Step: last}, []string{budget, "train.init_step=" + strconv.Itoa(last)})
	if err != nil {
		return Outcome{}, err
	}
	if o.Warn != nil {
		if said := rescheduled(run.Slug, cfg.Config, longer.Config, last); said != "" {
			o.Warn(said)
		}
	}
	return Start(ctx, longer, o)
}

// Again is the config of a recorded run with its weights to begin with, and
// overrides. ref is RUN or RUN@STEP.
func Again(ctx context.Context, storePath, ref string, sets []string) (*config.Resolved, error) {
	from, err := config.ParseOrigin(ref)
	if err != nil {
		return nil, err
	}
	if from.File != "" {
		return nil, fmt.Errorf("%s is a file of weights: a config must say which model they are of", ref)
	}
	st, run, _, err := lookUpToRead(ctx, storePath, from.Run)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	from.Run = run.ID
	return again(run, from, sets)
}

// again reads the config of a run with another beginning. A budget given in one
// unit replaces that in the other.
func again(run *store.Run, from config.Origin, sets []string) (*config.Resolved, error) {
	all := []string{"train.init_weights=null", "train.init_sha256=null", "train.init_step=null",
		"train.init_from=" + strconv.Quote(from.String())}
	for _, set := range sets {
		if key, _, _ := strings.Cut(set, "="); otherUnit[key] != "" {
			all = append(all, otherUnit[key]+"=null")
		}
		all = append(all, set)
	}
	cfg, err := config.Parse("run "+run.Slug, []byte(run.ResolvedYAML), all)
	if err == nil {
		lookElsewhere(&cfg.Config.Data)
		cfg.Overrides = slices.Clone(sets)
	}
	return cfg, err
}

// otherUnit is the other of the two keys that a budget can be given by.
var otherUnit = map[string]string{"train.epochs": "train.steps", "train.steps": "train.epochs"}

// IsBudget tells whether an override is of the training's budget.
func IsBudget(set string) bool {
	key, _, _ := strings.Cut(set, "=")
	return otherUnit[key] != ""
}

// BudgetKeys are the keys of the training's budget.
func BudgetKeys() []string { return slices.Sorted(maps.Keys(otherUnit)) }

func listed(steps []int) string {
	words := make([]string, len(steps))
	for i, s := range steps {
		words[i] = strconv.Itoa(s)
	}
	return "steps " + strings.Join(words, ", ")
}

// counted is the number of updates that the run counts as its own and has not
// done itself.
func (b *beginning) counted() int {
	if b == nil {
		return 0
	}
	return b.state.Step
}

// Bind says what the run of a config will begin with, by its id and the SHA-256 of
// the weights, so that the config's hash is the one that the run will have.
func Bind(ctx context.Context, storePath string, cfg *config.Resolved) (*config.Resolved, error) {
	bound, _, err := beginningOf(ctx, storePath, cfg)
	return bound, err
}

// beginningOf is [findBeginning], which opens the store only for the weights of a
// run in it.
func beginningOf(ctx context.Context, storePath string, cfg *config.Resolved, parents ...Parent) (*config.Resolved, *beginning, error) {
	from, err := config.ParseOrigin(cfg.Config.Train.InitFrom)
	if _, elsewhere := isParentOf(from, parents); err != nil || from.File != "" || cfg.Config.Train.InitFrom == "" || elsewhere {
		return findBeginning(ctx, nil, cfg, parents...)
	}
	st, err := openToRead(ctx, storePath)
	if err != nil {
		return nil, nil, err
	}
	defer st.Close()
	return findBeginning(ctx, st, cfg)
}
