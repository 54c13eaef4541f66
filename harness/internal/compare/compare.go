// Package compare sets runs, and groups of runs that differ in their seed only,
// beside each other: what differs in their configs and environments, what they
// reached and at what cost, and whether a difference is more than chance.
//
// The data flows one way: [Read] takes records from a store, [Compare] groups
// and judges them, and the package report lays the [Result] out and computes
// nothing. Verdicts and warnings are part of the result.
package compare

import (
	"context"
	"errors"
	"slices"

	"flowharness/harness/internal/store"
)

// Options say how runs are compared. The zero value compares runs that differ in
// more than their seed, by every metric that is not a detail.
type Options struct {
	GroupBy []string // config paths; none, or "config": everything but the seed
	Metrics []string // patterns of metric names; none: all but details
	Also    []string // names of metrics to show besides, details too

	// Sampler, Steps and Guidance choose the samples that metrics are taken from;
	// empty ones leave it open.
	Sampler  string
	Steps    int
	Guidance *float64

	Targets []Target // besides those that follow from the data

	// Labels says what the group of a run is called, by the run's id; a group
	// without a label gets one of its own.
	Labels map[string]string

	// BaselineRuns is how many of the first records form the group that the
	// others are compared with, whatever they have in common; 0: the group of
	// the first record is it.
	BaselineRuns  int
	BaselineLabel string

	Notes []string // warnings of whoever chose the runs
}

// Result is a comparison. Differences, intervals and verdicts are those of each
// group against the first.
type Result struct {
	Runs        []Run        `json:"runs"`
	Groups      []Group      `json:"groups"`
	Metrics     []Row        `json:"metrics"`
	Cost        []Row        `json:"cost"`
	Config      []Difference `json:"config"`
	Environment []Difference `json:"environment"`
	Settings    []*Setting   `json:"settings"` // one a group: the samples its metrics are of
	Choices     [][]Setting  `json:"choices"`  // one a group: the settings that could have been taken
	Frontiers   []Frontier   `json:"frontiers"`
	Targets     []Reached    `json:"targets"`
	Curves      []Curve      `json:"curves"`      // one a run
	Courses     []Course     `json:"courses"`     // one a group: its curves together
	BatchSizes  []int        `json:"batch_sizes"` // of the runs, each once; with several, a step of one is not that of another
	BySteps     []Aligned    `json:"by_steps"`    // losses at the same step
	ByImages    []Aligned    `json:"by_images"`   // after the same number of training images, where batch sizes differ
	BySeconds   []Aligned    `json:"by_seconds"`
	LossRanked  bool         `json:"loss_ranked"` // whether curves and targets of losses may be ranked
	Samples     []Sampling   `json:"samples"`
	Warnings    []Warning    `json:"warnings"`

	records []Record
	limits  []limits // of each group with the first
}

// Load compares runs of a store.
func Load(ctx context.Context, st *store.Store, runs []*store.Run) (*Result, error) {
	data, err := Read(ctx, st, runs)
	if err != nil {
		return nil, err
	}
	return Compare(data, Options{})
}

// Compare groups records and judges what differs.
func Compare(data Data, o Options) (*Result, error) {
	if n := len(data.Records); n < 2 {
		return nil, wrong(OptionRuns, "", "a comparison needs at least two runs, got %d", n)
	}
	r, all, err := summarized(data, o)
	if err != nil {
		return nil, err
	}
	r.judge()
	r.warn(data.References, all)
	for _, text := range o.Notes {
		r.note("%s", text)
	}
	r.Frontiers = r.frontiers(all)
	r.Targets = r.reachedTargets(o.Targets, all)
	r.BySteps, r.ByImages, r.BySeconds = align(data.Records, BySteps), []Aligned{}, align(data.Records, BySeconds)
	if len(r.BatchSizes) > 1 {
		r.ByImages = align(data.Records, ByImages)
	}
	for _, g := range r.Groups {
		r.Courses = append(r.Courses, course(g, r.Curves, r.Axes()))
	}
	r.collectSamples()
	return r, nil
}

// Summarize groups records and summarises their metrics as [Compare] does, and
// judges nothing: what is left of a comparison where only the groups matter. One
// record is enough.
func Summarize(data Data, o Options) (*Result, error) {
	r, _, err := summarized(data, o)
	return r, err
}

func summarized(data Data, o Options) (*Result, limits, error) {
	records := data.Records
	for i, r := range records {
		if slices.ContainsFunc(records[:i], func(other Record) bool { return other.ID == r.ID && other.fromFile == r.fromFile }) {
			return nil, limits{}, &DuplicateError{r.Slug}
		}
	}
	groups, err := group(records, o)
	if err != nil {
		return nil, limits{}, asOption(err)
	}
	r := &Result{Groups: groups, Warnings: []Warning{}, records: records, Samples: []Sampling{}, Frontiers: []Frontier{}, Targets: []Reached{}}
	for _, record := range records {
		run, diet := record.Run, dietOf(record)
		run.BatchSize, run.ImagesSeen = diet.batch, diet.seen(run.Steps)
		r.Runs = append(r.Runs, run)
		r.Curves = append(r.Curves, record.curve)
	}
	r.BatchSizes = batchSizes(records)
	r.Config, r.Environment = configDifferences(records, groups), environmentDifferences(records, groups)
	if err := r.chooseSettings(o); err != nil {
		return nil, limits{}, asOption(err)
	}
	all := r.comparability(groups...)
	r.limits = make([]limits, len(groups))
	for g := range groups {
		r.limits[g] = r.comparability(groups[0], groups[g])
	}
	r.LossRanked = all.loss == "" && all.trainLoss == ""
	if r.Metrics, r.Cost, err = r.rows(data, o, all); err != nil {
		return nil, limits{}, asOption(err)
	}
	return r, all, nil
}

// OneGroup checks that records differ in their seed only, and names them.
func OneGroup(data Data) (label string, err error) {
	groups, err := group(data.Records, Options{})
	if err != nil {
		return "", err
	}
	for i, r := range data.Records {
		if slices.ContainsFunc(data.Records[:i], func(other Record) bool { return other.ID == r.ID }) {
			return "", &DuplicateError{r.Slug}
		}
	}
	if len(groups) > 1 {
		found := configDifferences(data.Records, groups)
		return "", wrong(OptionRuns, "", "the runs differ in more than their seed (%s): a baseline is one variant",
			few(differsIn(found, []string{""}, []string{seedPath})))
	}
	return groups[0].Label, nil
}

// UnfinishedWarnings says which records are of runs that did not finish.
func UnfinishedWarnings(data Data) []Warning {
	r := Result{}
	for _, record := range data.Records {
		r.Runs = append(r.Runs, record.Run)
	}
	r.warnOfRuns()
	return r.Warnings
}

var errNoEvaluation = errors.New("no run has an evaluation")
