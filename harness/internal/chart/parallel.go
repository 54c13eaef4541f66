package chart

import (
	"fmt"
	"html"
	"strings"
)

// Parallel draws things of many properties as lines across one axis a property.
type Parallel struct {
	Title string // read out to those who cannot see the picture
	Axes  []ParallelAxis
	Lines []ParallelLine
}

// ParallelAxis is a property: of numbers, or of words that stand at equal
// distances.
type ParallelAxis struct {
	Label      string
	Categories []string // of words; a line's value is an index into it
	Log        bool     // of numbers above 0
}

// ParallelLine is a thing. A value that is not finite interrupts its line.
type ParallelLine struct {
	Key    string // names the line to a script, as data-key
	Title  string // shown by the pointer and read out
	Href   string // where the line leads; "": nowhere
	Values []float64
	Strong bool // stands out
}

// Sizes of the picture, in pixels.
const (
	parallelInner  = 1000 // between the first and the last axis, if that leaves enough between two
	parallelHeight = 330
	parallelSide   = 90
	parallelTop    = 44
)

// SVG draws the lines; "" if there are fewer than two axes, or no lines.
func (p Parallel) SVG() string {
	if len(p.Axes) < 2 || len(p.Lines) == 0 {
		return ""
	}
	gap := p.gap()
	width := 2*parallelSide + (len(p.Axes)-1)*gap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart parallel" viewBox="0 0 %d %d" width="%d" role="group" aria-label="%s" `+
		`xmlns="http://www.w3.org/2000/svg">`, width, parallelHeight, width, html.EscapeString(p.Title))
	axes := make([]axis, len(p.Axes))
	for i := range p.Axes {
		axes[i] = p.axis(i)
		x := parallelSide + i*gap
		fmt.Fprintf(&b, `<line class="rule" x1="%d" x2="%d" y1="%d" y2="%d" stroke="currentColor"/>`, x, x, parallelTop, parallelHeight-24)
		text(&b, "axis", x, parallelTop-22, "middle", cut(p.Axes[i].Label, 24), p.Axes[i].Label)
	}
	for _, l := range p.Lines {
		l.draw(&b, axes, gap)
	}
	// The labels are above the lines, so that they can be read.
	for i := range p.Axes {
		x := parallelSide + i*gap
		for _, t := range p.Axes[i].ticks(axes[i]) {
			text(&b, "tick", x+6, t.at+4, "start", cut(t.label, 20), t.label)
		}
	}
	b.WriteString("</svg>")
	return b.String()
}

// gap is the distance between two axes.
func (p Parallel) gap() int { return min(max(parallelInner/(len(p.Axes)-1), 110), 180) }

func (p Parallel) axis(i int) axis {
	a := newAxis(p.Axes[i].Log)
	if n := len(p.Axes[i].Categories); n > 0 {
		a.add(0)
		a.add(float64(n - 1))
	}
	for _, l := range p.Lines {
		if i < len(l.Values) && finite(l.Values[i]) {
			a.add(l.Values[i])
		}
	}
	if a.low > a.high {
		a.add(0)
		a.add(1)
	}
	a.place(parallelHeight-30, parallelTop+6, 0)
	return a
}

// tick is a label at a pixel.
type tick struct {
	at    int
	label string
}

func (p ParallelAxis) ticks(a axis) []tick {
	var labels []tick
	for i, c := range p.Categories {
		labels = append(labels, tick{int(a.at(float64(i))), c})
	}
	if len(p.Categories) > 0 {
		return labels
	}
	for _, v := range a.ticks() {
		labels = append(labels, tick{int(a.at(v)), number(v)})
	}
	return labels
}

func (l ParallelLine) draw(b *strings.Builder, axes []axis, gap int) {
	var path strings.Builder
	pen := "M"
	for i, a := range axes {
		if i >= len(l.Values) || !finite(l.Values[i]) || a.log && l.Values[i] <= 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%d %.1f", pen, parallelSide+i*gap, a.at(l.Values[i]))
		pen = "L"
	}
	class := "way"
	if l.Strong {
		class += " strong"
	}
	open, end := fmt.Sprintf(`<g class="%s" data-key="%s">`, class, html.EscapeString(l.Key)), "</g>"
	if l.Href != "" {
		open, end = fmt.Sprintf(`<a class="%s" data-key="%s" href="%s">`, class, html.EscapeString(l.Key), html.EscapeString(l.Href)), "</a>"
	}
	// The broad invisible line is easier to hit.
	fmt.Fprintf(b, `%s<title>%s</title><path class="hit" d="%s" fill="none" stroke="transparent" stroke-width="12"/><path class="line" `+
		`d="%s" fill="none" stroke="currentColor"/>%s`,
		open, html.EscapeString(l.Title), path.String(), path.String(), end)
}
