package assignment_test

import (
	"math"
	"testing"

	"flowharness/metrics/assignment"
)

func TestSinkhornsPlanHasTheWeightsAndTheForm(t *testing.T) {
	const n, reg = 40, 0.1
	cost := matrix("points", n, 1)
	plan, err := assignment.Sinkhorn(cost, n, reg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var row, column float64
		for j := range n {
			row += plan[i*n+j]
			column += plan[j*n+i]
		}
		if math.Abs(row*n-1) > 0.02 || math.Abs(column*n-1) > 1e-9 {
			t.Errorf("row %d sums to %v, column %d to %v, want 1/%d", i, row, i, column, n)
		}
	}
	// The plan is u·exp(-cost/reg)·v: in every 2×2 block the cross ratio is that of the costs.
	for i := range n - 1 {
		ratio := math.Log(plan[i*n] * plan[(i+1)*n+1] / plan[i*n+1] / plan[(i+1)*n])
		want := -(cost[i*n] + cost[(i+1)*n+1] - cost[i*n+1] - cost[(i+1)*n]) / reg
		if math.Abs(ratio-want) > 1e-9 {
			t.Errorf("rows %d and %d: the log of the cross ratio is %v, want %v", i, i+1, ratio, want)
		}
	}
}

func TestWithLittleRegularisationThePlanIsTheAssignment(t *testing.T) {
	const n = 12
	cost := matrix("uniform", n, 5)
	plan, err := assignment.Sinkhorn(cost, n, 0.004)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, p := range plan {
		sum += p * cost[i]
	}
	if exact := total(cost, solve(t, cost, n)) / n; math.Abs(sum-exact) > 0.01 {
		t.Errorf("the plan costs %v, the assignment %v", sum, exact)
	}
}

func TestSinkhornRefusesWhatHasNoPlan(t *testing.T) {
	for name, call := range map[string]func() error{
		"no rows":                 func() error { _, err := assignment.Sinkhorn(nil, 0, 1); return err },
		"values missing":          func() error { _, err := assignment.Sinkhorn([]float64{1}, 2, 1); return err },
		"no regularisation":       func() error { _, err := assignment.Sinkhorn([]float64{1}, 1, 0); return err },
		"a cost that is not one":  func() error { _, err := assignment.Sinkhorn([]float64{math.NaN()}, 1, 1); return err },
		"a cost without an end":   func() error { _, err := assignment.Sinkhorn([]float64{0, math.Inf(1), 0, 0}, 2, 1); return err },
		"infinite regularisation": func() error { _, err := assignment.Sinkhorn([]float64{1}, 1, math.Inf(1)); return err },
	} {
		if call() == nil {
			t.Errorf("%s has a plan", name)
		}
	}
}
