package search

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestRungs(t *testing.T) {
	const most = math.MaxInt
	for _, tc := range []struct {
		name  string
		rule  Stopping
		total int
		want  string
	}{
		{"halving multiplies", Stopping{Rule: SuccessiveHalving, MinSteps: 50, ReductionFactor: 2}, 1000, "[50 100 200 400 800]"},
		{"the end is no rung", Stopping{Rule: SuccessiveHalving, MinSteps: 50, ReductionFactor: 2}, 800, "[50 100 200 400]"},
		{"the step before the end is one", Stopping{Rule: SuccessiveHalving, MinSteps: 50, ReductionFactor: 2}, 801, "[50 100 200 400 800]"},
		{"halving by another factor", Stopping{Rule: SuccessiveHalving, MinSteps: 1, ReductionFactor: 3}, 100, "[1 3 9 27 81]"},
		{"halving does not overflow", Stopping{Rule: SuccessiveHalving, MinSteps: most / 3, ReductionFactor: 2}, most,
			fmt.Sprint([]int{most / 3, most / 3 * 2})},
		{"the median rule adds", Stopping{Rule: Median, MinSteps: 100, EverySteps: 50}, 300, "[100 150 200 250]"},
		{"the median rule does not overflow", Stopping{Rule: Median, MinSteps: most - 10, EverySteps: 8}, most,
			fmt.Sprint([]int{most - 10, most - 2})},
		{"a short run has no rung", Stopping{Rule: Median, MinSteps: 100, EverySteps: 50}, 100, "[]"},
		{"a run without steps has no rung", Stopping{Rule: SuccessiveHalving, MinSteps: 1, ReductionFactor: 2}, 0, "[]"},
		{"no rule has no rungs", Stopping{}, 1000, "[]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.rule.Rungs(tc.total)
			if err != nil || fmt.Sprint(got) != tc.want {
				t.Errorf("the rungs are %v (%v), want %s", got, err, tc.want)
			}
		})
	}
	everyStep := Stopping{Rule: Median, MinSteps: 1, EverySteps: 1}
	if rungs, err := everyStep.Rungs(1001); err != nil || len(rungs) != 1000 {
		t.Errorf("%d rungs, %v", len(rungs), err)
	}
	if _, err := everyStep.Rungs(1002); err == nil || !strings.Contains(err.Error(),
		"search.stopping.every_steps: 1 makes more than 1000 rungs of 1002 steps") {
		t.Errorf("error is %v", err)
	}
}

func TestKeep(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	halving := func(eta int) Stopping { return Stopping{Rule: SuccessiveHalving, MinSteps: 1, ReductionFactor: eta} }
	middle := Stopping{Rule: Median, MinSteps: 1, EverySteps: 1}
	for _, tc := range []struct {
		name     string
		rule     Stopping
		values   []float64
		maximize bool
		want     string // + goes on, - stops
	}{
		{"half of them go on", halving(2), []float64{4, 1, 3, 2}, false, "-+-+"},
		{"the larger half", halving(2), []float64{4, 1, 3, 2}, true, "+-+-"},
		{"an odd number is rounded up", halving(2), []float64{5, 4, 3, 2, 1}, false, "--+++"},
		{"a third, rounded up", halving(3), []float64{4, 3, 2, 1}, false, "--++"},
		{"fewer trials than the factor", halving(100), []float64{3, 1, 2}, false, "-+-"},
		{"the first of equal ones", halving(2), []float64{1, 1, 1, 1}, false, "++--"},
		{"the first of equal ones when larger is better", halving(2), []float64{1, 1, 1, 1}, true, "++--"},
		{"diverged trials come last", halving(2), []float64{nan, 2, nan, 1}, false, "-+-+"},
		{"diverged trials take no free place", halving(2), []float64{nan, 2, nan, nan}, false, "-+--"},
		{"an infinite value is no best one", halving(2), []float64{-inf, 2, inf, 1}, false, "-+-+"},
		{"nor the largest", halving(2), []float64{-inf, 2, inf, 1}, true, "-+-+"},
		{"one trial goes on if all diverged", halving(2), []float64{nan, nan, inf}, false, "+--"},
		{"a single trial goes on", halving(2), []float64{7}, false, "+"},

		{"worse than the median of an odd number", middle, []float64{1, 2, 3, 4, 5}, false, "+++--"},
		{"worse than the median of an even number", middle, []float64{1, 2, 3, 4}, false, "++--"},
		{"smaller than the median", middle, []float64{1, 2, 3, 4, 5}, true, "--+++"},
		{"as good as the median", middle, []float64{2, 2, 2, 9}, false, "+++-"},
		{"all the same", middle, []float64{2, 2, 2}, true, "+++"},
		{"diverged trials stop and do not count", middle, []float64{nan, 1, 2, 3, nan}, false, "-++--"},
		{"the median cannot overflow", middle, []float64{math.MaxFloat64, math.MaxFloat64 / 2}, false, "-+"},
		{"the median of the smallest numbers", middle, []float64{5e-324, 5e-324}, false, "++"},
		{"one trial goes on by the median rule if all diverged", middle, []float64{nan, nan}, true, "+-"},

		{"without a rule all go on", Stopping{}, []float64{3, nan, 1}, false, "+++"},
		{"nothing to judge", halving(2), nil, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			for _, on := range tc.rule.Keep(tc.values, tc.maximize) {
				got += map[bool]string{true: "+", false: "-"}[on]
			}
			if got != tc.want {
				t.Errorf("of %v go on %s, want %s", tc.values, got, tc.want)
			}
		})
	}
}
