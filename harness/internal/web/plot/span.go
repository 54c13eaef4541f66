package plot

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/web/shell"
)

// Span is a stretch of the x axis of charts; its zero value is the whole axis.
type Span struct{ From, To float64 }

func (s Span) Whole() bool { return s == Span{} }

// String is FROM-TO, or "" for the whole axis.
func (s Span) String() string {
	if s.Whole() {
		return ""
	}
	return shell.Digits(s.From) + "-" + shell.Digits(s.To)
}

// ParseSpan reads FROM-TO; values are not negative.
func ParseSpan(text string) (Span, error) {
	if text == "" {
		return Span{}, nil
	}
	low, high, ok := strings.Cut(text, "-")
	from, err := strconv.ParseFloat(low, 64)
	to, err2 := strconv.ParseFloat(high, 64)
	if !ok || err != nil || err2 != nil || !(from >= 0 && from < to) || math.IsInf(to, 0) {
		return Span{}, errors.New("write a stretch like 100-200")
	}
	return Span{from, to}, nil
}

// Cut is a chart with the points of the stretch only.
func (s Span) Cut(c chart.Chart) chart.Chart {
	if s.Whole() {
		return c
	}
	lines := make([]chart.Line, 0, len(c.Lines))
	for _, l := range c.Lines {
		short := l
		short.Points, short.Band = nil, nil
		for i, p := range l.Points {
			if p.X < s.From || p.X > s.To {
				continue
			}
			short.Points = append(short.Points, p)
			if len(l.Band) > 0 {
				short.Band = append(short.Band, l.Band[i])
			}
		}
		lines = append(lines, short)
	}
	c.Lines = lines
	return c
}
