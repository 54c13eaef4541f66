package chart

import (
	"math"
	"strconv"
	"strings"
)

// axis maps values to pixels.
type axis struct {
	log       bool
	short     bool    // labels such as 10k
	low, high float64 // of the values
	from, to  float64 // of the axis, scaled
	start     float64 // pixel of from
	pixels    float64
}

func newAxis(log bool) axis { return axis{log: log, low: math.Inf(1), high: math.Inf(-1)} }

func (a *axis) add(v float64) { a.low, a.high = min(a.low, v), max(a.high, v) }

// place fits the values between two pixels, with a margin on both sides.
func (a *axis) place(start, end int, margin float64) {
	a.log = a.log && a.low > 0
	a.from, a.to = a.scale(a.low), a.scale(a.high)
	if a.from == a.to {
		a.from, a.to = a.from-0.5, a.to+0.5
	}
	room := margin * (a.to - a.from)
	a.from, a.to = a.from-room, a.to+room
	a.start, a.pixels = float64(start), float64(end-start)
}

func (a axis) scale(v float64) float64 {
	if a.log {
		return math.Log10(v)
	}
	return v
}

func (a axis) at(v float64) float64 {
	return a.start + a.pixels*(a.scale(v)-a.from)/(a.to-a.from)
}

// ticks are round values on the axis.
func (a axis) ticks() []float64 {
	if a.log {
		if ticks := a.logTicks(); len(ticks) >= 3 {
			return ticks
		}
	}
	const wanted = 6
	low, high := a.from, a.to
	if a.log {
		low, high = math.Pow(10, a.from), math.Pow(10, a.to)
	}
	raw := (high - low) / wanted
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := unit
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * unit; step >= raw {
			break
		}
	}
	var ticks []float64
	for i := math.Ceil(low / step); i*step <= high; i++ {
		ticks = append(ticks, i*step+0) // never -0
	}
	return ticks
}

// logTicks are 1, 2 and 5 times powers of ten, or the powers alone where the
// axis is long.
func (a axis) logTicks() []float64 {
	digits := []float64{1, 2, 5}
	if a.to-a.from > 3 {
		digits = digits[:1]
	}
	var ticks []float64
	for e := math.Floor(a.from); e <= math.Ceil(a.to); e++ {
		for _, d := range digits {
			v := d * math.Pow(10, e)
			if s := math.Log10(v); s >= a.from && s <= a.to {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

func (a axis) label(v float64) string {
	size := math.Abs(v)
	switch {
	case a.short && size >= 1e6 && size < 1e9:
		return number(v/1e6) + "M"
	case a.short && size >= 1e4 && size < 1e6:
		return number(v/1e3) + "k"
	case a.short && size > 0 && size < 0.01:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e-0")
		if len(mantissa) <= 3 && len(exponent) == 1 {
			return mantissa + "e-" + exponent
		}
	}
	return number(v)
}

// number is a tick's label, without the digits of rounding.
func number(v float64) string {
	text := strconv.FormatFloat(v, 'g', 4, 64)
	if mantissa, exponent, ok := strings.Cut(text, "e"); ok {
		if n, err := strconv.Atoi(exponent); err == nil {
			if n > 0 && n < 7 {
				return strconv.FormatFloat(v, 'f', 0, 64)
			}
			return mantissa + "e" + strconv.Itoa(n)
		}
	}
	return text
}
