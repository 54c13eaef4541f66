package chart

import (
	"math"
	"strings"
	"testing"
)

func TestAForestPlotIsAsExpected(t *testing.T) {
	nan := math.NaN()
	svg := Forest{Title: "metrics of <a> & b", Rows: []ForestRow{
		{Label: "accuracy ↑", Verdict: "b is better",
			Dots:  []ForestDot{{0.8, 0.75, 0.85, 0, "a: 0.8"}, {0.95, 0.94, 0.96, 1, "b: 0.95"}},
			Ticks: []ForestTick{{0.99, "real"}, {0.13, "noise"}}},
		{Label: "fd ↓", Verdict: "no evidence", Dots: []ForestDot{{9, nan, nan, 0, "a: 9"}, {nan, nan, nan, 1, "b: none"}}},
		{Label: "nothing", Verdict: "no value", Dots: []ForestDot{{nan, nan, nan, 0, "a: none"}}},
	}}.SVG()
	golden(t, "forest.svg", svg)
	if strings.Contains(svg, "NaN") {
		t.Error("what is missing is drawn")
	}
	if (Forest{}).SVG() != "" {
		t.Error("nothing is drawn as something")
	}
}

// Noise is hundreds of times farther from the data than two good models are from each other.
func TestATickFarAwayDoesNotPushTheDotsTogether(t *testing.T) {
	row := ForestRow{Dots: []ForestDot{{7.4, 7, 8, 0, "a"}, {9, 8.6, 9.4, 1, "b"}},
		Ticks: []ForestTick{{9.5, "real"}, {1498, "noise"}}}
	if low, high := row.bounds(); low != 7 || high != 9.5 {
		t.Errorf("the scale goes from %v to %v", low, high)
	}
	svg := Forest{Rows: []ForestRow{row}}.SVG()
	if !strings.Contains(svg, ">9.5 real · → 1498 noise<") || strings.Contains(svg, "noise: 1498") {
		t.Errorf("noise is not named at the end of the scale:\n%s", svg)
	}
}
