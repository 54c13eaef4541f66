package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

// Options say how a sweep is run.
type Options struct {
	StorePath func(fromConfig string) string
	Launcher  string // empty: the file's
	Jobs      int    // 0: the file's
	Retries   *int   // nil: the file's
	Fresh     bool   // make all runs again
	AnyCode   bool   // runs of other versions of the program count, too
	Yes       bool   // more than sweep.MaxRuns are fine
	Observe   func(sweep.Standing)
	Warn      func(message string)
	// Bind finds out what the runs of a config begin with: see [sweep.File].
	Bind func(ctx context.Context, storePath string, cfg *config.Resolved) (*config.Resolved, error)
}

// Session is a sweep with what its store holds of it.
type Session struct {
	Options
	Plan        *sweep.Plan
	Path        string       // of the store
	Store       *store.Store // nil if there is none yet
	Folder      sweep.Folder
	Recognition sweep.Recognition
	Inventory   sweep.Inventory
	Memory      sweep.Memory
}

// Open plans the sweep of a file and finds out what is done of it. It writes
// nothing.
func Open(ctx context.Context, path string, o Options) (*Session, error) {
	file, err := sweep.Load(path)
	if err != nil {
		return nil, err
	}
	if o.Launcher != "" {
		file.Launcher = o.Launcher
	}
	if o.Jobs > 0 {
		file.Jobs = o.Jobs
	}
	if o.Retries != nil {
		file.Retries = *o.Retries
	}
	if o.Bind != nil {
		file.Bind = func(cfg *config.Resolved) (*config.Resolved, error) {
			return o.Bind(ctx, o.StorePath(cfg.Config.Store), cfg)
		}
	}
	limit := uint64(sweep.MaxRuns)
	if o.Yes {
		limit = 1<<64 - 1
	}
	plan, err := file.Plan(ctx, limit)
	if err != nil {
		return nil, err
	}
	s := &Session{Options: o, Plan: plan, Path: o.StorePath(plan.Tasks[0].Runs[0].Config.Config.Store)}
	if err := s.openExisting(ctx); err != nil {
		return nil, err
	}
	s.Folder = sweep.FolderOf(s.Path, s.storeID(), file.Name)
	return s, s.inspect(ctx, path)
}

// Reopen is Open of a sweep that was run before, by its name, as it was planned
// then.
func Reopen(ctx context.Context, name string, o Options) (*Session, error) {
	s := &Session{Options: o, Path: o.StorePath("")}
	if err := s.openExisting(ctx); err != nil {
		return nil, err
	}
	s.Folder = sweep.FolderOf(s.Path, s.storeID(), name)
	memory, err := s.recall()
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("sweep %s: %w", name, err)
	}
	s.Plan.File.Launcher, s.AnyCode = memory.Launcher, memory.AnyCode || o.AnyCode
	return s, s.inspect(ctx, memory.File)
}

// openExisting opens the store, if there is one.
func (s *Session) openExisting(ctx context.Context) (err error) {
	if _, err := os.Stat(s.Path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	s.Store, err = store.OpenExisting(ctx, s.Path)
	return err
}

func (s *Session) storeID() string {
	if s.Store == nil {
		return ""
	}
	return s.Store.ID()
}

// recall reads what the folder keeps of the sweep: its plan, and what is remembered.
func (s *Session) recall() (memory sweep.Memory, err error) {
	if s.Plan, err = s.Folder.ReadPlan(); err != nil {
		return memory, err
	}
	return s.Folder.Recall()
}

// lock makes this process the only one that works on the sweep. If another store's
// folder has the sweep's name, a store that is yet to be made is made first: the
// folder takes its name from it.
func (s *Session) lock(ctx context.Context) (unlock func(), err error) {
	if s.Folder.NeedsStore() {
		if err := s.openStore(ctx); err != nil {
			return nil, err
		}
		s.Folder = sweep.FolderOf(s.Path, s.Store.ID(), s.Plan.File.Name)
	}
	unlock, err = s.Folder.Lock()
	if err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Plan.File.Name, err)
	}
	return unlock, nil
}

// inspect fills in what is known of the runs.
func (s *Session) inspect(ctx context.Context, path string) error {
	var err error
	if s.Memory, err = s.Folder.Recall(); err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	if s.Memory.File != "" && s.Memory.File != path {
		s.warn("a sweep %s was run from %s before; its runs count where their configs are the same", s.Plan.File.Name, s.Memory.File)
	}
	s.Memory.File, s.Memory.Launcher, s.Memory.AnyCode = path, s.Plan.File.Launcher, s.AnyCode
	if s.Memory.Code, err = machine.CodeVersion(); err != nil {
		return err
	}
	if s.Fresh {
		s.Memory.Since = time.Now().Truncate(time.Millisecond) // the store's precision
	}
	s.Recognition = sweep.Recognition{Code: s.Memory.Code, Since: s.Memory.Since, StopsTrials: s.Plan.File.StopsTrials()}
	if s.AnyCode {
		s.Recognition.Code = ""
	}
	if s.Store == nil {
		s.Inventory = sweep.Inventory{}
		return nil
	}
	return s.refresh(ctx)
}

func (s *Session) refresh(ctx context.Context) (err error) {
	s.Inventory, err = sweep.Inspect(ctx, s.Store, s.Plan.Hashes(), s.Recognition)
	return err
}

// State is how far a run of a task is.
func (s *Session) State(t sweep.Task, r sweep.PlannedRun) sweep.State {
	state := s.Inventory.State(t, r)
	if s.Memory.StoppedEarlier(state, s.Plan.Variants[r.Variant].Label) {
		return sweep.StateStopped
	}
	return state
}

// Left are the tasks that have runs to be made.
func (s *Session) Left() []sweep.Task {
	return slices.DeleteFunc(slices.Clone(s.Plan.Tasks), func(t sweep.Task) bool {
		return !slices.ContainsFunc(t.Runs, func(r sweep.PlannedRun) bool { return !s.State(t, r).Ended() })
	})
}

// Data is what the runs of the sweep that have come to their end are compared by.
func (s *Session) Data(ctx context.Context) (compare.Data, error) {
	if s.Store == nil {
		return compare.Data{}, fmt.Errorf("there is no store at %s", s.Path)
	}
	data, err := s.Plan.Data(ctx, s.Store, s.Inventory)
	if err == nil && len(data.Records) == 0 {
		err = fmt.Errorf("the store holds no run of sweep %s that this version of the program made and that has ended: run the sweep first, "+
			"or add --any-version", s.Plan.File.Name)
	}
	return data, err
}

// Close closes the store.
func (s *Session) Close() {
	if s.Store != nil {
		s.Store.Close()
	}
}

// Costs are those of the runs that the store holds.
func (s *Session) Costs(ctx context.Context) (sweep.Costs, error) {
	if s.Store == nil {
		return sweep.Costs{}, nil
	}
	return sweep.NewCosts(ctx, s.Store)
}

func (s *Session) warn(format string, args ...any) {
	if s.Warn != nil {
		s.Warn(fmt.Sprintf(format, args...))
	}
}
