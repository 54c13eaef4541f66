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
