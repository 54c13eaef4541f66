// Package chart draws line charts as SVG: values in, a picture out, with nothing
// to download.
package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Chart is a line chart.
type Chart struct {
	Title          string // read out to those who cannot see the picture
	XLabel, YLabel string
	LogX, LogY     bool // where all values are above 0; else the axis is linear
	Lines          []Line
	Width, Height  int  // of the view box, in pixels; 0: those of the constants
	Short          bool // ticks from 10,000 on are written as 10k, 2.5M, below 0.01 as 5e-3
}

// Line is one line of a chart.
type Line struct {
	Label  string // of the legend; lines of one label share an entry
	Color  int    // index into the palette
	Points []Point
	// Band is drawn faintly behind the line; as many as Points, or none.
	Band []Range
	// Marked draws the points, with a ring around those that are Ringed.
	Marked bool
	Thin   bool
	Dashed bool
	Faint  bool // stands behind another line
}

// Point is a point of a line. One that is not a number interrupts the line.
type Point struct {
	X, Y   float64
	Title  string // shown by the pointer
	Ringed bool
	// Odd says what of the point is not a finite number, such as "NaN". It is
	// drawn as a mark at the edge of the picture: the lower one if it begins with
	// a minus, else the upper one.
	Odd string
}

// Range is a stretch of the y axis.
type Range struct{ Low, High float64 }

// Palette is Okabe and Ito's (2008): its colours stay apart for colour-blind
// readers, and on paper.
var Palette = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#444444"}

// Color is a colour of the palette; beyond its end it starts again.
func Color(i int) string { return Palette[i%len(Palette)] }

// Size of a chart and of its margins, in pixels.
const (
	Width, Height            = 640, 360
	left, right, top, bottom = 64, 16, 12, 48
)

// SVG draws the chart; "" if there is nothing to draw.
func (c Chart) SVG() string {
	x, y, ok := c.axes()
	if !ok {
		return ""
	}
	var b strings.Builder
	width, height := c.size()
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`, width, height,
		html.EscapeString(c.Title))
	c.frame(&b, x, y)
	for _, l := range c.Lines {
		l.band(&b, x, y)
	}
	for _, l := range c.Lines {
		l.draw(&b, x, y)
	}
	b.WriteString("</svg>")
	return b.String()
}

// Empty tells whether there is nothing to draw.
func (c Chart) Empty() bool {
	_, _, ok := c.axes()
	return !ok
}

func (c Chart) size() (width, height int) {
	width, height = c.Width, c.Height
	if width == 0 {
		width = Width
	}
	if height == 0 {
		height = Height
	}
	return width, height
}

func (c Chart) axes() (x, y axis, ok bool) {
	x, y = newAxis(c.LogX), newAxis(c.LogY)
	x.short, y.short = c.Short, c.Short
	for _, l := range c.Lines {
		for i, p := range l.Points {
			if p.Odd != "" && finite(p.X) {
				x.add(p.X)
			}
			if !finite(p.X) || !finite(p.Y) {
				continue
			}
			x.add(p.X)
			y.add(p.Y)
			if i < len(l.Band) && finite(l.Band[i].Low) && finite(l.Band[i].High) {
				y.add(l.Band[i].Low)
				y.add(l.Band[i].High)
			}
		}
	}
	if x.low > x.high {
		return x, y, false
	}
	if y.low > y.high { // nothing but odd points
		y.add(0)
		y.add(1)
	}
	width, height := c.size()
	x.place(left, width-right, 0.02)
	y.place(height-bottom, top, 0.05)
	return x, y, true
}

func (c Chart) frame(b *strings.Builder, x, y axis) {
	width, height := c.size()
	for _, v := range y.ticks() {
		at := y.at(v)
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, width-right, at, at, left-8, at+4, y.label(v))
	}
	for _, v := range x.ticks() {
		at := x.at(v)
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="tick" x="%.1f" y="%d" `+
			`text-anchor="middle">%s</text>`,
			at, at, top, height-bottom, at, height-bottom+18, x.label(v))
	}
	fmt.Fprintf(b, `<text class="axis" x="%d" y="%d" text-anchor="middle">%s</text>`, (left+width-right)/2, height-8,
		html.EscapeString(c.XLabel))
	if c.YLabel == "" {
		return
	}
	fmt.Fprintf(b, `<text class="axis" transform="translate(14 %d) rotate(-90)" text-anchor="middle">%s</text>`, (top+height-bottom)/2,
		html.EscapeString(c.YLabel))
}

// band draws the range of values behind a line.
func (l Line) band(b *strings.Builder, x, y axis) {
	if len(l.Band) != len(l.Points) || len(l.Band) == 0 {
		return
	}
	var upper, lower []string
	for i, p := range l.Points {
		r := l.Band[i]
		if !finite(p.X) || !finite(r.Low) || !finite(r.High) {
			continue
		}
		upper = append(upper, fmt.Sprintf("%.1f,%.1f", x.at(p.X), y.at(r.High)))
		lower = append(lower, fmt.Sprintf("%.1f,%.1f", x.at(p.X), y.at(r.Low)))
	}
	for i, j := 0, len(lower)-1; i < j; i, j = i+1, j-1 {
		lower[i], lower[j] = lower[j], lower[i]
	}
	fmt.Fprintf(b, `<polygon class="band s%d" points="%s" fill="%s" stroke="%s"/>`, l.Color, strings.Join(append(upper, lower...), " "),
		Color(l.Color), Color(l.Color))
}

func (l Line) draw(b *strings.Builder, x, y axis) {
	class := "line"
	if l.Thin {
		class += " thin"
	}
	if l.Dashed {
		class += " dashed"
	}
	if l.Faint {
		class += " faint"
	}
	var path strings.Builder
	pen := "M"
	for _, p := range l.Points {
		if !finite(p.X) || !finite(p.Y) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x.at(p.X), y.at(p.Y))
		pen = "L"
	}
	fmt.Fprintf(b, `<g class="s%d"><path class="%s" d="%s" stroke="%s"><title>%s</title></path>`, l.Color, class, path.String(),
		Color(l.Color), html.EscapeString(l.Label))
	if l.Marked {
		for _, p := range l.Points {
			if !finite(p.X) || !finite(p.Y) {
				continue
			}
			if p.Ringed {
				fmt.Fprintf(b, `<circle class="ring" cx="%.1f" cy="%.1f" r="8" stroke="%s"/>`, x.at(p.X), y.at(p.Y), Color(l.Color))
			}
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"><title>%s</title></circle>`, x.at(p.X), y.at(p.Y), Color(l.Color),
				html.EscapeString(p.Title))
		}
	}
	l.edges(b, x, y)
	b.WriteString("</g>")
}

// edges marks the odd points.
func (l Line) edges(b *strings.Builder, x, y axis) {
	for _, p := range l.Points {
		if p.Odd == "" || !finite(p.X) {
			continue
		}
		at, edge, tip := x.at(p.X), y.start+y.pixels, 7.0
		if strings.HasPrefix(p.Odd, "-") || strings.HasPrefix(p.Odd, "−") {
			edge, tip = y.start, -7
		}
		fmt.Fprintf(b, `<path class="odd" d="M%.1f %.1fh10l-5 %.0fz"><title>%s</title></path>`, at-5, edge, tip, html.EscapeString(p.Odd))
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
