package sweep

import (
	"errors"
	"fmt"
	"strings"

	"flowharness/harness/internal/config"
)

// Plan is what a sweep file stands for.
type Plan struct {
	File     *File
	Variants []Variant
	Tasks    []Task
}

// Variant is one setting; its runs differ in their seed.
type Variant struct {
	Label   string  `json:"label"` // unique within the plan
	Setting Setting `json:"setting"`
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
// maxRuns runs is [ErrTooMany], before any of them is resolved.
func (f *File) Plan(maxRuns uint64) (*Plan, error) {
	seeds := max(len(f.Seeds), 1)
	if n := times(f.Size(), uint64(seeds)); n > maxRuns {
		return nil, fmt.Errorf("%s: %w: its paths and seeds make %s", f.Path, ErrTooMany, runs(n))
	}
	base, err := config.Load(f.Base, nil)
	if err != nil {
		return nil, err
	}
	settings, err := f.settings()
	if err != nil {
		return nil, err
	}
	p := &Plan{File: f}
	labels := newLabels(settings)
	for i, s := range settings {
		p.Variants = append(p.Variants, Variant{labels.of(i, base.Config.Name), s})
	}
	return p, p.resolve(base)
}

// resolve fills in the tasks. It reports what is wrong with all variants, each
// problem once.
func (p *Plan) resolve(base *config.Resolved) error {
	seeds := p.File.Seeds
	if len(seeds) == 0 {
		seeds = []uint64{base.Config.Seed}
	}
	problems := newProblems(p.File.Path)
	byTraining := map[string]int{}
	byHash := map[string]int{}
	for v, variant := range p.Variants {
		for _, seed := range seeds {
			cfg, err := p.config(base, v, seed)
			if err != nil {
				problems.add(variant.Label, err)
				break // another seed will not mend it
			}
			if other, ok := byHash[cfg.Hash]; ok {
				return fmt.Errorf("%s: the variants %s and %s are the same config: a value that is given is the default, or one of them is ignored by the other", p.File.Path, p.Variants[other].Label, variant.Label)
			}
			byHash[cfg.Hash] = v
			training, err := cfg.TrainingHash()
			if err != nil {
				return err
			}
			at, ok := byTraining[training]
			if !ok {
				at = len(p.Tasks)
				byTraining[training] = at
				p.Tasks = append(p.Tasks, Task{Index: at})
			}
			p.Tasks[at].Runs = append(p.Tasks[at].Runs, PlannedRun{v, cfg})
		}
	}
	return problems.err()
}

// config is the config of a variant with a seed.
func (p *Plan) config(base *config.Resolved, variant int, seed uint64) (*config.Resolved, error) {
	name := runName(p.File.Name, p.Variants[variant].Label, variant)
	sets := []string{"name=" + name, "tags=[" + strings.Join(append(append([]string{}, base.Config.Tags...), p.File.Name), ", ") + "]"}
	for _, a := range p.Variants[variant].Setting {
		sets = append(sets, a.Path+"="+a.Value)
	}
	return config.Load(p.File.Base, append(sets, fmt.Sprintf("seed=%d", seed)))
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
