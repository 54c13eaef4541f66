package sweep

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/config"
)

// Plan is what a sweep file stands for.
type Plan struct {
	File     *File
	Variants []Variant
	Tasks    []Task
	Parents  []Parent // what tasks of a cluster must know of other runs
}

// Variant is one choice of values; its runs differ in their seed.
type Variant struct {
	Label       string      `json:"label"` // unique within the plan
	Assignments Assignments `json:"setting"`
}

// Task is what one process makes: runs that share one training. The first is
// trained, the others take over its weights.
type Task struct {
	Index int
	Runs  []PlannedRun
}

// PlannedRun is a run of the plan.
type PlannedRun struct {
	Variant int // index into Plan.Variants
	Config  *config.Resolved
}

// MaxRuns is how many runs are planned without being asked twice.
const MaxRuns = 100_000

// ErrTooMany reports a plan of more than [MaxRuns] runs.
var ErrTooMany = errors.New("too many runs")

// Plan resolves the config of every variant and seed. A plan of more than
// maxRuns runs is [ErrTooMany], before any of them is resolved. What is wrong
// with the configs is one [*config.Errors].
func (f *File) Plan(ctx context.Context, maxRuns uint64) (*Plan, error) {
	seeds := max(len(f.Seeds), 1)
	if n := times(f.Size(), uint64(seeds)); n > maxRuns {
		return nil, fmt.Errorf("%s: %w: its paths and seeds make %s", f.Path, ErrTooMany, runs(n))
	}
	base, err := config.ReadBase(f.Base)
	if err != nil {
		return nil, f.refuse("base", "%v", err)
	}
	unchanged, err := base.Resolve(nil)
	if err != nil {
		return nil, err
	}
	variants, err := f.Variants(unchanged.Config.Name)
	if err != nil {
		return nil, err
	}
	if len(variants) < 2 && len(f.Compare.FailIf) > 0 {
		return nil, f.refuse("compare.fail_if", "conditions compare variants with the first, and there is only one")
	}
	p := &Plan{File: f, Variants: variants}
	configs, err := p.configs(ctx, base, unchanged.Config)
	if err != nil {
		return nil, err
	}
	return p, p.share(configs)
}

// Variants lists what the file varies, without looking at its base. A variant that
// sets nothing is called as unchanged says.
func (f *File) Variants(unchanged string) ([]Variant, error) {
	combinations, err := f.combinations()
	if err != nil {
		return nil, err
	}
	labels := newLabels(combinations)
	variants := make([]Variant, len(combinations))
	for i, s := range combinations {
		variants[i] = Variant{labels.of(i, unchanged), s}
	}
	return variants, nil
}

// resolved is the config of a variant with a seed.
type resolved struct {
	*config.Resolved
	training string
}

// configs lists the configs of each variant, seed by seed. It reports what is
// wrong with all variants, each problem once.
func (p *Plan) configs(ctx context.Context, base *config.Base, unchanged config.Config) ([][]resolved, error) {
	seeds := p.File.Seeds
	if len(seeds) == 0 {
		seeds = []uint64{unchanged.Seed}
	}
	names := newNames(p.File.Name)
	configs := make([][]resolved, len(p.Variants))
	wrong := make([]error, len(p.Variants))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for v, variant := range p.Variants {
		sets := []string{"name=" + strconv.Quote(names.of(variant.Label)), "tags=[" + strconv.Quote(p.File.Name) + "]", `notes=""`}
		for _, a := range variant.Assignments {
			sets = append(sets, a.Path+"="+a.Value)
		}
		g.Go(func() error {
			for _, seed := range seeds {
				if err := ctx.Err(); err != nil {
					return err
				}
				cfg, err := p.resolve(base, append(slices.Clone(sets), fmt.Sprintf("seed=%d", seed)))
				if err != nil {
					wrong[v] = err
					break // another seed will not mend it
				}
				configs[v] = append(configs[v], cfg)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	problems := newProblems(p.File.Path)
	for v, err := range wrong {
		if err != nil {
			problems.add(p.Variants[v].Label, err)
		}
	}
	return configs, problems.err()
}

func (p *Plan) resolve(base *config.Base, sets []string) (resolved, error) {
	cfg, err := base.Resolve(sets)
	if err != nil {
		return resolved{}, err
	}
	if err := p.File.canBeStopped(cfg.Config); err != nil {
		return resolved{}, err
	}
	if cfg, err = p.File.bound(cfg); err != nil {
		return resolved{}, err
	}
	training, err := cfg.TrainingHash()
	return resolved{cfg, training}, err
}

// bound is a config that says what its run begins with.
func (f *File) bound(cfg *config.Resolved) (*config.Resolved, error) {
	from := cfg.Config.Train.InitFrom
	if from == "" {
		return cfg, nil
	}
	if cfg.Config.Train.InitStep > 0 && f.Launcher == LauncherSlurm {
		return nil, f.refuse("launcher", "tasks of a cluster cannot count on from an update of another run, as train.init_step asks: its "+
			"losses are in a store that they do not read")
	}
	if f.Bind == nil {
		return nil, f.refuse("base", "what train.init_from names is not known here")
	}
	return f.Bind(cfg)
}

// share fills in the tasks: the runs that one training serves are one task.
func (p *Plan) share(configs [][]resolved) error {
	byTraining := map[string]int{}
	byHash := map[string]int{}
	for v := range configs {
		for _, cfg := range configs[v] {
			if other, ok := byHash[cfg.Hash]; ok {
				return p.File.refuse("", "the variants %q and %q are the same run: what they differ in changes no result, is the default of one, "+
					"or is ignored by it", p.Variants[other].Label, p.Variants[v].Label)
			}
			byHash[cfg.Hash] = v
			at, ok := byTraining[cfg.training]
			if !ok {
				at = len(p.Tasks)
				byTraining[cfg.training] = at
				p.Tasks = append(p.Tasks, Task{Index: at})
			}
			p.Tasks[at].Runs = append(p.Tasks[at].Runs, PlannedRun{v, cfg.Resolved})
		}
	}
	return nil
}

// Runs is the number of runs.
func (p *Plan) Runs() int {
	n := 0
	for _, t := range p.Tasks {
		n += len(t.Runs)
	}
	return n
}

// Hashes are the config hashes of all runs.
func (p *Plan) Hashes() []string {
	var list []string
	for _, t := range p.Tasks {
		for _, r := range t.Runs {
			list = append(list, r.Config.Hash)
		}
	}
	return list
}

func runs(n uint64) string {
	switch n {
	case 1:
		return "1 run"
	case 1<<64 - 1:
		return "more runs than can be counted"
	}
	return fmt.Sprintf("%d runs", n)
}
