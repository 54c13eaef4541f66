package report

import (
	"math"
	"strings"

	"flowharness/harness/internal/compare"
)

// sparklineWidth is how many characters a curve has in the terminal.
const sparklineWidth = 32

var blocks = []rune("▁▂▃▄▅▆▇█")

// Sparklines draws smoothed losses as lines of block characters, on a
// logarithmic scale where all are above 0; × is a loss that is not a number.
// With shared, heights and widths mean the same in all of them.
func Sparklines(curves []compare.Curve, width int, axis compare.Axis, shared bool) []string {
	last := 0.0
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		if n := len(c.Loss); n > 0 {
			if end := c.Loss[n-1].At(axis); end > last {
				last = end
			}
		}
		low, high = span(c, low, high)
	}
	lines := make([]string, len(curves))
	for i, c := range curves {
		if len(c.Loss) == 0 || math.IsNaN(c.Loss[len(c.Loss)-1].At(axis)) {
			continue
		}
		from, to, end := low, high, last
		if !shared {
			from, to = span(c, math.Inf(1), math.Inf(-1))
			end = c.Loss[len(c.Loss)-1].At(axis)
		}
		lines[i] = sparkline(c, width, axis, end, from, to)
	}
	return lines
}

func span(c compare.Curve, low, high float64) (float64, float64) {
	for _, p := range c.Loss {
		if v := float64(p.Smooth); !p.Smooth.Missing() && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

func sparkline(c compare.Curve, width int, axis compare.Axis, last, low, high float64) string {
	scale := func(v float64) float64 { return v }
	if low > 0 {
		scale = math.Log
	}
	var b strings.Builder
	at, previous := 0, ' '
	for column := range width {
		until := math.Floor(float64(column+1) * last / float64(width))
		var sum float64
		n, bad := 0, false
		for ; at < len(c.Loss) && c.Loss[at].At(axis) <= until; at++ {
			if v := float64(c.Loss[at].Smooth); math.IsNaN(v) || math.IsInf(v, 0) {
				bad = true
			} else {
				sum, n = sum+v, n+1
			}
		}
		switch {
		case bad:
			previous = '×'
		case n == 0 && at == len(c.Loss):
			return b.String()
		case n == 0: // between two points
		case high <= low:
			previous = blocks[0]
		default:
			height := (scale(sum/float64(n)) - scale(low)) / (scale(high) - scale(low))
			previous = blocks[int(math.Round(height*float64(len(blocks)-1)))]
		}
		b.WriteRune(previous)
	}
	return b.String()
}
