// Package regression decides whether a program still trains as it did: it holds
// the runs of a benchmark against a baseline of several variants, and says of
// each variant whether its losses, the quality of its samples and its speed are
// what they were. docs/ci.md describes it.
package regression

import (
	"errors"
	"fmt"
	"slices"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
)

// Defaults of [Options].
const (
	// DefaultLossTolerance is how far apart the losses of two machines may be.
	// Rounding differs between processors, numbers of threads and backends, and
	// training multiplies it: after the 40 steps of configs/ci.yaml XLA and the
	// pure-Go backend are 1e-7 apart in the mean of the losses, 5e-7 in the last,
	// and every further step adds to it. Two in a hundred leaves room for some
	// hundred steps, and is still less than what a wrong sign, a lost term or
	// another learning rate makes.
	DefaultLossTolerance = 0.02
	// DefaultSpeedAllowance is how many times slower a step may be, relative to
	// the calibration that is timed beside it. With two other processes that keep
	// both processors busy the steps of configs/ci.yaml take 1.7 times as long, and
	// their ratio goes from between 60 and 63 to between 74 and 75.
	DefaultSpeedAllowance = 1.5
)

// level is the probability of a false alarm over all verdicts on quality.
const level = 0.05

// Options say what is allowed; zero values are the defaults.
type Options struct {
	LossTolerance  float64 // relative, of the mean of the last losses
	SpeedAllowance float64 // factor by which step_ratio may grow
}

// Outcome is how a check came out.
type Outcome string

// Outcomes.
const (
	OK      Outcome = "ok"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped" // it could not be made
)

// Check is one thing that was checked of a variant.
type Check struct {
	Variant string  `json:"variant"`
	Name    string  `json:"check"` // unique in a variant
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why"` // what the outcome rests on
}

// Report is what a benchmark shows.
type Report struct {
	Checks []Check `json:"checks"` // by variant, in the baseline's order
	// Comparison sets the runs beside each other: the variants of today, or a
	// single one beside its baseline.
	Comparison *compare.Result `json:"comparison"`
}

// Failed lists the checks that failed.
func (r Report) Failed() []Check { return r.with(Failed) }

// Skipped lists the checks that could not be made.
func (r Report) Skipped() []Check { return r.with(Skipped) }

func (r Report) with(o Outcome) []Check {
	var list []Check
	for _, c := range r.Checks {
		if c.Outcome == o {
			list = append(list, c)
		}
	}
	return list
}

// Judge holds runs against the variants of a baseline. A variant's runs are those
// of its config; where none has it, those of its name, and the change of the
// config is what fails. A check that cannot be made for want of values is
// skipped; a variant or a run that is missing fails.
func Judge(now compare.Data, base []compare.Variant, o Options) (Report, error) {
	if len(now.Records) == 0 || len(base) == 0 {
		return Report{}, errors.New("a benchmark needs runs and a baseline to hold them against")
	}
	if o.LossTolerance == 0 {
		o.LossTolerance = DefaultLossTolerance
	}
	if o.SpeedAllowance == 0 {
		o.SpeedAllowance = DefaultSpeedAllowance
	}
	if o.LossTolerance < 0 || o.SpeedAllowance < 1 {
		return Report{}, fmt.Errorf("a loss tolerance of %g and a speed allowance of %g make no sense: the first is 0 or more, the second "+
			"at least 1", o.LossTolerance, o.SpeedAllowance)
	}
	base = fromFile(base)
	report := Report{Checks: []Check{}}
	today := compare.Variants(now.Records)
	pairs, unknown := match(base, today)
	families := 0
	for _, p := range pairs {
		families += max(1, len(p.settings()))
	}
	for _, p := range pairs {
		j := judge{pair: p, Options: o, families: families, references: now}
		if err := j.all(); err != nil {
			return Report{}, fmt.Errorf("judging variant %s: %w", p.base.Label, err)
		}
		report.Checks = append(report.Checks, j.checks...)
	}
	for _, v := range unknown {
		report.Checks = append(report.Checks, Check{v.Label, "baseline", Skipped,
			"the baseline has no such variant: save it again to have this one judged"})
	}
	var err error
	report.Comparison, err = comparison(now, base)
	return report, err
}

// pair is a variant of the baseline with the runs of today; now is nil if there
// are none.
type pair struct {
	base compare.Variant
	now  *compare.Variant
}

// match finds today's variant of each of the baseline, by config and then by
// name. unknown are those of today that are left.
func match(base, today []compare.Variant) (pairs []pair, unknown []compare.Variant) {
	taken := make([]bool, len(today))
	pairs = make([]pair, len(base))
	for i, b := range base {
		pairs[i].base = b
	}
	for _, fits := range []func(b, n compare.Variant) bool{
		func(b, n compare.Variant) bool { return len(compare.ConfigKeysThatDiffer(b.Runs[0], n.Runs[0])) == 0 },
		func(b, n compare.Variant) bool { return b.Runs[0].Name == n.Runs[0].Name },
	} {
		for i := range pairs {
			for k := range today {
				if pairs[i].now == nil && !taken[k] && fits(pairs[i].base, today[k]) {
					pairs[i].now, taken[k] = &today[k], true
				}
			}
		}
	}
	for k, v := range today {
		if !taken[k] {
			unknown = append(unknown, v)
		}
	}
	return pairs, unknown
}

// fromFile marks the baseline's records as such, so that they may be of the very
// runs that are judged.
func fromFile(variants []compare.Variant) []compare.Variant {
	marked := make([]compare.Variant, len(variants))
	for i, v := range variants {
		marked[i].Label = v.Label
		for _, r := range v.Runs {
			marked[i].Runs = append(marked[i].Runs, r.FromFile())
		}
	}
	return marked
}

// settings lists at which settings samples of the baseline were measured.
func (p pair) settings() []compare.Setting {
	var list []compare.Setting
	for _, r := range p.base.Runs {
		for _, e := range r.Evaluations {
			if !slices.Contains(list, e.Setting()) {
				list = append(list, e.Setting())
			}
		}
	}
	return list
}

// comparison is what a report shows beside the checks.
func comparison(now compare.Data, base []compare.Variant) (*compare.Result, error) {
	if len(now.Records) > 1 {
		return compare.Compare(now, compare.Options{Also: []string{compare.StepRatio}})
	}
	pairs, _ := match(base, compare.Variants(now.Records))
	i := max(0, slices.IndexFunc(pairs, func(p pair) bool { return p.now != nil }))
	together := compare.Data{Records: slices.Concat(base[i].Runs, now.Records), References: now.References}
	return compare.Compare(together, compare.Options{BaselineRuns: len(base[i].Runs), BaselineLabel: "baseline " + base[i].Label})
}

// few joins names, not too many of them.
func few(names []string) string { return printable.Few(names, 5) }
