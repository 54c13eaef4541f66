package search

import (
	"math"
	"strconv"
)

// Space lists what is searched. Its order is that of the keys in the file, and
// it matters: dimension j takes coordinate j of every point, so that other
// trials result when keys change places.
type Space []Dimension

// Dimension is a key of the run's config and the values that it may take: a
// range, or choices where there are any.
type Dimension struct {
	Path string `json:"path"` // dotted, such as train.lr

	// A range from Min to Max, with both ends. Integer keeps to
	// whole numbers, at most 2^53 in size; Log, for Min > 0, is uniform in the
	// logarithm.
	Min     float64 `json:"min,omitzero"`
	Max     float64 `json:"max,omitzero"`
	Integer bool    `json:"integer,omitzero"`
	Log     bool    `json:"log,omitzero"`

	// Choices are YAML scalars, each a line as it could stand in a config.
	Choices []string `json:"choices,omitempty"`
}

const (
	// significant is how many digits a value of a range has. It is enough for
	// any hyperparameter, reads well, and hides the last bits, in which
	// processors differ, from the config hash.
	significant = 5
	// exact is how many a float64 has.
	exact = 17
)

// Value maps u in [0, 1) to a value as a YAML scalar.
//
// A number of a range is rounded to 5 significant digits, and one more for every
// factor of ten by which the range is narrower than its larger end, so that
// [0.99, 0.999] is not one of ten values. It is written as the shortest decimal
// that reads back as the same number, such as 0.00031623 or 2.5e-05; a whole
// number in digits alone. Rounding never leaves the range: beyond an end, the
// value is that end in full.
//
// A whole number k of a logarithmic range takes the part of it from k-1/2 to
// k+1/2, which makes k about as likely as 1/k. Choices are equally likely.
func (d Dimension) Value(u float64) string {
	switch {
	case len(d.Choices) > 0:
		n := len(d.Choices)
		return d.Choices[min(int(u*float64(n)), n-1)]
	case d.Integer && d.Log:
		return whole(d.clamp(math.Round(logarithmic(d.Min-0.5, d.Max+0.5, u))))
	case d.Integer:
		return whole(d.clamp(d.Min + math.Floor(u*(d.Max-d.Min+1))))
	case d.Log:
		return d.decimal(logarithmic(d.Min, d.Max, u))
	default:
		return d.decimal(linear(d.Min, d.Max, u))
	}
}

// linear is the point u of the way from a to b. It cannot overflow as u·(b-a)
// can, and the conversions keep processors from fusing the operations.
func linear(a, b, u float64) float64 { return float64(a*(1-u)) + float64(b*u) }

func logarithmic(a, b, u float64) float64 {
	return math.Exp(linear(math.Log(a), math.Log(b), u))
}

func (d Dimension) decimal(v float64) string {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', d.digits()-1, 64), 64) // infinite beyond float64, which clamp ends
	return shortest(d.clamp(rounded))
}

func (d Dimension) digits() int {
	n := significant
	for narrower := max(math.Abs(d.Min), math.Abs(d.Max)) / (d.Max - d.Min); narrower >= 10 && n < exact; narrower /= 10 {
		n++
	}
	return n
}

func (d Dimension) clamp(v float64) float64 { return min(max(v, d.Min), d.Max) }

func whole(v float64) string { return strconv.FormatInt(int64(v), 10) }

func shortest(v float64) string {
	if v == 0 {
		v = 0 // no -0
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
