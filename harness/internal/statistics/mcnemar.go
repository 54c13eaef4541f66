package statistics

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Discordance counts how two classifiers of the same items differ.
type Discordance struct {
	Items      int
	OnlyFirst  int // right in the first only
	OnlySecond int // right in the second only
}

// Add takes in the items of two equally long lists.
func (d *Discordance) Add(first, second []bool) {
	d.Items += len(first)
	for i, right := range first {
		switch {
		case right && !second[i]:
			d.OnlyFirst++
		case !right && second[i]:
			d.OnlySecond++
		}
	}
}

// McNemar tests whether the first and the second are right equally often, given
// the items on which they differ: OnlySecond is then binomial with probability
// one half (Q. McNemar, Psychometrika 12, 1947; the exact, conditional form).
// It assumes that the items are independent of each other.
func McNemar(d Discordance) Test {
	const name = "McNemar exact"
	n := d.OnlyFirst + d.OnlySecond
	if d.Items == 0 {
		return notMade(name, "there are no pairs")
	}
	p := 1.0
	if n > 0 {
		p = min(1, 2*distuv.Binomial{N: float64(n), P: 0.5}.CDF(float64(min(d.OnlyFirst, d.OnlySecond))))
	}
	return Test{Name: name, Statistic: float64(d.OnlySecond), DF: math.NaN(), P: p}
}

// Interval is the 95 % interval of the difference of the two rates, second
// minus first, after Agresti and Min (Statistics in Medicine 24, 2005): Wald's,
// with one half added to each of the four cells.
func (d Discordance) Interval() (low, high float64) {
	if d.Items == 0 {
		return math.NaN(), math.NaN()
	}
	n := float64(d.Items) + 2
	b, c := float64(d.OnlyFirst)+0.5, float64(d.OnlySecond)+0.5
	mid := (c - b) / n
	half := z(1-Level/2) * math.Sqrt(b+c-(c-b)*(c-b)/n) / n
	return max(-1, mid-half), min(1, mid+half)
}

// Wilson is the 95 % interval of a rate (E. B. Wilson, JASA 22, 1927).
func Wilson(right, items int) (low, high float64) {
	if items == 0 {
		return math.NaN(), math.NaN()
	}
	n, p, q := float64(items), float64(right)/float64(items), z(1-Level/2)
	mid := (p + q*q/(2*n)) / (1 + q*q/n)
	half := q / (1 + q*q/n) * math.Sqrt(p*(1-p)/n+q*q/(4*n*n))
	return max(0, mid-half), min(1, mid+half)
}

// z is a quantile of the standard normal distribution.
func z(p float64) float64 { return distuv.UnitNormal.Quantile(p) }
