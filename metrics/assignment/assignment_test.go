package assignment_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"flowharness/metrics/assignment"
)

// TestTotalsAreThoseOfScipy compares with what testdata/reference.py has computed.
func TestTotalsAreThoseOfScipy(t *testing.T) {
	var reference struct {
		Cases []struct {
			Kind    string
			N, Seed int
			Total   float64
		}
	}
	text, err := os.ReadFile("testdata/reference.json")
	if err == nil {
		err = json.Unmarshal(text, &reference)
	}
	if err != nil || len(reference.Cases) == 0 {
		t.Fatal("no reference:", err)
	}
	for _, c := range reference.Cases {
		t.Run(fmt.Sprint(c.Kind, c.N), func(t *testing.T) {
			cost := matrix(c.Kind, c.N, float64(c.Seed))
			if got := total(cost, solve(t, cost, c.N)); math.Abs(got-c.Total) > 1e-9*(1+c.Total) {
				t.Errorf("the total is %v, scipy's %v", got, c.Total)
			}
		})
	}
}

// TestNoAssignmentIsCheaper tries all of them.
func TestNoAssignmentIsCheaper(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + rng.IntN(6)
		cost := make([]float64, n*n)
		for i := range cost {
			cost[i] = float64(rng.IntN(9)) - 4 // negative and equal ones, too
		}
		if got, want := total(cost, solve(t, cost, n)), cheapest(cost, n, 0, 0); got != want {
			t.Fatalf("costs %v: the total is %v, the least is %v", cost, got, want)
		}
	}
}

func TestSinglePrecisionIsSolvedAsWell(t *testing.T) {
	cost := matrix("points", 200, 3)
	single := make([]float32, len(cost))
	for i, c := range cost {
		single[i] = float32(c)
	}
	columns, err := assignment.Solve(single, 200)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := total(cost, columns), total(cost, solve(t, cost, 200)); math.Abs(got-want) > 1e-4*want {
		t.Errorf("the total is %v, with float64 %v", got, want)
	}
}

func TestEqualCostsAndLargeOnesAreAssigned(t *testing.T) {
	same := make([]float64, 50*50)
	solve(t, same, 50)
	for i := range same {
		same[i] = 1e300 * float64(i%7)
	}
	solve(t, same, 50)
	solve(t, nil, 0)
}

func TestWhatHasNoAssignmentIsRefused(t *testing.T) {
	for want, cost := range map[string][]float64{
		"has 4 values, not 3": {1, 2, 3}, "row 1 and column 0 is " +
			"NaN": {1, 2, math.NaN(), 3}, "row 0 and column 1 is +Inf": {1, math.Inf(1), 0, 3},
	} {
		if _, err := assignment.Solve(cost, 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, n := range []int{256, 1024} {
		cost := matrix("points", n, 1)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := assignment.Solve(cost, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// solve checks that every column is taken once.
func solve(t *testing.T, cost []float64, n int) []int {
	t.Helper()
	columns, err := assignment.Solve(cost, n)
	if err != nil {
		t.Fatal(err)
	}
	for j, taken := range slices.Sorted(slices.Values(columns)) {
		if taken != j {
			t.Fatalf("the columns are %v", columns)
		}
	}
	return columns
}

func total(cost []float64, columns []int) (sum float64) {
	for i, j := range columns {
		sum += cost[i*len(columns)+j]
	}
	return sum
}

// cheapest tries all assignments of the rows from i on to the columns that are not in taken.
func cheapest(cost []float64, n, i int, taken uint) float64 {
	if i == n {
		return 0
	}
	least := math.Inf(1)
	for j := range n {
		if taken&(1<<j) == 0 {
			least = min(least, cost[i*n+j]+cheapest(cost, n, i+1, taken|1<<j))
		}
	}
	return least
}

// matrix is that of reference.py.
func matrix(kind string, n int, seed float64) []float64 {
	noise := func(count int, seed float64) []float64 {
		list := make([]float64, count)
		for i := range list {
			_, list[i] = math.Modf(math.Abs(math.Sin(float64(i+1)*12.9898+seed*78.233)) * 43758.5453)
		}
		return list
	}
	switch kind {
	case "uniform":
		return noise(n*n, seed)
	case "integers":
		list := noise(n*n, seed)
		for i := range list {
			list[i] = math.Floor(list[i] * 5)
		}
		return list
	}
	x, y := noise(2*n, seed), noise(2*n, seed+1)
	cost := make([]float64, n*n)
	for i := range n {
		for j := range n {
			dx, dy := x[2*i]-y[2*j]-0.5, x[2*i+1]-y[2*j+1]-0.5
			cost[i*n+j] = dx*dx + dy*dy
		}
	}
	return cost
}
