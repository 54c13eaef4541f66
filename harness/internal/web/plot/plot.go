// Package plot draws the charts of pages with their values, so that the pointer can show them and a stretch can be zoomed into.
package plot

import (
	"encoding/json"
	"html/template"
	"math"
	"slices"

	"flowharness/harness/internal/chart"
)

// Plot is a chart on a page, with its values, so that the pointer can show them
// and a stretch can be zoomed into (assets/plot.js).
type Plot struct {
	ID, Title, Note string
	SVG             template.HTML // "": nothing to draw
	Legend          []Legend
	data            plotData
	// ZoomKey is the query parameter that a stretch of the x axis is put in, as
	// FROM-TO; "": the plot cannot be zoomed.
	ZoomKey string
	Zoomed  bool
	// Whole is the address of the page with the plot's whole range; "": that is
	// what it shows.
	Whole string
	Links []Link // below the plot, such as to its values
}

type Link struct{ Text, Href string }

// Legend is an entry of a legend; Series is the palette's colour, as the class
// s0, s1, … of the style sheet.
type Legend struct {
	Label  string
	Series int
}

// plotData are the values of a plot as its script reads them. Values that JSON
// cannot write are null.
type plotData struct {
	Axes   chart.Axes `json:"axes"`
	XLabel string     `json:"x"`
	Lines  []plotLine `json:"lines"`
	// Steps are those of the points of the line Of, where the x axis is not of
	// steps; a zoom is from step to step.
	Steps []int `json:"steps,omitempty"`
	Of    int   `json:"of,omitempty"`
}

type plotLine struct {
	Label  string     `json:"label"`
	Series int        `json:"series"`
	X      []*float64 `json:"x,omitempty"` // missing: those of the line before
	Y      []*float64 `json:"y"`
	Low    []*float64 `json:"low,omitempty"` // of the band
	High   []*float64 `json:"high,omitempty"`
	Titles []string   `json:"titles,omitempty"`
	// Odd says of points by their index what is not a finite number.
	Odd map[int]string `json:"odd,omitempty"`
}

// New returns a chart as a plot of a page.
func New(id string, c chart.Chart) Plot {
	p := Plot{ID: id, Title: c.Title, SVG: template.HTML(c.SVG())} // #nosec: chart escapes its texts
	data := plotData{Axes: c.Axes(), XLabel: c.XLabel}
	for i, l := range c.Lines {
		entry := Legend{l.Label, l.Color % len(chart.Palette)}
		if !slices.Contains(p.Legend, entry) {
			p.Legend = append(p.Legend, entry)
		}
		line := newPlotLine(l)
		if i > 0 && sameX(c.Lines[i-1].Points, l.Points) {
			line.X = nil
		}
		data.Lines = append(data.Lines, line)
	}
	p.data = data
	return p
}

// AtSteps says which steps the points of a line are at, where the x axis is not of steps.
func (p *Plot) AtSteps(steps []int, line int) { p.data.Steps, p.data.Of = steps, line }

// Data are the values as JSON, for the script.
func (p Plot) Data() string {
	text, err := json.Marshal(p.data)
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(text)
}

func newPlotLine(l chart.Line) plotLine {
	line := plotLine{Label: l.Label, Series: l.Color % len(chart.Palette)}
	for i, point := range l.Points {
		line.X, line.Y = append(line.X, jsonNumber(point.X)), append(line.Y, jsonNumber(point.Y))
		if point.Title != "" || line.Titles != nil {
			line.Titles = append(line.Titles, point.Title)
		}
		if point.Odd != "" {
			if line.Odd == nil {
				line.Odd = map[int]string{}
			}
			line.Odd[i] = point.Odd
		}
		if len(l.Band) == len(l.Points) {
			line.Low, line.High = append(line.Low, jsonNumber(l.Band[i].Low)), append(line.High, jsonNumber(l.Band[i].High))
		}
	}
	if n := len(l.Points); len(line.Titles) < n && line.Titles != nil {
		line.Titles = append(make([]string, n-len(line.Titles)), line.Titles...)
	}
	return line
}

func sameX(a, b []chart.Point) bool {
	return slices.EqualFunc(a, b, func(p, q chart.Point) bool { return p.X == q.X })
}

// jsonNumber is a value with the digits that a reader sees, which keeps pages
// small; nil if it is not finite. Whole numbers, such as steps, keep all theirs.
func jsonNumber(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	if v != 0 && v != math.Trunc(v) {
		scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
		if rounded := math.Round(v*scale) / scale; !math.IsNaN(rounded) && !math.IsInf(rounded, 0) {
			v = rounded
		}
	}
	return &v
}
