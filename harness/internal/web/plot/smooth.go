package plot

import "math"

// Smooth is the exponential moving average of values with a weight from 0 (the
// values themselves) to below 1, divided by the sum of the weights that went into
// it, so that it does not start from 0. This is what TensorBoard draws. Values
// that are not finite stay what they are and do not count.
func Smooth(values []float64, weight float64) []float64 {
	smoothed := make([]float64, len(values))
	var sum, weights float64
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			smoothed[i] = v
			continue
		}
		sum, weights = sum*weight+v*(1-weight), weights*weight+(1-weight)
		smoothed[i] = sum / weights
	}
	return smoothed
}
