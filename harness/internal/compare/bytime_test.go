package compare

import (
	"math"
	"testing"
)

func TestLossByTimeIsTheMeanOfAGroup(t *testing.T) {
	r := &Result{Groups: []Group{{Counted: []int{0, 1}}, {Counted: []int{2}}, {Counted: []int{0, 2}}}, records: []Record{
		{Scalars: map[string]Value{"val/loss_bin_0": 1, "val/loss_bin_1": 4}},
		{Scalars: map[string]Value{"val/loss_bin_0": 3, "val/loss_bin_1": 8}},
		{Scalars: map[string]Value{"val/loss": 1}},
	}}
	if bins := r.LossByTime(0); len(bins) != 2 || bins[0] != 2 || bins[1] != 6 {
		t.Errorf("the means are %v, want 2 and 6", bins)
	}
	if bins := r.LossByTime(1); bins != nil {
		t.Errorf("a group without such losses has %v", bins)
	}
	if bins := r.LossByTime(2); len(bins) != 2 || !math.IsNaN(bins[0]) {
		t.Errorf("a group of which one run has them has %v, want NaN", bins)
	}
}
