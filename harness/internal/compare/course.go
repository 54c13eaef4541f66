package compare

import (
	"math"
	"slices"
	"sort"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/statistics"
)

// Course is how the losses of a group's runs went together.
type Course struct {
	Loss Together `json:"loss"` // of the smoothed train/loss
	Val  Together `json:"val"`
}

// Together are the means over runs at the same step and at the same time in
// training steps.
type Together struct {
	BySteps   []CoursePoint `json:"by_steps"`
	BySeconds []CoursePoint `json:"by_seconds"`
}

// CoursePoint is the mean over the runs that came so far. One value that is not a
// number makes none of the others worth less: it is left out.
type CoursePoint struct {
	At   Value `json:"at"` // step, or seconds
	Runs int   `json:"runs"`
	Mean Value `json:"mean"`
	Low  Value `json:"low"` // smallest and
	High Value `json:"high"`
}

func course(g Group, curves []Curve) Course {
	loss := make([][]CurvePoint, len(g.Counted))
	val := make([][]CurvePoint, len(g.Counted))
	for k, i := range g.Counted {
		loss[k], val[k] = curves[i].Loss, curves[i].Val
	}
	return Course{together(loss), together(val)}
}

func together(curves [][]CurvePoint) Together {
	bySteps := func(p CurvePoint) float64 { return float64(p.Step) }
	bySeconds := func(p CurvePoint) float64 { return float64(p.Seconds) }
	return Together{means(curves, bySteps), means(curves, bySeconds)}
}

// means takes the places of the curve that reaches furthest, and reads the others
// there.
func means(curves [][]CurvePoint, axis func(CurvePoint) float64) []CoursePoint {
	found := []CoursePoint{}
	var longest []CurvePoint
	for _, c := range curves {
		if len(c) > 0 && (longest == nil || axis(c[len(c)-1]) > axis(longest[len(longest)-1])) {
			longest = c
		}
	}
	for _, p := range longest {
		x := axis(p)
		if math.IsNaN(x) {
			continue
		}
		var values []float64
		for _, c := range curves {
			if v := float64(interpolate(c, x, axis)); !math.IsNaN(v) && !math.IsInf(v, 0) {
				values = append(values, v)
			}
		}
		point := CoursePoint{At: Value(x), Runs: len(values), Mean: missing, Low: missing, High: missing}
		if len(values) > 0 {
			point.Mean, point.Low, point.High = Value(statistics.Mean(values)), Value(slices.Min(values)), Value(slices.Max(values))
		}
		found = append(found, point)
	}
	return found
}

// interpolate reads the smoothed loss at a place; missing before the first point
// and beyond the last.
func interpolate(points []CurvePoint, x float64, axis func(CurvePoint) float64) Value {
	n := len(points)
	i := sort.Search(n, func(i int) bool { return axis(points[i]) >= x*(1-1e-12) })
	switch {
	case n == 0 || i == n:
		return missing
	case i == 0:
		if axis(points[0]) > x*(1+1e-12) {
			return missing
		}
		return points[0].Smooth
	}
	a, b := points[i-1], points[i]
	part := (x - axis(a)) / (axis(b) - axis(a))
	return a.Smooth + Value(part)*(b.Smooth-a.Smooth)
}

// line draws a course, with the band from the smallest to the largest.
func (c Course) line(byTime, val bool, label string, color int) chart.Line {
	t := c.Loss
	if val {
		t = c.Val
	}
	points := t.BySteps
	if byTime {
		points = t.BySeconds
	}
	line := chart.Line{Label: label, Color: color}
	for _, p := range points {
		line.Points = append(line.Points, chart.Point{X: float64(p.At), Y: float64(p.Mean)})
		line.Band = append(line.Band, chart.Range{Low: float64(p.Low), High: float64(p.High)})
	}
	return line
}
