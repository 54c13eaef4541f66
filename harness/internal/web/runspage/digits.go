package runspage

import (
	"math"
	"slices"
	"strconv"

	"flowharness/harness/internal/web/shell"
)

// digits says how the numbers of a column are written: with as many decimals that
// a typical one has four digits that count, so that they can be compared by eye.
func digits(values []float64) func(float64) string {
	var sizes []float64
	whole := true
	for _, v := range values {
		if v != 0 && !math.IsInf(v, 0) {
			sizes = append(sizes, math.Abs(v))
			whole = whole && v == math.Trunc(v)
		}
	}
	if whole {
		return func(v float64) string {
			if math.Abs(v) < 1e15 && v == math.Trunc(v) {
				return shell.Count(int(v))
			}
			return shell.Number(v)
		}
	}
	slices.Sort(sizes)
	typical := sizes[len(sizes)/2]
	if typical < 1e-4 || typical >= 1e6 {
		return func(v float64) string { return strconv.FormatFloat(v, 'e', 3, 64) }
	}
	decimals := min(max(3-int(math.Floor(math.Log10(typical))), 0), 6)
	return func(v float64) string {
		if math.IsInf(v, 0) || math.Abs(v) >= 1e9 {
			return shell.Number(v)
		}
		return strconv.FormatFloat(v, 'f', decimals, 64)
	}
}
