package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"flowharness/harness/internal/train"
)

// runProgress tells a person how far a run is: a bar on a terminal, plain lines
// every so often elsewhere.
type runProgress struct {
	out      io.Writer
	terminal bool
	every    time.Duration
	bar      *progressbar.ProgressBar
	started  time.Time // of the first finished step
	lastLine time.Time
	first    int // step after which the clock runs
}

func newRunProgress(out io.Writer, terminal bool, everySeconds float64) *runProgress {
	return &runProgress{out: out, terminal: terminal, every: time.Duration(everySeconds * float64(time.Second))}
}

// event is called from the training loop.
func (p *runProgress) event(e train.Event) {
	switch {
	case e.Sampled != nil:
		s := e.Sampled
		p.line("sampled %s, %d steps, guidance %g: %d images in %.2f s (NFE %d)", s.Sampler, s.Steps, s.Guidance, s.Images, s.Seconds, s.NFE)
	case e.Passing && time.Since(p.lastLine) < p.every:
	case e.Message != "":
		p.lastLine = time.Now()
		p.line("%s", e.Message)
	case e.EpochEnd:
		p.step(e)
		p.line("epoch %d/%d: mean of the last 100 losses %.6f", e.Epoch, e.Epochs, e.Last100)
	default:
		p.step(e)
	}
}

// close leaves the terminal on a fresh line.
func (p *runProgress) close() {
	if p.bar != nil {
		_ = p.bar.Exit()
		fmt.Fprintln(p.out)
		p.bar = nil
	}
}

func (p *runProgress) step(e train.Event) {
	now := time.Now()
	if p.started.IsZero() {
		// The first step includes compilation: it says nothing about the speed.
		p.started, p.lastLine, p.first = now, now, e.Step
	}
	if p.terminal {
		p.drawBar(e)
		return
	}
	if now.Sub(p.lastLine) < p.every && e.Step != e.Steps {
		return
	}
	p.lastLine = now
	rate, eta := p.speed(e, now)
	p.line("step %d/%d  loss %.4f  %.2f it/s  ETA %s", e.Step, e.Steps, e.Loss, rate, eta)
}

func (p *runProgress) speed(e train.Event, now time.Time) (rate float64, eta time.Duration) {
	if elapsed := now.Sub(p.started).Seconds(); elapsed > 0 {
		rate = float64(e.Step-p.first) / elapsed
	}
	if rate > 0 {
		eta = time.Duration(float64(e.Steps-e.Step) / rate * float64(time.Second)).Round(time.Second)
	}
	return rate, eta
}

func (p *runProgress) drawBar(e train.Event) {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(e.Steps,
			progressbar.OptionSetWriter(p.out), progressbar.OptionShowIts(), progressbar.OptionSetItsString("it"),
			progressbar.OptionShowCount(), progressbar.OptionFullWidth(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetRenderBlankState(true))
		_ = p.bar.Set(e.Step - 1)
	}
	p.bar.Describe(fmt.Sprintf("epoch %d/%d  loss %.4f", e.Epoch, e.Epochs, e.Loss))
	_ = p.bar.Set(e.Step)
	if e.Step == e.Steps {
		p.close()
	}
}

// line prints above the bar.
func (p *runProgress) line(format string, args ...any) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.out, format+"\n", args...)
	if p.bar != nil {
		_ = p.bar.RenderBlank()
	}
}
