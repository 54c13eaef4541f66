package terminal

import (
	"fmt"
	"strings"
	"time"
)

// Level is how far something is.
type Level struct {
	Done, Total float64 // in units; Total is 0 or less before it is known how much there is to do
	Unit        Unit
	Rate        float64       // units a second; 0 if that is not known
	ETA         time.Duration // until all is done; 0 if that is not known
}

// barWidth is how many columns a bar takes.
const barWidth = 40

// Bar is the level as a bar; empty before it is known how much there is to do.
func (l Level) Bar() string {
	if l.Total <= 0 {
		return ""
	}
	done := max(0, min(barWidth, int(l.Done*barWidth/l.Total)))
	return strings.Repeat("█", done) + strings.Repeat("░", barWidth-done)
}

// Words says how far it is, such as "step 1200/5000, 35.25 it/s, ETA 1m48s", with only what is known.
func (l Level) Words() string {
	words := l.Unit.count(l.Done, l.Total)
	if l.Rate > 0 {
		words += ", " + l.Unit.rate(l.Rate)
	}
	return words + ETA(l.ETA)
}

// Line is the bar and the words.
func (l Level) Line() string { return strings.TrimSpace(l.Bar() + "  " + l.Words()) }

// ETA follows other words; it is empty where no time is known.
func ETA(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return ", ETA " + d.Round(time.Second).String()
}

// Unit is what is counted.
type Unit struct {
	count func(done, total float64) string
	rate  func(perSecond float64) string
}

// Steps are counted as "step 3/4" and done at so many "it/s".
var Steps = Unit{
	count: func(done, total float64) string {
		if total <= 0 {
			return "no step done yet"
		}
		return fmt.Sprintf("step %.0f/%.0f", done, total)
	},
	rate: func(perSecond float64) string { return fmt.Sprintf("%.2f it/s", perSecond) },
}

// Images are pictures that are read; of how many is unknown where the total is 0 or less.
var Images = Unit{
	count: func(done, total float64) string {
		if total <= 0 {
			return fmt.Sprintf("%.0f images", done)
		}
		return fmt.Sprintf("%.0f of %.0f images", done, total)
	},
	rate: func(perSecond float64) string { return fmt.Sprintf("%.0f images/s", perSecond) },
}

// Bytes are counted in MiB.
var Bytes = Unit{
	count: func(done, total float64) string {
		if total <= 0 {
			return fmt.Sprintf("%.1f MiB", done/mib)
		}
		return fmt.Sprintf("%.1f of %.1f MiB", done/mib, total/mib)
	},
	rate: func(perSecond float64) string { return fmt.Sprintf("%.1f MiB/s", perSecond/mib) },
}

const mib = 1 << 20

// Things are counted under their name, a plural such as "runs". A part of one that is done counts for the bar alone.
func Things(plural string) Unit {
	return Unit{
		count: func(done, total float64) string { return fmt.Sprintf("%d of %.0f %s", int(done), total, plural) },
		rate:  func(perSecond float64) string { return fmt.Sprintf("%.2f %s/s", perSecond, plural) },
	}
}

// Pace tells from what has been done since the first look how long the rest will take. What was there at the first look
// does not count: it was done before, or, as the first step of a run, includes compiling.
type Pace struct {
	began time.Time
	first float64
}

// At is the level at a moment.
func (p *Pace) At(now time.Time, done, total float64, unit Unit) Level {
	if p.began.IsZero() {
		p.began, p.first = now, done
	}
	l := Level{Done: done, Total: total, Unit: unit}
	if elapsed := now.Sub(p.began).Seconds(); elapsed > 0 && done > p.first {
		l.Rate = (done - p.first) / elapsed
		l.ETA = max(0, time.Duration((total-done)/l.Rate*float64(time.Second)))
	}
	return l
}
