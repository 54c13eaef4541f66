package report

import (
	"strings"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

func TestTheForestHoldsEveryGroupAndItsVerdict(t *testing.T) {
	st := tempStore(t)
	var runs []*store.Run
	for _, k := range []sketch{{Name: "low", Accuracy: 0.6}, {Name: "high", Accuracy: 0.9, Config: "x: 1"}} {
		runs = append(runs, seeds(t, st, 5, k)...)
	}
	r := compared(t, st, compare.Options{}, runs...)
	row := rowOf(t, r, "accuracy")
	found := false
	for _, line := range Forest(r, strings.ToUpper).Rows {
		if line.Label != "ACCURACY ↑" {
			continue
		}
		found = true
		if len(line.Dots) != 2 || line.Dots[1].Value != float64(row.Groups[1].Mean) || line.Dots[1].Low != float64(row.Groups[1].Low) {
			t.Errorf("the dots are %+v, want those of %+v", line.Dots, row.Groups)
		}
		if want := "HIGH is " + string(row.Comparisons[0].Verdict); row.Comparisons[0].Verdict != compare.Better || line.Verdict != want {
			t.Errorf("the verdict is %q, want %q", line.Verdict, want)
		}
	}
	if !found {
		t.Error("accuracy is not among the rows")
	}
	if page := pageOf(t, st, r); !strings.Contains(page, `class="chart forest"`) ||
		strings.Index(page, `class="chart forest"`) > strings.Index(page, "What it says") {
		t.Error("the page does not begin with it")
	}
	three := compared(t, st, compare.Options{}, append(runs, makeRun(t, st, sketch{Name: "one", Accuracy: 0.7, Config: "x: 2"}))...)
	for _, line := range Forest(three, same).Rows {
		if line.Label == "accuracy ↑" && line.Verdict != "1 better, 1 too few seeds" {
			t.Errorf("the verdicts on two groups are %q", line.Verdict)
		}
	}
}
