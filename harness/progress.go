package main

import (
	"fmt"
	"time"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/terminal"
	"flowharness/harness/internal/train"
)

// runProgress tells a person how far a run is: a bar on a terminal, plain lines
// every so often elsewhere.
type runProgress struct {
	meter   *terminal.Meter
	person  bool // who watches a bar
	every   time.Duration
	passing time.Time // when a message was shown of which there are many
}

func newRunProgress(out terminal.Output, everySeconds float64) *runProgress {
	every := time.Duration(everySeconds * float64(time.Second))
	return &runProgress{meter: terminal.NewMeter(out, terminal.Steps, every), person: out.Terminal(), every: every}
}

// event is called from the training loop.
func (p *runProgress) event(e train.Event) {
	switch {
	case e.Sampled != nil:
		s := e.Sampled
		p.meter.Print(fmt.Sprintf("sampled %s, %s, guidance %g: %s in %.2f s (NFE %d)", s.Sampler, printable.Count(s.Steps, "step"), s.Guidance,
			printable.Count(s.Images, "image"), s.Seconds, s.NFE))
	case e.Passing && time.Since(p.passing) < p.every:
	case e.Message != "":
		p.passing = time.Now()
		p.meter.Print(e.Message)
	case e.EpochEnd:
		p.step(e)
		p.meter.Print(fmt.Sprintf("epoch %d/%d: mean of the last 100 losses %.6f", e.Epoch, e.Epochs, e.Last100))
	default:
		p.step(e)
	}
}

func (p *runProgress) step(e train.Event) {
	notes := []string{fmt.Sprintf("loss %.4f", e.Loss)}
	if p.person { // others are told at its end
		notes = append([]string{fmt.Sprintf("epoch %d/%d", e.Epoch, e.Epochs)}, notes...)
	}
	p.meter.Set(float64(e.Step), float64(e.Steps), notes...)
	if e.Step == e.Steps {
		p.close()
	}
}

// warn prints a warning above the bar.
func (p *runProgress) warn(message string) { p.meter.Print("warning: " + message) }

// close leaves the terminal on a fresh line.
func (p *runProgress) close() { p.meter.Close() }

// counting shows how much of something is done, on a terminal only and until it is over.
func counting(out terminal.Output, things, what string) (observe func(done, total int), over func()) {
	meter := terminal.NewMeter(out, terminal.Things(things), terminal.Never)
	return func(done, total int) { meter.Set(float64(done), float64(total), what) }, meter.Erase
}
