// Package condition decides whether a comparison is good enough, by conditions such
// as "accuracy < baseline - 0.01" that must not hold. docs/gate.md describes the
// language.
package condition

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/report"
)

// Check is a condition as it came out for one group.
type Check struct {
	Expression string `json:"expression"`
	Group      string `json:"group"`
	Failed     bool   `json:"failed"`
	Values     []Used `json:"values"`
	// Note says what the outcome rests on, or why it failed without being
	// computed.
	Note string `json:"note,omitempty"`
}

// Used is a metric that a condition reads.
type Used struct {
	Metric   string        `json:"metric"`
	Value    compare.Value `json:"value"`
	Baseline compare.Value `json:"baseline"`
}

// Failed returns the checks that failed.
func Failed(checks []Check) []Check {
	var failed []Check
	for _, c := range checks {
		if c.Failed {
			failed = append(failed, c)
		}
	}
	return failed
}

// Evaluate checks every condition for every group but the first, which is the
// baseline. A condition that holds fails the gate, and so does one that cannot
// be computed because a value is missing or must not be compared. Conditions
// that make no sense are an [*ExpressionError] each, joined.
func Evaluate(r *compare.Result, expressions []string) ([]Check, error) {
	if len(r.Groups) < 2 {
		return nil, errors.New("a gate needs a baseline and a group to compare with it; these runs form one group")
	}
	names := newNames(r)
	var checks []Check
	var problems []error
	for _, text := range expressions {
		c, err := compile(text, names)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if err := c.settingsAreClear(r); err != nil {
			problems = append(problems, err)
			continue
		}
		for g := 1; g < len(r.Groups); g++ {
			check, err := c.check(r, g)
			if err != nil {
				problems = append(problems, err)
				break
			}
			checks = append(checks, check)
		}
	}
	return checks, errors.Join(problems...)
}

// Parse tells whether a condition could be one, whatever metrics there will be:
// what is wrong with its form is an [*ExpressionError].
func Parse(expression string) error {
	if _, err := parser.Parse(expression); err != nil {
		return problem(expression, err)
	}
	return nil
}

// Metrics lists the metrics that conditions name, as they are spelled there, so
// that a comparison can show them.
func Metrics(expressions []string) []string {
	var found []string
	for _, text := range expressions {
		found = append(found, mentioned(text)...)
	}
	return found
}

// ExpressionError reports a condition that cannot be evaluated, with the place.
type ExpressionError struct {
	Expression string
	Column     int // counted from 1; 0 if the whole is meant
	Problem    string
}

func (e *ExpressionError) Error() string {
	if e.Column == 0 {
		return fmt.Sprintf("condition %q: %s", e.Expression, e.Problem)
	}
	return fmt.Sprintf("condition %q, column %d: %s", e.Expression, e.Column, e.Problem)
}

// Fault is [fault.Invalid].
func (e *ExpressionError) Fault() fault.Kind { return fault.Invalid }

// problem turns an error of the expression library into one of this package.
func problem(text string, err error) error {
	var own *ExpressionError
	if errors.As(err, &own) {
		return own
	}
	var at *file.Error
	if errors.As(err, &at) {
		return &ExpressionError{text, at.Column + 1, at.Message}
	}
	return &ExpressionError{text, 0, err.Error()}
}

// condition is a compiled expression.
type condition struct {
	text     string
	program  *vm.Program
	metrics  []string // that it reads
	judged   []string // that it asks a verdict of
	relative bool     // it reads the baseline
}

// settingsAreClear refuses to pick samples where several were evaluated.
func (c condition) settingsAreClear(r *compare.Result) error {
	sampled := ""
	for _, name := range append(append([]string{}, c.metrics...), c.judged...) {
		if r.Sampled(name) {
			sampled = name
		}
	}
	if sampled == "" {
		return nil
	}
	for g, choices := range r.Choices {
		if len(choices) > 1 {
			var list []string
			for _, s := range choices {
				list = append(list, s.String())
			}
			return &ExpressionError{c.text, 0, fmt.Sprintf("%s of %s was measured at several settings: choose one of them by its sampler, "+
				"steps and guidance: %s",
				sampled, r.Groups[g].Label, strings.Join(list, "; "))}
		}
	}
	first := r.Settings[0]
	for g, s := range r.Settings {
		if s != nil && first != nil && (s.Steps != first.Steps || s.Guidance != first.Guidance) {
			return &ExpressionError{c.text, 0, fmt.Sprintf("%s of %s is of %s, but of %s of %s: choose settings that both have, by sampler, "+
				"steps and guidance",
				sampled, r.Groups[g].Label, s, r.Groups[0].Label, first)}
		}
	}
	return nil
}

// check evaluates the condition for a group.
func (c condition) check(r *compare.Result, g int) (Check, error) {
	check := Check{Expression: c.text, Group: r.Groups[g].Label, Values: []Used{}}
	env := map[string]any{}
	var notes []string
	for _, name := range append(append([]string{}, c.metrics...), c.judged...) {
		u := Used{name, r.Mean(name, g), r.Mean(name, 0)}
		check.Values = append(check.Values, u)
		env[compare.Identifier(name)] = float64(u.Value)
		switch {
		case u.Value.Missing():
			notes = append(notes, fmt.Sprintf("%s has no value of %s", r.Groups[g].Label, name))
		case c.relative && u.Baseline.Missing():
			notes = append(notes, fmt.Sprintf("the baseline has no value of %s", name))
		}
		if why := r.Incomparable(name, g); why != "" && (c.relative || contains(c.judged, name)) {
			notes = append(notes, fmt.Sprintf("%s cannot be compared: %s", name, why))
		}
	}
	if len(notes) > 0 {
		check.Failed, check.Note = true, strings.Join(notes, "; ")
		return check, nil
	}
	if c.relative {
		for _, u := range check.Values {
			env[wordBaseline] = float64(u.Baseline)
		}
	}
	judge := func(wanted compare.Verdict) func(name string) bool {
		return func(name string) bool {
			c, ok := r.ComparisonOf(name, g)
			if !ok {
				check.Note = "it is not among the metrics shown"
				return false
			}
			verdict, rests := report.Basis(c)
			check.Note = rests
			return verdict == wanted
		}
	}
	env[callWorse], env[callBetter] = judge(compare.Worse), judge(compare.Better)
	env[callMetric] = func(name string) float64 { return float64(r.Mean(name, g)) }
	env[callBaseline] = func(name string) float64 { return float64(r.Mean(name, 0)) }
	out, err := expr.Run(c.program, env)
	if err != nil {
		return check, problem(c.text, err)
	}
	failed, ok := out.(bool)
	if !ok {
		return check, &ExpressionError{c.text, 0, fmt.Sprintf("it is %v, neither true nor false", out)}
	}
	check.Failed = failed
	if t := r.TimingWarning(g); t != "" && check.Note == "" && c.timed(r) {
		check.Note = "timings of these runs are not comparable: " + t
	}
	return check, nil
}

func (c condition) timed(r *compare.Result) bool {
	for _, name := range c.metrics {
		if r.Timed(name) {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, other := range list {
		if other == s {
			return true
		}
	}
	return false
}

var errZero = errors.New("division by zero")

func divide(a, b float64) (float64, error) {
	if b == 0 || math.IsNaN(b) {
		return 0, errZero
	}
	return a / b, nil
}
