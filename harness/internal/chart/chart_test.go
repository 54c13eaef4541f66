package chart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

func TestAChartIsWellFormedWhateverItShows(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, points := range map[string][]Point{
		"a line":            {{X: 1, Y: 1}, {X: 2, Y: 4}, {X: 1000, Y: 0.5}},
		"one point":         {{X: 5, Y: 5}},
		"a constant":        {{X: 1, Y: 3}, {X: 2, Y: 3}},
		"gaps":              {{X: 1, Y: 1}, {X: 2, Y: nan}, {X: 3, Y: inf}, {X: nan, Y: 1}, {X: 4, Y: 2}},
		"zero and below":    {{X: 0, Y: 0}, {X: 1, Y: -3}},
		"huge and tiny":     {{X: 1, Y: 1e300}, {X: 2, Y: 1e-300}},
		"markup in a title": {{X: 1, Y: 1, Title: `<script>"&'`}},
	} {
		t.Run(name, func(t *testing.T) {
			svg := Chart{Title: `<b>"`, XLabel: "<i>", YLabel: "&", LogX: true, LogY: true,
				Lines: []Line{{Label: "<script>", Points: points, Band: make([]Range, len(points)), Marked: true}}}.SVG()
			wellFormed(t, svg)
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Contains(svg, "<script>") {
				t.Error(svg)
			}
		})
	}
	if svg := (Chart{Lines: []Line{{Points: []Point{{X: nan, Y: 1}}}}}).SVG(); svg != "" {
		t.Errorf("nothing to draw gives %s", svg)
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		log       bool
		low, high float64
		want      string
	}{
		{false, 0, 1000, "0 200 400 600 800 1000"},
		{false, 0.91, 0.99, "0.92 0.94 0.96 0.98"},
		{true, 1, 100, "1 2 5 10 20 50 100"},
		{true, 0.15, 1.2, "0.2 0.5 1"},
		{false, 0, 1e6, "0 200000 400000 600000 800000 1000000"},
	} {
		a := newAxis(c.log)
		a.add(c.low)
		a.add(c.high)
		a.place(0, 100, 0)
		var labels []string
		for _, v := range a.ticks() {
			labels = append(labels, number(v))
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("from %v to %v: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

func TestAFileOfItsOwnHasStylesAndALegend(t *testing.T) {
	c := Chart{Title: "queries", Lines: []Line{{Label: "a < b", Points: []Point{{X: 1, Y: 1}, {X: 2, Y: 3}}},
		{Label: "list", Color: 1, Points: []Point{{X: 1, Y: 2}}}}}
	file := c.File()
	var parsed struct {
		XMLName xml.Name
		Texts   []string `xml:"text"`
		Style   string   `xml:"style"`
	}
	if err := xml.Unmarshal([]byte(file), &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.XMLName.Local != "svg" || parsed.Style == "" || !slices.Contains(parsed.Texts, "a < b") ||
		!slices.Contains(parsed.Texts, "list") {
		t.Errorf("the file is\n%s", file)
	}
	if (Chart{}).File() != "" {
		t.Error("a chart of nothing is drawn")
	}
}

func TestOddPointsAreMarkedAtTheEdge(t *testing.T) {
	c := Chart{Lines: []Line{{Points: []Point{{X: 1, Y: 2}, {X: 2, Y: math.NaN(), Odd: "NaN"}, {X: 3, Y: math.Inf(-1), Odd: "-<∞>"},
		{X: 9, Y: 1}}}}}
	svg := c.SVG()
	wellFormed(t, svg)
	y := c.Axes().Y
	for _, want := range []string{`<title>NaN</title>`, `<title>-&lt;∞&gt;</title>`} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is not in %s", want, svg)
		}
	}
	upper, lower := strings.Index(svg, fmt.Sprintf(" %.1fh10l-5 7z", y.End)), strings.Index(svg, fmt.Sprintf(" %.1fh10l-5 -7z", y.Start))
	if upper < 0 || lower < 0 {
		t.Errorf("the marks are not at the edges: %s", svg)
	}
	if svg := (Chart{Lines: []Line{{Points: []Point{{X: 1, Y: math.NaN(), Odd: "NaN"}}}}}).SVG(); !strings.Contains(svg, `class="odd"`) {
		t.Errorf("a line of nothing else is not drawn: %q", svg)
	}
}

func TestAChartHasTheSizeThatIsAskedFor(t *testing.T) {
	c := Chart{Width: 480, Height: 300, Short: true, Lines: []Line{{Points: []Point{{X: 0, Y: 0}, {X: 2e6, Y: 1.5}}}}}
	svg := c.SVG()
	if !strings.Contains(svg, `viewBox="0 0 480 300"`) || !strings.Contains(svg, ">1M<") || strings.Contains(svg, "rotate(") {
		t.Error(svg)
	}
	for v, want := range map[float64]string{20000: "20k", 2.5e6: "2.5M", 9999: "9999", 0.005: "5e-3", 0.0002: "2e-4",
		0.0009000000000000001: "9e-4", -0.0015: "-1.5e-3", 0.02: "0.02", 0: "0", 0.00123456: "0.001235"} {
		if got := (axis{short: true}).label(v); got != want {
			t.Errorf("%v is written as %s, want %s", v, got, want)
		}
	}
	constant := Chart{Short: true, Lines: []Line{{Points: []Point{{X: 0, Y: 0.002}, {X: 1, Y: 0.002}}}}}
	if y := constant.Axes().Y; y.From < 0.001 || y.To > 0.003 {
		t.Errorf("the axis of a constant 0.002 is %+v", y)
	}
	if axes := c.Axes(); axes.X.End > 480 || axes.Y.Start > 300 {
		t.Errorf("the axes are %+v", axes)
	}
}
