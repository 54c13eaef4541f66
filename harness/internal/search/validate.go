package search

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"flowharness/harness/internal/suggest"
	"flowharness/harness/internal/yamlfile"
)

// Bounds of a search.
const (
	MaxBudget = 100_000 // trials
	maxWhole  = 1 << 53 // whole numbers up to it are float64s
)

// Validate reports everything that is wrong with a config as [*yamlfile.Errors] whose
// problems have keys but no places; decoding reports the same with places.
func (c Config) Validate() error {
	if problems := c.problems(); len(problems) > 0 {
		return &yamlfile.Errors{Problems: problems}
	}
	return nil
}

func (c Config) problems() []yamlfile.Problem {
	v := &validator{}
	v.oneOf("search.method", c.Method, Sobol, Random)
	if c.Budget < 1 || c.Budget > MaxBudget {
		v.fail("search.budget", "must be from 1 to %d trials, got %d", MaxBudget, c.Budget)
	}
	if c.Seed > math.MaxInt64 {
		v.fail("search.seed", "must be at most %d, got %d", math.MaxInt64, c.Seed)
	}
	v.space(c.Space, c.Method)
	if c.Objective.Metric == "" || yamlfile.Printable(c.Objective.Metric) != c.Objective.Metric {
		v.fail("search.objective.metric", "must be the name of a metric, such as val/loss, got %q", yamlfile.Shorten(c.Objective.Metric))
	}
	v.oneOf("search.objective.goal", c.Objective.Goal, Minimize, Maximize)
	if c.Stopping != (Stopping{}) {
		v.stopping(c.Stopping)
	}
	return v.problems
}

// validator collects what is wrong.
type validator struct{ problems []yamlfile.Problem }

func (v *validator) space(space Space, method string) {
	const key = "search.space"
	switch n := len(space); {
	case n == 0:
		v.fail(key, "holds nothing to search; give it keys of the config, such as train.lr: {min: 1e-4, max: 1e-2, log: true}")
	case n > sobolDimensions && method == Sobol:
		v.fail(key, "has %d keys, and Sobol points have at most %d dimensions; search fewer, or set search.method to %s", n,
			sobolDimensions, Random)
	}
	seen := map[string]bool{}
	for _, d := range space {
		if seen[d.Path] {
			v.fail(yamlfile.Join(key, d.Path), "is given twice")
		}
		seen[d.Path] = true
		v.dimension(yamlfile.Join(key, d.Path), d)
	}
}

// dotted is what --set takes for a key.
var dotted = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

func (v *validator) dimension(key string, d Dimension) {
	if !dotted.MatchString(d.Path) {
		v.fail(key, "must be a key of the config, names with dots between them, such as train.lr")
	}
	switch {
	case d.Choices == nil:
		v.interval(key, d)
	case d.Min != 0 || d.Max != 0 || d.Integer || d.Log:
		v.fail(key, "has both choices and a range; keep one of them")
	default:
		v.choices(key, d.Choices)
	}
}

func (v *validator) interval(key string, d Dimension) {
	finite := true
	for _, end := range []struct {
		name  string
		value float64
	}{{"min", d.Min}, {"max", d.Max}} {
		switch {
		case math.IsNaN(end.value) || math.IsInf(end.value, 0):
			finite = false
			v.fail(yamlfile.Join(key, end.name), "must be a finite number, got %v", end.value)
		case d.Integer && end.value != math.Trunc(end.value):
			v.fail(yamlfile.Join(key, end.name), "must be a whole number, because integer is true, got %s", shortest(end.value))
		case d.Integer && math.Abs(end.value) > maxWhole:
			v.fail(yamlfile.Join(key, end.name), "must be a whole number of at most %d in size, got %s", int64(maxWhole), shortest(end.value))
		}
	}
	if !finite {
		return
	}
	if d.Min >= d.Max {
		v.fail(key, "min must be below max, got %s and %s; a key that is not searched belongs in the config", shortest(d.Min), shortest(d.Max))
	}
	if d.Log && d.Min <= 0 {
		v.fail(yamlfile.Join(key, "min"), "must be above 0, because log is true, got %s", shortest(d.Min))
	}
}

func (v *validator) choices(key string, choices []string) {
	if len(choices) < 2 {
		v.fail(key, "must have at least 2 choices, has %d; a key that is not searched belongs in the config", len(choices))
	}
	first := map[string]int{}
	for i, text := range choices {
		item := fmt.Sprintf("%s[%d]", key, i)
		s, err := parseScalar(text)
		if err != nil {
			v.fail(item, "must be a YAML scalar, got %q: %v", yamlfile.Shorten(text), err)
			continue
		}
		same := s.identity()
		if j, again := first[same]; again {
			v.fail(item, "repeats %s[%d], which is %s too", key, j, yamlfile.Printable(yamlfile.Shorten(choices[j])))
			continue
		}
		first[same] = i
	}
}

func (v *validator) stopping(s Stopping) {
	const key = "search.stopping"
	v.oneOf(key+".rule", s.Rule, SuccessiveHalving, Median)
	v.atLeast(key+".min_steps", s.MinSteps, 1)
	switch s.Rule {
	case SuccessiveHalving:
		v.atLeast(key+".reduction_factor", s.ReductionFactor, 2)
		if s.EverySteps != 0 {
			v.fail(key+".every_steps", "does not apply to rule %s; remove it", s.Rule)
		}
	case Median:
		v.atLeast(key+".every_steps", s.EverySteps, 1)
		if s.ReductionFactor != 0 {
			v.fail(key+".reduction_factor", "does not apply to rule %s; remove it", s.Rule)
		}
	}
}

func (v *validator) atLeast(key string, value, least int) {
	if value < least {
		v.fail(key, "must be at least %d, got %d", least, value)
	}
}

func (v *validator) oneOf(key, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		v.fail(key, "must be one of %s, got %q%s", strings.Join(choices, ", "), yamlfile.Shorten(value),
			suggest.DidYouMean(suggest.One(value, choices)))
	}
}

func (v *validator) fail(key, format string, args ...any) {
	v.problems = append(v.problems, yamlfile.Problem{Key: key, Message: fmt.Sprintf(format, args...)})
}
