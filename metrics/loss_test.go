package metrics

import (
	"math"
	"testing"
)

func TestBinnedLossSortsByTime(t *testing.T) {
	var b BinnedLoss
	for _, v := range []struct{ t, loss float64 }{{0, 1}, {0.0999, 3}, {0.1, 5}, {0.95, 7}, {1, 9}} {
		if err := b.Add(v.t, v.loss); err != nil {
			t.Fatal(err)
		}
	}
	for bin, want := range map[int]float64{0: 2, 1: 5, 9: 8} {
		if got, _ := b.Bin(bin); got != want {
			t.Errorf("bin %d: %g, want %g", bin, got, want)
		}
	}
	if mean, stdErr := b.Mean(); mean != 5 || !near(stdErr, math.Sqrt(10./5), 1e-12) {
		t.Errorf("mean %g ± %g", mean, stdErr)
	}
	if mean, stdErr := b.Bin(1); mean != 5 || !math.IsNaN(stdErr) {
		t.Errorf("one loss: %g ± %g", mean, stdErr)
	}
	if mean, _ := b.Bin(4); !math.IsNaN(mean) {
		t.Errorf("an empty bin: %g", mean)
	}
	for _, bad := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1), 500} {
		if err := b.Add(bad, 1); err == nil {
			t.Errorf("time %g is taken", bad)
		}
	}
}
