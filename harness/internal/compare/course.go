package compare

import (
	"math"
	"slices"
	"sort"

	"flowharness/harness/internal/statistics"
)

// Course is how the losses of a group's runs went together.
type Course struct {
	Loss Together `json:"loss"` // of the smoothed train/loss
	Val  Together `json:"val"`
}

// Together are the means over runs at the same step, after the same number of
// images and after the same time in training steps.
type Together struct {
	BySteps   []CoursePoint `json:"by_steps"`
	ByImages  []CoursePoint `json:"by_images,omitempty"` // where runs of the comparison have other batch sizes
	BySeconds []CoursePoint `json:"by_seconds"`
}

// By are the means by an axis.
func (t Together) By(axis Axis) []CoursePoint {
	switch axis {
	case BySteps:
		return t.BySteps
	case ByImages:
		return t.ByImages
	}
	return t.BySeconds
}

// CoursePoint is the mean over the runs that came so far. One value that is not a
// number makes none of the others worth less: it is left out.
type CoursePoint struct {
	At   Value `json:"at"` // step, images seen, or seconds
	Runs int   `json:"runs"`
	Mean Value `json:"mean"`
	Low  Value `json:"low"` // smallest and
	High Value `json:"high"`
}

func course(g Group, curves []Curve, axes []Axis) Course {
	loss := make([][]CurvePoint, len(g.Counted))
	val := make([][]CurvePoint, len(g.Counted))
	for k, i := range g.Counted {
		loss[k], val[k] = curves[i].Loss, curves[i].Val
	}
	return Course{together(loss, axes), together(val, axes)}
}

func together(curves [][]CurvePoint, axes []Axis) Together {
	t := Together{BySteps: means(curves, BySteps), BySeconds: means(curves, BySeconds)}
	if slices.Contains(axes, ByImages) {
		t.ByImages = means(curves, ByImages)
	}
	return t
}

// means takes the places of the curve that reaches furthest, and reads the others
// there.
func means(curves [][]CurvePoint, axis Axis) []CoursePoint {
	found := []CoursePoint{}
	var longest []CurvePoint
	furthest := math.Inf(-1)
	for _, c := range curves {
		if n := len(c); n > 0 && c[n-1].At(axis) > furthest {
			longest, furthest = c, c[n-1].At(axis)
		}
	}
	for _, p := range longest {
		x := p.At(axis)
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
func interpolate(points []CurvePoint, x float64, axis Axis) Value {
	n := len(points)
	i := sort.Search(n, func(i int) bool { return points[i].At(axis) >= x*(1-1e-12) })
	switch {
	case n == 0 || i == n:
		return missing
	case i == 0:
		if points[0].At(axis) > x*(1+1e-12) {
			return missing
		}
		return points[0].Smooth
	}
	a, b := points[i-1], points[i]
	part := (x - a.At(axis)) / (b.At(axis) - a.At(axis))
	return a.Smooth + Value(part)*(b.Smooth-a.Smooth)
}
