package statistics

import "math"

// Welch tests whether two independent samples have the same mean, without
// assuming that they have the same variance (B. L. Welch, "The generalization
// of 'Student's' problem when several different population variances are
// involved", Biometrika 34, 1947). It assumes independent, roughly normal
// values.
func Welch(a, b []float64) Test {
	const name = "Welch t"
	if len(a) < 2 || len(b) < 2 {
		return notMade(name, "one value has no spread")
	}
	if Constant(a) && Constant(b) {
		return notMade(name, "both have zero variance")
	}
	se2, df := welchError(a, b)
	if math.IsNaN(df) {
		return notMade(name, "the values are too large to compute with")
	}
	t := (Mean(b) - Mean(a)) / math.Sqrt(se2)
	return Test{Name: name, Statistic: t, DF: df, P: twoSided(t, df)}
}

// welchError is the squared standard error of a difference of means, and its
// degrees of freedom after Welch and Satterthwaite.
func welchError(a, b []float64) (se2, df float64) {
	va, vb := variance(a)/float64(len(a)), variance(b)/float64(len(b))
	se2 = va + vb
	return se2, se2 * se2 / (va*va/float64(len(a)-1) + vb*vb/float64(len(b)-1))
}

func variance(x []float64) float64 {
	if Constant(x) { // exactly 0, without rounding
		return 0
	}
	s := StdDev(x)
	return s * s
}

// Paired tests whether the differences b[i] - a[i] have the mean 0 (Student,
// 1908). It assumes independent pairs whose differences are roughly normal.
func Paired(a, b []float64) Test {
	const name = "paired t"
	d := Differences(a, b)
	switch {
	case len(d) < 2:
		return notMade(name, "one pair has no spread")
	case spreadless(d, largest(a, b)):
		return notMade(name, "the differences have zero variance")
	}
	df := float64(len(d) - 1)
	t := Mean(d) / math.Sqrt(variance(d)/float64(len(d)))
	if math.IsNaN(t) {
		return notMade(name, "the values are too large to compute with")
	}
	return Test{Name: name, Statistic: t, DF: df, P: twoSided(t, df)}
}

func largest(a, b []float64) (size float64) {
	for i := range a {
		size = max(size, math.Abs(a[i]), math.Abs(b[i]))
	}
	return size
}

// Differences are b[i] - a[i].
func Differences(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = b[i] - a[i]
	}
	return d
}
