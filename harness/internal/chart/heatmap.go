package chart

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/rivo/uniseg"
)

// HeatMap is a table of values whose cells are coloured by them.
type HeatMap struct {
	Title          string // read out to those who cannot see the picture
	XLabel, YLabel string // what columns and rows are; YLabel may be empty
	Columns, Rows  []string
	Cells          [][]HeatCell // one list a row
	// Low and High are the values at the ends of the colours, where several maps
	// share them; both 0: the cells' own.
	Low, High float64
}

// HeatCell is a cell. One whose value is not finite is not coloured.
type HeatCell struct {
	Value float64
	Text  string // printed in the cell; short
	Note  string // below it, smaller
	Title string // shown by the pointer and read out
	Href  string // where the cell leads; "": nowhere
}

// Sizes of a heat map, in pixels.
const (
	heatCellWidth, heatCellHeight = 112, 52
	heatLabel                     = 6.6 // of a character of a label
	mostLabel                     = 26  // characters of a label
)

// SVG draws the map; "" if it has no cells.
func (m HeatMap) SVG() string {
	if len(m.Columns) == 0 || len(m.Rows) == 0 {
		return ""
	}
	longest := 0
	for _, r := range m.Rows {
		longest = max(longest, min(uniseg.StringWidth(r), mostLabel))
	}
	left, top := 16+int(heatLabel*float64(longest)), 42
	if m.YLabel != "" {
		left += 22
	}
	const below, legend = 46, 34
	inner := len(m.Columns) * heatCellWidth
	width, height := max(left+inner+12, left+260), top+len(m.Rows)*heatCellHeight+below
	low, high := m.bounds()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart heat" viewBox="0 0 %d %d" width="%d" role="group" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		width, height, width, html.EscapeString(m.Title))
	fmt.Fprintf(&b, `<text class="axis" x="%d" y="14" text-anchor="middle">%s</text>`, left+inner/2, html.EscapeString(m.XLabel))
	for i, c := range m.Columns {
		text(&b, "tick", left+i*heatCellWidth+heatCellWidth/2, top-6, "middle", cut(c, 17), c)
	}
	if m.YLabel != "" {
		fmt.Fprintf(&b, `<text class="axis" transform="translate(14 %d) rotate(-90)" text-anchor="middle">%s</text>`,
			top+len(m.Rows)*heatCellHeight/2, html.EscapeString(m.YLabel))
	}
	for j, r := range m.Rows {
		text(&b, "tick", left-8, top+j*heatCellHeight+heatCellHeight/2+4, "end", cut(r, mostLabel), r)
		for i := range m.Columns {
			if j < len(m.Cells) && i < len(m.Cells[j]) {
				m.Cells[j][i].draw(&b, left+i*heatCellWidth, top+j*heatCellHeight, low, high)
			}
		}
	}
	if finite(low) {
		heatLegend(&b, left, height-legend, low, high)
	}
	b.WriteString("</svg>")
	return b.String()
}

// bounds are those of the colours; NaN if no cell has a value.
func (m HeatMap) bounds() (low, high float64) {
	if m.Low != 0 || m.High != 0 {
		return m.Low, m.High
	}
	low, high = math.NaN(), math.NaN()
	for _, row := range m.Cells {
		for _, c := range row {
			if finite(c.Value) && !(c.Value >= low) {
				low = c.Value
			}
			if finite(c.Value) && !(c.Value <= high) {
				high = c.Value
			}
		}
	}
	return low, high
}

func (c HeatCell) draw(b *strings.Builder, x, y int, low, high float64) {
	if c.Href != "" {
		fmt.Fprintf(b, `<a href="%s">`, html.EscapeString(c.Href))
	} else {
		b.WriteString("<g>")
	}
	fmt.Fprintf(b, `<title>%s</title>`, html.EscapeString(c.Title))
	box := fmt.Sprintf(`x="%d" y="%d" width="%d" height="%d"`, x+1, y+1, heatCellWidth-2, heatCellHeight-2)
	ink := ""
	if finite(c.Value) {
		part := 0.5
		if high > low {
			part = (c.Value - low) / (high - low)
		}
		fill, on := Scale(part)
		fmt.Fprintf(b, `<rect class="cell" %s fill="%s"/>`, box, fill)
		ink = fmt.Sprintf(` fill="%s"`, on)
	} else {
		fmt.Fprintf(b, `<rect class="cell empty" %s fill="none" stroke="currentColor" stroke-dasharray="4 4"/>`, box)
	}
	middle := y + heatCellHeight/2 + 5
	if c.Note != "" {
		middle -= 7
		fmt.Fprintf(b, `<text class="note" x="%d" y="%d" text-anchor="middle"%s>%s</text>`, x+heatCellWidth/2, y+heatCellHeight-11, ink,
			html.EscapeString(cut(c.Note, 18)))
	}
	fmt.Fprintf(b, `<text class="value" x="%d" y="%d" text-anchor="middle"%s>%s</text>`, x+heatCellWidth/2, middle, ink,
		html.EscapeString(cut(c.Text, 14)))
	if c.Href != "" {
		b.WriteString("</a>")
	} else {
		b.WriteString("</g>")
	}
}

// heatLegend is a bar of the colours with the values at its ends.
func heatLegend(b *strings.Builder, x, y int, low, high float64) {
	const parts, width = 32, 6
	fmt.Fprintf(b, `<text class="tick" x="%d" y="%d">%s</text>`, x, y+26, html.EscapeString(number(low)))
	for i := range parts {
		fill, _ := Scale((float64(i) + 0.5) / parts)
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="10" fill="%s"/>`, x+i*width, y, width, fill)
	}
	fmt.Fprintf(b, `<text class="tick" x="%d" y="%d" text-anchor="end">%s</text>`, x+parts*width, y+26, html.EscapeString(number(high)))
}

// text writes a label, whole for the pointer if it was cut.
func text(b *strings.Builder, class string, x, y int, anchor, short, whole string) {
	fmt.Fprintf(b, `<text class="%s" x="%d" y="%d" text-anchor="%s">%s`, class, x, y, anchor, html.EscapeString(short))
	if short != whole {
		fmt.Fprintf(b, `<title>%s</title>`, html.EscapeString(whole))
	}
	b.WriteString("</text>")
}

// cut makes a label no longer than so many Latin letters; those of Chinese count
// twice.
func cut(text string, most int) string {
	if uniseg.StringWidth(text) <= most {
		return text
	}
	end, width := 0, 0
	for graphemes := uniseg.NewGraphemes(text); graphemes.Next(); {
		if width += graphemes.Width(); width > most-1 {
			break
		}
		_, end = graphemes.Positions()
	}
	return text[:end] + "…"
}
