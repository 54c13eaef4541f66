package sweep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/config"
)

// TaskSpec is a task as its process reads it.
type TaskSpec struct {
	Sweep string      `json:"sweep"`
	Key   string      `json:"key"`
	Code  string      `json:"code"`           // only runs of this code version count; empty: any
	Since time.Time   `json:"since,omitzero"` // only runs created since
	Runs  []RunToMake `json:"runs"`           // the first is trained, the others share its training

	Calibrate bool `json:"calibrate,omitempty"` // see [File]

	Parents []Parent `json:"parents,omitempty"` // whose weights the runs begin with, if their store is out of the task's reach
}

// RunToMake is a run of a task.
type RunToMake struct {
	Variant   string   `json:"variant"`
	Hash      string   `json:"hash"`
	Config    string   `json:"config"` // in full, as YAML
	Source    string   `json:"source"`
	Overrides []string `json:"overrides"`
}

// Resolve reads the config of a run.
func (r RunToMake) Resolve() (*config.Resolved, error) {
	cfg, err := config.Parse("the sweep's config of "+r.Variant, []byte(r.Config), nil)
	if err != nil {
		return nil, err
	}
	if cfg.Hash != r.Hash {
		return nil, fmt.Errorf("the config of %s means something else to this version of harness than to the one that planned it (hash "+
			"%.12s, planned %.12s): use the same program on all machines", r.Variant, cfg.Hash, r.Hash)
	}
	cfg.Source, cfg.Overrides = []byte(r.Source), r.Overrides
	return cfg, nil
}

// Key names a task by its training, so that it stays the same when the sweep
// file is edited.
func (t Task) Key() string { return t.Runs[0].Config.Hash[:16] }

// ReadTask reads what WriteTask has left.
func (f Folder) ReadTask(key string) (TaskSpec, error) {
	var spec TaskSpec
	if err := readJSON(f.taskPath(key), &spec); err != nil {
		return spec, fmt.Errorf("reading the task %s: %w", key, err)
	}
	if len(spec.Runs) == 0 {
		return spec, fmt.Errorf("reading the task %s: it holds no runs", key)
	}
	return spec, nil
}

// WritePlan leaves the tasks of a plan to the processes that will make them, and
// the plan to later commands: a sweep goes on as it was planned, even if its file
// or its base are edited meanwhile.
func (f Folder) WritePlan(p *Plan, r Recognition) error {
	index := savedPlan{Path: p.File.Path, Base: p.File.Base, Variants: p.Variants}
	for _, t := range p.Tasks {
		index.Tasks = append(index.Tasks, t.Key())
		spec := TaskSpec{Sweep: p.File.Name, Key: t.Key(), Code: r.Code, Since: r.Since, Calibrate: p.File.Calibrate}
		for _, run := range t.Runs {
			spec.Runs = append(spec.Runs, RunToMake{Variant: p.Variants[run.Variant].Label, Hash: run.Config.Hash,
				Config: string(run.Config.YAML), Source: string(run.Config.Source), Overrides: run.Config.Overrides})
		}
		for _, parent := range p.Parents {
			if slices.Contains(t.parents(), parent.ID) {
				spec.Parents = append(spec.Parents, parent)
			}
		}
		if err := noteJSON(f.taskPath(spec.Key), spec); err != nil {
			return fmt.Errorf("writing the tasks of the sweep: %w", err)
		}
	}
	if err := WriteFile(f.sourcePath(), p.File.Source); err != nil {
		return fmt.Errorf("writing the sweep: %w", err)
	}
	if err := writeJSON(f.planPath(), index); err != nil {
		return fmt.Errorf("writing the plan of the sweep: %w", err)
	}
	return nil
}

// savedPlan is a plan on disk, but for what its tasks hold themselves.
type savedPlan struct {
	Path     string    `json:"path"`
	Base     string    `json:"base"`
	Variants []Variant `json:"variants"`
	Tasks    []string  `json:"tasks"`
}

// ErrNotRun reports a sweep that has no folder.
var ErrNotRun = errors.New("no sweep of this name was run with this store")

// ReadPlan reads the plan that was written last.
func (f Folder) ReadPlan() (*Plan, error) {
	var saved savedPlan
	switch err := readJSON(f.planPath(), &saved); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w (looked in %s)", ErrNotRun, f)
	case err != nil:
		return nil, fmt.Errorf("reading the plan of the sweep: %w", err)
	}
	source, err := os.ReadFile(f.sourcePath())
	if err != nil {
		return nil, fmt.Errorf("reading the sweep: %w", err)
	}
	p := &Plan{Variants: saved.Variants}
	if p.File, err = Parse(saved.Path, source); err != nil {
		return nil, err
	}
	p.File.Base = saved.Base
	variants := map[string]int{}
	for i, v := range saved.Variants {
		variants[v.Label] = i
	}
	p.Tasks = make([]Task, len(saved.Tasks))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, key := range saved.Tasks {
		g.Go(func() error {
			spec, err := f.ReadTask(key)
			if err != nil {
				return err
			}
			t := Task{Index: i}
			for _, r := range spec.Runs {
				cfg, err := r.Resolve()
				if err != nil {
					return err
				}
				t.Runs = append(t.Runs, PlannedRun{variants[r.Variant], cfg})
			}
			p.Tasks[i] = t
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return p, nil
}
