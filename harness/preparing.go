package main

import (
	"time"

	"flowharness/harness/internal/terminal"
)

// preparing shows how far the preparing of someone's own images is, if it takes long enough to be noticed.
type preparing struct {
	out   terminal.Output
	what  string
	began time.Time
	meter *terminal.Meter // nil while nothing is shown
}

// noticed is how long it may take before it is shown, and linesEvery is between lines where there is no terminal.
const (
	noticed    = time.Second
	linesEvery = 10 * time.Second
)

// show is called as [dataset.Preparing] says.
func (p *preparing) show(what string, done, total int) {
	if p.what != what {
		p.close()
		p.what, p.began = what, time.Now()
	}
	switch {
	case done == total:
		p.close()
	case p.meter == nil && time.Since(p.began) < noticed:
	default:
		if p.meter == nil {
			p.meter = terminal.NewMeter(p.out, terminal.Images, linesEvery)
		}
		p.meter.Set(float64(done), float64(total), what)
	}
}

func (p *preparing) close() {
	if p.meter != nil && p.out.Terminal() {
		p.meter.Erase()
	}
	p.meter = nil
}
