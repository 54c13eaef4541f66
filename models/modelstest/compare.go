package modelstest

import (
	"math"
	"testing"
)

// WantClose reports the largest distance between two vectors if it is above
// the tolerance.
func WantClose(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, want %d", what, len(got), len(want))
	}
	var worst float64
	at := 0
	for i := range got {
		if d := math.Abs(float64(got[i]) - float64(want[i])); d > worst || math.IsNaN(d) {
			worst, at = d, i
		}
	}
	if worst > tolerance || math.IsNaN(worst) {
		t.Errorf("%s: value %d is %v, want %v: off by %.3g, allowed %.3g", what, at, got[at], want[at], worst, tolerance)
		return
	}
	t.Logf("%s: within %.3g (allowed %.3g)", what, worst, tolerance)
}

// MaxAbs is the largest absolute value.
func MaxAbs(values []float32) float64 {
	var m float64
	for _, v := range values {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}
