package terminal

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Meter shows how far something is while it goes on: on a terminal a bar at the end of it, elsewhere a line every so often.
type Meter struct {
	out   Output
	unit  Unit
	every time.Duration // between lines where there is no terminal
	now   func() time.Time
	pace  Pace
	shown time.Time // when the bar was drawn or a line printed
	bar   string    // that stands on the terminal
}

// Never is the time between lines that are not printed at all.
const Never = time.Duration(math.MaxInt64)

// barEvery is the time between drawings of a bar.
const barEvery = 100 * time.Millisecond

// NewMeter is a meter for things of a unit. Where there is no terminal it prints a line that often, and one at the end.
func NewMeter(out Output, unit Unit, every time.Duration) *Meter {
	return &Meter{out: out, unit: unit, every: every, now: time.Now}
}

// Set says how far it is; the notes, such as "loss 0.25", are shown with it.
func (m *Meter) Set(done, total float64, notes ...string) {
	now := m.now()
	first := m.shown.IsZero()
	ended := total > 0 && done >= total
	level := m.pace.At(now, done, total, m.unit)
	if m.out.Terminal() {
		if first || ended || now.Sub(m.shown) >= barEvery {
			m.shown = now
			m.draw(strings.Join(append([]string{level.Line()}, notes...), ", "))
		}
		return
	}
	if first {
		m.shown = now
	}
	if m.every == Never || now.Sub(m.shown) < m.every && !ended {
		return
	}
	m.shown = now
	parts := append([]string{m.unit.count(done, total)}, notes...)
	fmt.Fprintln(m.out, strings.Join(append(parts, m.unit.rate(level.Rate), "ETA "+level.ETA.Round(time.Second).String()), "  "))
}

// Print prints a line above the bar.
func (m *Meter) Print(line string) {
	_, _ = io.WriteString(m.out, m.erasing()+line+"\n"+m.bar)
}

// Close lets the bar stand, and leaves the terminal on a fresh line.
func (m *Meter) Close() {
	if m.bar != "" {
		fmt.Fprintln(m.out)
		m.bar = ""
	}
}

// Erase removes the bar.
func (m *Meter) Erase() {
	_, _ = io.WriteString(m.out, m.erasing())
	m.bar = ""
}

func (m *Meter) draw(line string) {
	width, _ := m.out.area()
	erasing := m.erasing()
	m.bar = text.Trim(line, width-1)
	_, _ = io.WriteString(m.out, erasing+m.bar)
}

func (m *Meter) erasing() string {
	if m.bar == "" {
		return ""
	}
	return "\r\x1b[K"
}
