// Package statistics holds the few tests and intervals that a comparison of
// variants needs: Welch's and the paired t test, McNemar's exact test, Holm's
// correction, bootstrap intervals and the number of seeds that a difference
// asks for. Functions of values; what is random is drawn from a seed.
package statistics

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Level is the error rate of every test and interval here: 5 %, two-sided.
const Level = 0.05

// Test is the outcome of a test. P is NaN where none could be made, and Why
// says why not.
type Test struct {
	Name      string  // "Welch t", "paired t", "McNemar exact"
	Statistic float64 // t, or the number of discordant pairs that favour the second
	DF        float64 // degrees of freedom; NaN where there are none
	P         float64 // two-sided
	Why       string
}

// Mean of a sample; NaN if it is empty.
func Mean(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	return stat.Mean(x, nil)
}

// StdDev is the standard deviation of a sample, with n-1; NaN for fewer than
// two values.
func StdDev(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	return stat.StdDev(x, nil)
}

// Constant tells whether all values of a sample are the same, but for rounding:
// a spread of 1e-12 of their size is none.
func Constant(x []float64) bool { return spreadless(x, 0) }

// spreadless is Constant with a size that the values came from: a difference of
// large numbers carries their rounding.
func spreadless(x []float64, size float64) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		low, high, size = min(low, v), max(high, v), max(size, math.Abs(v))
	}
	return len(x) == 0 || low == high || high-low <= 1e-12*size
}

// twoSided is the probability of a t at least as far from 0.
func twoSided(t, df float64) float64 {
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.CDF(-math.Abs(t))
}

// tQuantile is the upper 2.5 % point of Student's t.
func tQuantile(df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(1 - Level/2)
}

func notMade(name, why string) Test {
	return Test{Name: name, Statistic: math.NaN(), DF: math.NaN(), P: math.NaN(), Why: why}
}
