package plot

import (
	"math"
	"testing"
)

func TestSmoothingStartsFromTheFirstValue(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name         string
		weight       float64
		values, want []float64
	}{
		{"nothing", 0.9, nil, nil},
		{"no weight: the values themselves", 0, []float64{3, 1, 2}, []float64{3, 1, 2}},
		{"a constant stays one", 0.99, []float64{5, 5, 5}, []float64{5, 5, 5}},
		{"later values count more", 0.5, []float64{1, 4}, []float64{1, 3}}, // (1/4 + 4/2) / (1/4 + 1/2)
		{"what is not finite stays and does not count", 0.5, []float64{1, nan, inf, 4}, []float64{1, nan, inf, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Smooth(c.values, c.weight)
			if len(got) != len(c.want) {
				t.Fatalf("got %v", got)
			}
			for i, v := range got {
				if same := v == c.want[i] || math.IsNaN(v) && math.IsNaN(c.want[i]) || math.Abs(v-c.want[i]) < 1e-12; !same {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}
