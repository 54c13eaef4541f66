package compare

import (
	"context"
	"math"
	"slices"
	"strings"

	"flowharness/harness/internal/store"
)

// Request is what a person asks of a comparison, by flags or by the address of a page.
type Request struct {
	Runs     []string // references; with GroupBy, names of configs stand for all their runs that came to an end
	Baseline string   // a reference, too: what the others are compared with
	GroupBy  []string // config paths; "config": everything but the seed
	Metrics  []string // patterns of metric names; "all"
	Sampler  string
	Steps    int // 0: any
	Guidance *float64
	Targets  []string // such as "accuracy=0.95"

	// Given are records from elsewhere, such as a baseline file, that the runs are compared with in place of Baseline.
	Given      []Record
	GivenLabel string
}

// Selected is a request with its references resolved.
type Selected struct {
	Request
	Runs    []*store.Run // those of the baseline first
	Options Options
}

// Check checks what can be told without a store. The error is an [*OptionError].
func (q Request) Check() error {
	switch {
	case q.Steps < 0:
		return wrong(OptionSteps, "", "must not be negative")
	case q.Guidance != nil && (math.IsNaN(*q.Guidance) || math.IsInf(*q.Guidance, 0)):
		return wrong(OptionGuidance, "", "must be a number")
	case slices.Contains(q.GroupBy, ByConfig) && len(q.GroupBy) > 1:
		return wrong(OptionGroupBy, ByConfig, "%s", joinedConfig)
	case len(q.Runs) == 0 && (q.Baseline != "" || len(q.Given) > 0):
		return wrong(OptionRuns, "", "expected at least one run to compare with the baseline")
	case q.Baseline == "" && len(q.Given) == 0 && len(q.Runs) < 2 && len(q.GroupBy) == 0, len(q.Runs) == 0:
		return wrong(OptionRuns, "", "expected at least two runs, or one and a baseline")
	}
	_, err := q.targets()
	return err
}

func (q Request) targets() ([]Target, error) {
	var list []Target
	for _, text := range q.Targets {
		t, err := ParseTarget(text)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// Select finds the runs of a request, and how they are to be compared.
func (q Request) Select(ctx context.Context, st *store.Store) (Selected, error) {
	s := Selected{Request: q}
	targets, err := q.targets()
	if err != nil {
		return s, err
	}
	s.Options = Options{GroupBy: q.GroupBy, Metrics: q.Metrics, Sampler: q.Sampler, Steps: q.Steps, Guidance: q.Guidance, Targets: targets}
	refs := q.Runs
	if q.Baseline != "" && len(q.Given) == 0 {
		refs = slices.Concat([]string{q.Baseline}, q.Runs)
	}
	found, err := Select(ctx, st, refs, len(q.GroupBy) > 0)
	if err != nil {
		return s, err
	}
	s.Runs, s.Options.Notes = found.Runs, found.Notes
	switch {
	case len(q.Given) > 0:
		s.Options.BaselineRuns, s.Options.BaselineLabel = len(q.Given), "baseline "+q.GivenLabel
	case q.Baseline != "":
		s.Options.BaselineRuns, s.Options.BaselineLabel = found.First, "baseline "+strings.TrimSpace(q.Baseline)
	}
	return s, nil
}

// Compare reads the runs and compares them.
func (s Selected) Compare(ctx context.Context, st *store.Store) (*Result, error) {
	data, err := Read(ctx, st, s.Runs)
	if err != nil {
		return nil, err
	}
	data.Records = slices.Concat(s.Given, data.Records)
	return Compare(data, s.Options)
}
