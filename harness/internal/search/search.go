// Package search chooses the trials of a hyperparameter search and says which
// of them to stop early. It is of values alone: trial i is a function of (space,
// method, seed, i), so that a search of a larger budget begins with the trials
// of a smaller one, and a stopping rule is a function of the objectives at a
// step. Who runs the trials, and where, is the caller's.
package search

import "flowharness/harness/internal/random"

// Methods of choosing trials.
const (
	Sobol  = "sobol"  // a low-discrepancy sequence, shifted by the seed
	Random = "random" // independent uniform draws
)

// Goals of an objective.
const (
	Minimize = "minimize"
	Maximize = "maximize"
)

// Config is the section "search" of a sweep file.
//
// A zero Config is not valid: see [Config.Validate], which decoding calls. The
// method is [Sobol] and the seed 0 where the file does not say.
type Config struct {
	Method    string    `yaml:"method" json:"method"`
	Budget    int       `yaml:"budget" json:"budget"` // number of trials, 1 to 100,000; Sobol points cover best at powers of two
	Seed      uint64    `yaml:"seed" json:"seed"`     // at most 2^63 - 1
	Space     Space     `yaml:"space" json:"space"`
	Objective Objective `yaml:"objective" json:"objective"`
	Stopping  Stopping  `yaml:"stopping,omitempty" json:"stopping,omitzero"`
}

// Objective is the metric that the search is about.
type Objective struct {
	Metric string `yaml:"metric" json:"metric"` // as comparisons name it, such as val/loss
	Goal   string `yaml:"goal" json:"goal"`     // Minimize or Maximize
}

// Maximize reports whether larger is better.
func (o Objective) Maximize() bool { return o.Goal == Maximize }

// Assignment gives one key of a run's config a value.
type Assignment struct {
	Path  string `json:"path"`  // dotted, such as train.lr
	Value string `json:"value"` // as YAML on one line; of a trial a scalar
}

// String is the assignment as --set takes it, such as "train.lr=0.001".
func (a Assignment) String() string { return a.Path + "=" + a.Value }

// Trial returns the assignments of trial i, counted from 0, in the order of the
// space. It asks for a config that [Config.Validate] accepts and for i below
// 2^32, but not for i below the budget. Two trials can have the same assignments
// where the space holds few values.
func (c Config) Trial(i int) []Assignment {
	assignments := make([]Assignment, len(c.Space))
	for j, u := range c.point(i) {
		assignments[j] = Assignment{c.Space[j].Path, c.Space[j].Value(u)}
	}
	return assignments
}

// Trials returns the assignments of all trials of the budget.
func (c Config) Trials() [][]Assignment {
	trials := make([][]Assignment, c.Budget)
	for i := range trials {
		trials[i] = c.Trial(i)
	}
	return trials
}

// point is the point of [0, 1)^d that trial i stands at, d being the dimensions
// of the space.
func (c Config) point(i int) []float64 {
	if c.Method == Sobol {
		return sobolPoint(len(c.Space), c.Seed, uint32(i))
	}
	rng := random.New(c.Seed, "search/random", uint64(i))
	point := make([]float64, len(c.Space))
	for j := range point {
		point[j] = rng.Float64()
	}
	return point
}
