package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Forest is a forest plot: a row a metric, and in it a dot and an interval for each group. Each row has a scale of its own, from
// its smallest value to its largest. A tick so far away that the dots would fall together is named at that end instead.
type Forest struct {
	Title string // read out to those who cannot see the picture
	Rows  []ForestRow
}

// ForestRow is a metric.
type ForestRow struct {
	Label   string
	Dots    []ForestDot
	Ticks   []ForestTick // values to hold the dots against
	Verdict string       // at the end of the row; short
}

// ForestDot is the value of a group, with its interval; NaN where there is none.
type ForestDot struct {
	Value, Low, High float64
	Color            int    // of the palette
	Title            string // shown by the pointer and read out
}

// ForestTick is a value that no group has, such as that of real images.
type ForestTick struct {
	Value float64
	Label string // short
}

// Sizes of a forest plot, in pixels.
const (
	forestWidth                = 900
	forestLeft, forestRight    = 190, 250 // of the scale: labels, verdicts
	forestDotStep, forestSpace = 15, 30   // of a group; of a row besides
)

// SVG draws the plot; "" if it has no rows.
func (f Forest) SVG() string {
	if len(f.Rows) == 0 {
		return ""
	}
	height := 6
	for _, r := range f.Rows {
		height += r.height()
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart forest" viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		forestWidth, height, html.EscapeString(f.Title))
	y := 3
	for i, r := range f.Rows {
		if i > 0 {
			fmt.Fprintf(&b, `<line class="grid" x1="0" x2="%d" y1="%d" y2="%d"/>`, forestWidth, y, y)
		}
		r.draw(&b, y)
		y += r.height()
	}
	b.WriteString("</svg>")
	return b.String()
}

func (r ForestRow) height() int { return len(r.Dots)*forestDotStep + forestSpace }

// mostStretch is how many times wider than the dots and intervals a scale may be for the sake of a tick.
const mostStretch = 8

// bounds are the ends of the scale; NaN if no value is finite.
func (r ForestRow) bounds() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	add := func(v float64) {
		if finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, d := range r.Dots {
		add(d.Value)
		add(d.Low)
		add(d.High)
	}
	dotsLow, dotsHigh := low, high
	for _, t := range r.Ticks {
		if away := max(dotsLow-t.Value, t.Value-dotsHigh); dotsHigh <= dotsLow || away <= mostStretch*(dotsHigh-dotsLow) {
			add(t.Value)
		}
	}
	switch {
	case low > high:
		return math.NaN(), math.NaN()
	case low == high: // one value: in the middle
		margin := max(math.Abs(low)/10, 1e-9)
		return low - margin, high + margin
	}
	return low, high
}

func (r ForestRow) draw(b *strings.Builder, top int) {
	bottom := top + r.height() - 16
	middle := (top+bottom)/2 + 4
	text(b, "label", forestLeft-14, middle, "end", cut(r.Label, mostLabel), r.Label)
	text(b, "verdict", forestWidth-forestRight+16, middle, "start", cut(r.Verdict, 36), r.Verdict)
	low, high := r.bounds()
	if !finite(low) {
		return
	}
	at := func(v float64) float64 {
		return forestLeft + (v-low)/(high-low)*(forestWidth-forestLeft-forestRight)
	}
	atLow := r.endText(low, func(v float64) bool { return v < low }, "← ")
	atHigh := r.endText(high, func(v float64) bool { return v > high }, "→ ")
	fmt.Fprintf(b, `<text class="tick" x="%d" y="%d">%s</text>`, forestLeft, bottom+10, atLow)
	fmt.Fprintf(b, `<text class="tick" x="%d" y="%d" text-anchor="end">%s</text>`, forestWidth-forestRight, bottom+10, atHigh)
	for _, t := range r.Ticks {
		if t.Value >= low && t.Value <= high {
			fmt.Fprintf(b, `<g class="reference"><line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="currentColor" stroke-dasharray="3 3"/>`+
				`<title>%s: %s</title></g>`, at(t.Value), at(t.Value), top+6, bottom-2, html.EscapeString(t.Label), tickText(t.Value))
			// A word would lie over one of the ends.
			if x := at(t.Value); x > forestLeft+50 && x < forestWidth-forestRight-50 {
				fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x, bottom+10, html.EscapeString(t.Label))
			}
		}
	}
	for i, d := range r.Dots {
		y := float64(top+i*forestDotStep) + 14.5
		fmt.Fprintf(b, `<g class="s%d"><title>%s</title>`, d.Color%len(Palette), html.EscapeString(d.Title))
		if finite(d.Low) && finite(d.High) {
			fmt.Fprintf(b, `<path class="line" d="M%.1f %.1fH%.1f" stroke="%s"/>`, at(d.Low), y, at(d.High), Color(d.Color))
		}
		if finite(d.Value) {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4.5" fill="%s"/>`, at(d.Value), y, Color(d.Color))
		}
		b.WriteString("</g>")
	}
}

// endText is a value at an end of the scale, with what has it if that is a tick, and the ticks that lie beyond it.
func (r ForestRow) endText(end float64, beyond func(float64) bool, arrow string) string {
	text := tickText(end)
	for _, t := range r.Ticks {
		switch named := tickText(t.Value) + " " + html.EscapeString(t.Label); {
		case t.Value == end:
			text = named
		case finite(t.Value) && beyond(t.Value):
			text += " · " + arrow + named
		}
	}
	return text
}

func tickText(v float64) string { return fmt.Sprintf("%.4g", v) }
