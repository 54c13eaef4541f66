package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Rules of stopping trials early.
const (
	SuccessiveHalving = "successive_halving"
	Median            = "median"
)

// Stopping says when trials are compared with each other and which of them then
// stop. The zero value stops none.
//
// The rules are synchronous: the trials that are left all train to the next
// rung, a number of steps, before any is judged there. So the outcome depends on
// neither the order in which trials run nor on how many run at once.
type Stopping struct {
	Rule            string `yaml:"rule" json:"rule"`                                             // SuccessiveHalving or Median
	MinSteps        int    `yaml:"min_steps" json:"min_steps"`                                   // the first rung, at least 1
	ReductionFactor int    `yaml:"reduction_factor,omitempty" json:"reduction_factor,omitempty"` // of successive halving: eta, at least 2
	EverySteps      int    `yaml:"every_steps,omitempty" json:"every_steps,omitempty"`           // of median: between rungs, at least 1
}

// maxRungs bounds the rungs of a trial: all trials wait for each other at each.
const maxRungs = 1000

// Rungs returns the steps, in ascending order, after which trials of total steps
// are judged: min_steps·eta^k for successive halving, min_steps + k·every_steps
// for the median rule, for k = 0, 1, … while they are below total. There are
// none where min_steps is not. An error says that there would be more than 1000.
func (s Stopping) Rungs(total int) ([]int, error) {
	var rungs []int
	for rung := s.MinSteps; rung > 0 && rung < total; {
		if len(rungs) == maxRungs {
			return nil, fmt.Errorf("search.stopping.every_steps: %d makes more than %d rungs of %d steps, and all trials wait for each other "+
				"at each; give it a larger value",
				s.EverySteps, maxRungs, total)
		}
		rungs = append(rungs, rung)
		switch {
		case s.Rule == SuccessiveHalving && s.ReductionFactor >= 2 && rung <= total/s.ReductionFactor:
			rung *= s.ReductionFactor
		case s.Rule == Median && s.EverySteps >= 1 && rung < total-s.EverySteps:
			rung += s.EverySteps
		default:
			return rungs, nil
		}
	}
	return rungs, nil
}

// Keep tells which trials go on after a rung. values are their objectives there,
// in the order of the trials, of those alone that have reached this rung; a
// value that is not finite is that of a trial that diverged or has none, and
// such a trial stops. At least one trial goes on, the first of the best, even if
// no value is finite.
//
// Successive halving keeps the best ceil(n/eta) of n trials, of equal ones those
// that come first (K. Jamieson and A. Talwalkar, Non-stochastic best arm
// identification and hyperparameter optimization, AISTATS 2016, whose
// eta is 2 and which keeps floor(n/2)).
//
// The median rule stops trials whose value is strictly worse than the median of
// all finite values. It is that of D. Golovin et al., Google Vizier: a service
// for black-box optimization, KDD 2017, but synchronous. Vizier
// compares a trial's best objective so far with the median of the running means
// of completed trials; here values at the same step are compared, of the trials
// that have not stopped before. So about half of those that are left stop at
// every rung.
func (s Stopping) Keep(values []float64, maximize bool) []bool {
	keep := make([]bool, len(values))
	best := ranked(values, maximize)
	switch {
	case len(values) == 0:
		return keep
	case len(best) == 0:
		keep[0] = true
		return keep
	}
	keep[best[0]] = true
	switch s.Rule {
	case SuccessiveHalving:
		eta := max(s.ReductionFactor, 1)
		for _, i := range best[:min((len(values)-1)/eta+1, len(best))] {
			keep[i] = true
		}
	case Median:
		middle := median(values, best)
		for _, i := range best {
			keep[i] = keep[i] || values[i] == middle || (values[i] > middle) == maximize
		}
	default:
		for i := range keep {
			keep[i] = true
		}
	}
	return keep
}

// ranked lists the finite values' indices, the best first, equal ones in order.
func ranked(values []float64, maximize bool) []int {
	var order []int
	for i, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if maximize {
			i, j = j, i
		}
		return cmp.Compare(values[i], values[j])
	})
	return order
}

// median of the values that order ranks: the mean of the middle two, where there
// are two.
func median(values []float64, order []int) float64 {
	n := len(order)
	a, b := values[order[(n-1)/2]], values[order[n/2]]
	if a == b {
		return a
	}
	return linear(a, b, 0.5)
}
