package metrics

import (
	"math"
	"strings"
	"testing"
)

func TestAccuracyCountsPerClass(t *testing.T) {
	r, err := Accuracy([]uint8{0, 1, 1, 2, 0}, []uint8{0, 1, 2, 2, 2}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if share, stdErr := r.Overall(); share != 0.6 || !near(stdErr, math.Sqrt(0.6*0.4/5), 1e-12) {
		t.Errorf("overall %g ± %g", share, stdErr)
	}
	for class, want := range []float64{1, 1, 1. / 3} {
		if got, _ := r.Class(class); got != want {
			t.Errorf("class %d: %g, want %g", class, got, want)
		}
	}
	if share, stdErr := r.Class(3); !math.IsNaN(share) || !math.IsNaN(stdErr) {
		t.Errorf("a class that nobody asked for: %g ± %g", share, stdErr)
	}
}

func TestAccuracyRefuses(t *testing.T) {
	for _, tc := range []struct {
		name              string
		predicted, wanted []uint8
		numClasses        int
		want              string
	}{
		{"unlike lengths", []uint8{1}, []uint8{1, 2}, 3, "1 predicted classes and 2"},
		{"a wanted class that does not exist", []uint8{1, 1}, []uint8{1, 3}, 3, "image 1: class 3 was wanted"},
		{"a class read that does not exist", []uint8{9}, []uint8{1}, 3, "9 read"},
		{"no classes", nil, nil, 0, "between 1 and 256"},
		{"too many classes", nil, nil, 257, "between 1 and 256"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Accuracy(tc.predicted, tc.wanted, tc.numClasses); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
