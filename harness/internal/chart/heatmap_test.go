package chart

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a picture with the one that was looked at.
func golden(t *testing.T, name, svg string) {
	t.Helper()
	wellFormed(t, svg)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(svg+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if svg+"\n" != string(want) {
		t.Errorf("the picture is not that of %s; look at it, and go test ./harness/internal/chart -update\n%s", path, svg)
	}
}

func TestAHeatMapIsDrawnAsItWas(t *testing.T) {
	nan := math.NaN()
	golden(t, "heatmap.svg", HeatMap{Title: "accuracy", XLabel: "train.lr", YLabel: "process", Columns: []string{"0.001", "0.01"},
		Rows: []string{"flow_match", "<ddpm>"},
		Cells: [][]HeatCell{{{Value: 0.9, Text: "0.9", Note: "4 seeds", Title: "a", Href: "/compare?run=a&run=b"}, {Value: 0.5, Text: "0.5"}},
			{{Value: nan, Text: "none"}, {Value: 0.7, Text: "0.7"}}}}.SVG())
	golden(t, "heatmap_one_axis.svg", HeatMap{Title: "loss", XLabel: "steps", Columns: []string{"10"}, Rows: []string{""},
		Cells: [][]HeatCell{{{Value: 3, Text: "3"}}}}.SVG())
	if svg := (HeatMap{Columns: []string{"a"}}).SVG(); svg != "" {
		t.Errorf("nothing to draw gives %s", svg)
	}
}

func TestParallelCoordinatesAreDrawnAsTheyWere(t *testing.T) {
	svg := Parallel{Title: "variants", Axes: []ParallelAxis{{Label: "process", Categories: []string{"fm", "ddpm"}},
		{Label: "train.lr", Log: true}, {Label: "accuracy"}},
		Lines: []ParallelLine{{Key: "a", Title: `<script>"`, Href: "/?x=1&y=2", Values: []float64{0, 1e-4, 0.9}, Strong: true},
			{Key: "b", Title: "b", Values: []float64{1, 1e-2, math.NaN()}}}}.SVG()
	golden(t, "parallel.svg", svg)
	if strings.Contains(svg, "<script>") || strings.Contains(svg, "NaN") {
		t.Error(svg)
	}
	if svg := (Parallel{Axes: make([]ParallelAxis, 1), Lines: make([]ParallelLine, 1)}).SVG(); svg != "" {
		t.Errorf("one axis gives %s", svg)
	}
}

func TestTheScaleGetsLighterEvenlyAndItsInkIsReadable(t *testing.T) {
	luminance := func(hex string) float64 {
		var sum float64
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			v := float64(n) / 255
			if v <= 0.04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			sum += weight * v
		}
		return sum
	}
	last := -1.0
	for i := range 101 {
		fill, ink := Scale(float64(i) / 100)
		now := luminance(fill)
		if now <= last {
			t.Errorf("at %d %% it is not lighter: %s", i, fill)
		}
		last = now
		high, low := max(now, luminance(ink)), min(now, luminance(ink))
		if contrast := (high + 0.05) / (low + 0.05); contrast < 4.5 {
			t.Errorf("at %d %% the contrast of %s on %s is %.2f", i, ink, fill, contrast)
		}
	}
}
