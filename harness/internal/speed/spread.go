package speed

import (
	"math"
	"slices"
)

// Series are values of one quantity, one a round.
type Series []float64

// Median is the middle value, the mean of both of an even number; NaN if there is
// none.
func (s Series) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Range is the smallest and the largest value; NaN if there is none.
func (s Series) Range() (low, high float64) {
	if len(s) == 0 {
		return math.NaN(), math.NaN()
	}
	return slices.Min(s), slices.Max(s)
}
