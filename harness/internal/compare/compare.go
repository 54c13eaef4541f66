// Package compare sets runs beside each other: what differs in their configs
// and environments, and what they reached. It computes values; renderers are
// beside it and compute nothing.
package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/store"
)

// lossSeries is compared between runs.
const lossSeries = "train/loss"

// lateLosses is how many of the last losses are averaged: the noise of a single
// one is larger than most differences.
const lateLosses = 100

// Result is a comparison of runs, in the order they were named.
type Result struct {
	Runs        []Run        `json:"runs"`
	Config      []Difference `json:"config"`      // keys whose values differ, by path
	Environment []Difference `json:"environment"` // likewise, of what the runs were made with
	Samples     []Sampling   `json:"samples"`
	Warnings    []string     `json:"warnings"`
}

// Run is one of the compared runs.
type Run struct {
	ID         string `json:"id"`
	Slug       string `json:"slug"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	ConfigHash string `json:"config_hash"`
	Seed       uint64 `json:"seed"`
	Steps      int    `json:"steps"`
	LastLoss   Value  `json:"loss"`          // of the last step
	LateLoss   Value  `json:"loss_last100"`  // mean of the last 100 steps
	BestLoss   Value  `json:"loss_min"`      // of any step
	StepTime   Value  `json:"step_seconds"`  // median
	TrainTime  Value  `json:"train_seconds"` // all steps together
	PeakMemory int64  `json:"peak_memory_bytes"`
}

// Difference is a key whose value is not the same in all runs.
type Difference struct {
	Path   string   `json:"path"`
	Values []string `json:"values"` // one a run; "-" where it has none
}

// Sampling is one sampler × steps × guidance, drawn by at least one run.
type Sampling struct {
	Sampler  string  `json:"sampler"`
	Steps    int     `json:"steps"`
	Guidance float64 `json:"guidance"`
	Cells    []Cell  `json:"cells"` // one a run
}

// Cell is what a run drew of a sampling; nothing if Images is 0.
type Cell struct {
	Images      int    `json:"images"`
	NFE         int    `json:"nfe"`
	Seconds     Value  `json:"seconds_per_image"`
	Step        int    `json:"step"`
	Seed        uint64 `json:"seed"`
	ImageSHA256 string `json:"image_sha256,omitempty"`
}

// Load compares runs of a store.
func Load(ctx context.Context, st *store.Store, runs []*store.Run) (*Result, error) {
	if len(runs) < 2 {
		return nil, fmt.Errorf("a comparison needs at least two runs, got %d", len(runs))
	}
	r := &Result{Warnings: []string{}}
	for _, run := range runs {
		one, err := load(ctx, st, run)
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", run.Slug, err)
		}
		r.Runs = append(r.Runs, one)
	}
	configs, environments := make([]map[string]string, len(runs)), make([]map[string]string, len(runs))
	for i, run := range runs {
		var err error
		if configs[i], err = flatten([]byte(run.ResolvedYAML)); err != nil {
			return nil, fmt.Errorf("run %s: its recorded config: %w", run.Slug, err)
		}
		if environments[i], err = flatten(run.Environment); err != nil {
			return nil, fmt.Errorf("run %s: its recorded environment: %w", run.Slug, err)
		}
		delete(environments[i], "git.diff")
	}
	r.Config, r.Environment = differences(configs), differences(environments)
	if err := r.loadSamples(ctx, st, runs); err != nil {
		return nil, err
	}
	r.warn(runs, configs)
	return r, nil
}

func load(ctx context.Context, st *store.Store, run *store.Run) (Run, error) {
	r := Run{ID: run.ID, Slug: run.Slug, Name: run.Name, Status: string(run.Status), ConfigHash: run.ConfigHash, Seed: run.Seed,
		Steps: run.LastStep, PeakMemory: run.PeakMemoryBytes, LastLoss: missing, LateLoss: missing, BestLoss: missing, StepTime: missing, TrainTime: missing}
	if run.Loss != nil {
		r.LastLoss, r.BestLoss = Value(run.Loss.Last), Value(run.Loss.Min)
		points, err := st.Series(ctx, run.ID, lossSeries, store.SeriesOptions{})
		if err != nil {
			return r, err
		}
		points = points[max(0, len(points)-lateLosses):]
		var sum float64
		for _, p := range points {
			sum += p.Value
		}
		r.LateLoss = Value(sum / float64(len(points)))
	}
	phases, err := st.Phases(ctx, run.ID)
	if err != nil {
		return r, err
	}
	for _, p := range phases {
		if p.Name == "step" {
			r.StepTime, r.TrainTime = Value(p.P50), Value(p.Total)
		}
	}
	return r, nil
}

func (r *Result) loadSamples(ctx context.Context, st *store.Store, runs []*store.Run) error {
	for i, run := range runs {
		samples, err := st.Samples(ctx, run.ID)
		if err != nil {
			return fmt.Errorf("run %s: %w", run.Slug, err)
		}
		for _, s := range samples { // of equal ones the last, which is of the latest step
			cell := r.cell(s.Sampler, s.Steps, s.Guidance, i)
			*cell = Cell{Images: s.Images, NFE: s.NFE, Seconds: Value(s.Seconds / float64(s.Images)), Step: s.Step, Seed: s.Seed, ImageSHA256: s.ImageSHA256}
		}
	}
	return nil
}

func (r *Result) cell(sampler string, steps int, guidance float64, run int) *Cell {
	for i, s := range r.Samples {
		if s.Sampler == sampler && s.Steps == steps && s.Guidance == guidance {
			return &r.Samples[i].Cells[run]
		}
	}
	r.Samples = append(r.Samples, Sampling{sampler, steps, guidance, make([]Cell, len(r.Runs))})
	return &r.Samples[len(r.Samples)-1].Cells[run]
}

// warn says what must be known before the numbers are believed.
func (r *Result) warn(runs []*store.Run, configs []map[string]string) {
	note := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	same := func(path string) bool {
		for _, c := range configs {
			if c[path] != configs[0][path] {
				return false
			}
		}
		return true
	}
	if !same("process.name") || !same("process.prediction_type") {
		note("losses are not comparable: the runs predict different targets")
	} else if !same("data.name") || !same("data.flip") {
		note("losses are not comparable: the runs train on different images")
	} else if !same("process.timestep_density") || !same("process.shift") {
		note("losses are not comparable: the runs draw training timesteps from different densities")
	}
	for _, d := range r.Environment {
		if d.Path == "backend.name" || d.Path == "machine.cpu_model" || d.Path == "machine.hostname" || d.Path == "machine.cpus" {
			note("timings are not comparable: the runs were made on different machines or backends (%s)", d.Path)
			break
		}
	}
	if !same("sampling.seed") {
		note("grids do not start from the same noise: sampling.seed differs")
	}
	for _, run := range runs {
		if run.Status != store.StatusFinished {
			note("run %s is %s after %d of %d steps", run.Slug, run.Status, run.LastStep, run.TotalSteps)
		}
	}
}

// flatten turns a document into values by path; JSON is YAML, too.
func flatten(document []byte) (map[string]string, error) {
	var root any
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	flat := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if m, ok := v.(map[string]any); ok {
			for key, child := range m {
				name := key
				if path != "" {
					name = path + "." + key
				}
				walk(name, child)
			}
			return
		}
		text, err := json.Marshal(v)
		if err != nil {
			text = fmt.Append(nil, v)
		}
		flat[path] = string(text)
	}
	walk("", root)
	return flat, nil
}

func differences(documents []map[string]string) []Difference {
	paths := map[string]bool{}
	for _, d := range documents {
		for path := range d {
			paths[path] = true
		}
	}
	found := []Difference{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		d := Difference{Path: path}
		differs := false
		for _, doc := range documents {
			value, ok := doc[path]
			if !ok {
				value = "-"
			}
			d.Values = append(d.Values, value)
			differs = differs || value != d.Values[0]
		}
		if differs {
			found = append(found, d)
		}
	}
	return found
}
