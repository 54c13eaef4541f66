package statistics

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts the p-values of one family, so that rejecting all that are at
// most α makes any false rejection with probability at most α, however the
// tests depend on each other (S. Holm, Scandinavian Journal of Statistics 6,
// 1979). NaN values are no tests and stay NaN.
func Holm(p []float64) []float64 {
	adjusted := make([]float64, len(p))
	var order []int
	for i, v := range p {
		adjusted[i] = math.NaN()
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	largest := 0.0
	for rank, i := range order {
		largest = max(largest, min(1, float64(len(order)-rank)*p[i]))
		adjusted[i] = largest
	}
	return adjusted
}
