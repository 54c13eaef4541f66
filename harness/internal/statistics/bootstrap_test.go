package statistics

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestIntervalsDoNotDependOnTheOrderOfTheValues(t *testing.T) {
	a, b := []float64{3, 1, 4, 1.5, 9}, []float64{2, 6, 5, 3.5}
	reversed := func(x []float64) []float64 {
		y := slices.Clone(x)
		slices.Reverse(y)
		return y
	}
	rng := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	low, high := MeanInterval(rng(), a)
	if l, h := MeanInterval(rng(), reversed(a)); l != low || h != high {
		t.Errorf("of the mean: [%v, %v] and [%v, %v]", low, high, l, h)
	}
	low, high = DifferenceInterval(rng(), a, b)
	if l, h := DifferenceInterval(rng(), reversed(a), reversed(b)); l != low || h != high {
		t.Errorf("of the difference: [%v, %v] and [%v, %v]", low, high, l, h)
	}
}
