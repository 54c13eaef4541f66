package web

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"flowharness/harness/internal/chart"
)

// span is a stretch of the x axis of charts; its zero value is the whole axis.
type span struct{ From, To float64 }

func (s span) whole() bool { return s == span{} }

// String is FROM-TO, or "" for the whole axis.
func (s span) String() string {
	if s.whole() {
		return ""
	}
	return formatFloat(s.From) + "-" + formatFloat(s.To)
}

// parseSpan reads FROM-TO; values are not negative.
func parseSpan(text string) (span, error) {
	if text == "" {
		return span{}, nil
	}
	low, high, ok := strings.Cut(text, "-")
	from, err := strconv.ParseFloat(low, 64)
	to, err2 := strconv.ParseFloat(high, 64)
	if !ok || err != nil || err2 != nil || !(from >= 0 && from < to) || math.IsInf(to, 0) {
		return span{}, errors.New("write a stretch like 100-200")
	}
	return span{from, to}, nil
}

// cut is a chart with the points of the stretch only.
func (s span) cut(c chart.Chart) chart.Chart {
	if s.whole() {
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
