package web

import (
	"encoding/json"
	"html/template"
	"math"
	"slices"

	"flowharness/harness/internal/chart"
)

// plot is a chart on a page, with its values, so that the pointer can show them
// and a stretch can be zoomed into (assets/plot.js).
type plot struct {
	ID, Title, Note string
	SVG             template.HTML // "": nothing to draw
	Legend          []legend
	Data            string // JSON for the script, see plotData
	// ZoomKey is the query parameter that a stretch of the x axis is put in, as
	// FROM-TO; "": the plot cannot be zoomed.
	ZoomKey string
	Zoomed  bool
}

// legend is an entry of a legend; Series is the palette's colour, as the class
// s0, s1, … of the style sheet.
type legend struct {
	Label  string
	Series int
}

// plotData are the values of a plot as its script reads them. Values that JSON
// cannot write are null.
type plotData struct {
	Axes   chart.Axes `json:"axes"`
	XLabel string     `json:"x"`
	Lines  []plotLine `json:"lines"`
}

type plotLine struct {
	Label  string     `json:"label"`
	Series int        `json:"series"`
	X      []*float64 `json:"x"`
	Y      []*float64 `json:"y"`
	Titles []string   `json:"titles,omitempty"`
}

func newPlot(id string, c chart.Chart) plot {
	p := plot{ID: id, Title: c.Title, SVG: template.HTML(c.SVG())} // #nosec: chart escapes its texts
	data := plotData{Axes: c.Axes(), XLabel: c.XLabel}
	for _, l := range c.Lines {
		entry := legend{l.Label, l.Color % len(chart.Palette)}
		if !slices.Contains(p.Legend, entry) {
			p.Legend = append(p.Legend, entry)
		}
		line := plotLine{Label: l.Label, Series: entry.Series}
		for _, point := range l.Points {
			line.X, line.Y = append(line.X, jsonNumber(point.X)), append(line.Y, jsonNumber(point.Y))
			if point.Title != "" || line.Titles != nil {
				line.Titles = append(line.Titles, point.Title)
			}
		}
		data.Lines = append(data.Lines, line)
	}
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // numbers and texts
	}
	p.Data = string(text)
	return p
}

// jsonNumber is a value with the digits that a reader sees, which keeps pages
// small; nil if it is not finite.
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
