package compare

import "math"

// Aligned are the losses of all runs at the same place of an axis.
type Aligned struct {
	Step    int     `json:"step,omitempty"`
	Images  int     `json:"images,omitempty"` // training images seen
	Seconds Value   `json:"seconds"`
	Values  []Value `json:"values"` // one a run
}

// At is the place on an axis.
func (a Aligned) At(axis Axis) float64 { return a.point().At(axis) }

func (a Aligned) point() CurvePoint {
	return CurvePoint{Step: a.Step, Images: a.Images, Seconds: a.Seconds}
}

func alignedAt(axis Axis, x float64) Aligned {
	switch axis {
	case BySteps:
		return Aligned{Step: int(x), Seconds: missing}
	case ByImages:
		return Aligned{Images: int(x), Seconds: missing}
	}
	return Aligned{Seconds: Value(x)}
}

// alignedParts are the parts of the shortest run at which losses are compared.
var alignedParts = []float64{0.1, 0.25, 0.5, 0.75, 1}

// align reads the smoothed curves at the same places of an axis, each place
// once. Those that some run reached before its first step was done have no loss
// to show.
func align(records []Record, axis Axis) []Aligned {
	found := []Aligned{}
	first, last := math.Inf(-1), math.Inf(1)
	for _, r := range records {
		loss := r.curve.Loss
		if len(loss) == 0 {
			continue
		}
		if end := loss[len(loss)-1].At(axis); end > 0 {
			first, last = max(first, r.firstStep().At(axis)), min(last, end)
		}
	}
	if math.IsInf(last, 1) {
		return found
	}
	for _, part := range alignedParts {
		x := part * last
		if axis != BySeconds {
			x = max(1, math.Round(x))
		}
		if n := len(found); x < first || n > 0 && found[n-1].At(axis) == x {
			continue
		}
		a := alignedAt(axis, x)
		for _, r := range records {
			a.Values = append(a.Values, r.curve.at(x, axis))
		}
		found = append(found, a)
	}
	return found
}

// firstStep is the end of a run's first step on every axis.
func (r *Record) firstStep() CurvePoint {
	return CurvePoint{Step: 1, Images: dietOf(*r).seen(1), Seconds: r.clock.at(1)}
}

// at interpolates the smoothed loss; in the stretch of the first point it is
// that.
func (c Curve) at(x float64, axis Axis) Value {
	if len(c.Loss) > 0 && c.Loss[0].At(axis) > x {
		return c.Loss[0].Smooth
	}
	return interpolate(c.Loss, x, axis)
}
