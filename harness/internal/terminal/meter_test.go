package terminal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/terminal/terminaltest"
)

// clock is a meter's, that goes on by so much at every look.
func clock(step time.Duration) func() time.Time {
	now := time.Unix(0, 0)
	return func() time.Time {
		now = now.Add(step)
		return now
	}
}

func TestAMeterOnATerminalIsABarBelowTheLines(t *testing.T) {
	file, written := terminaltest.Open(t, 70, 24)
	m := NewMeter(On(file), Steps, time.Hour)
	m.now = clock(time.Second)
	m.Print("begun")
	m.Set(1, 4, "loss 1")
	m.Set(2, 4, "loss 0.5")
	m.Print("a line\nand one more")
	m.now = clock(time.Second) // back, so that it is too early for another drawing
	m.Set(3, 4, "loss 0.25")
	m.Close()
	m.Close()
	want := "begun\n" +
		"██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  step 1/4, loss 1" +
		"\r\x1b[K████████████████████░░░░░░░░░░░░░░░░░░░░  step 2/4, 1.00 it/s, ETA 2s" +
		"\r\x1b[Ka line\nand one more\n████████████████████░░░░░░░░░░░░░░░░░░░░  step 2/4, 1.00 it/s, ETA 2s" +
		"\n"
	if got := written(); got != want {
		t.Errorf("drawn\n%q, want\n%q", got, want)
	}
}

func TestABarIsErasedWhenItIsOver(t *testing.T) {
	file, written := terminaltest.Open(t, 80, 24)
	m := NewMeter(On(file), Things("runs"), Never)
	m.Set(3, 3, "store.db")
	m.Erase()
	m.Erase()
	want := strings.Repeat("█", 40) + "  3 of 3 runs, store.db\r\x1b[K"
	if got := written(); got != want {
		t.Errorf("drawn\n%q, want\n%q", got, want)
	}
}

func TestAMeterElsewhereIsALineEverySoOften(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration
		want  string
	}{
		{"now and then, and at the end", 3 * time.Second,
			"step 4/6  loss 4  1.00 it/s  ETA 2s\nstep 6/6  loss 6  1.00 it/s  ETA 0s\n"},
		{"never", Never, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			m := NewMeter(To(&out), Steps, c.every)
			m.now = clock(time.Second)
			for step := 1.0; step <= 6; step++ {
				m.Set(step, 6, "loss "+string(rune('0'+int(step))))
			}
			m.Close()
			m.Erase()
			if got := out.String(); got != c.want {
				t.Errorf("printed\n%s, want\n%s", got, c.want)
			}
		})
	}
}

func TestALevelSaysWhatIsKnown(t *testing.T) {
	for _, c := range []struct {
		level Level
		want  string
	}{
		{Level{Unit: Steps}, "no step done yet"},
		{Level{Done: 1200, Total: 5000, Unit: Steps, Rate: 35.25, ETA: 107801 * time.Millisecond},
			"█████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  step 1200/5000, 35.25 it/s, ETA 1m48s"},
		{Level{Done: 3 << 19, Total: -1, Unit: Bytes, Rate: 1 << 20}, "1.5 MiB, 1.0 MiB/s"},
		{Level{Done: 1 << 20, Total: 4 << 20, Unit: Bytes}, "██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  1.0 of 4.0 MiB"},
		{Level{Done: 2.5, Total: 5, Unit: Things("tasks")}, "████████████████████░░░░░░░░░░░░░░░░░░░░  2 of 5 tasks"},
		{Level{Done: 7, Total: 5, Unit: Steps}, strings.Repeat("█", 40) + "  step 7/5"},
	} {
		if got := c.level.Line(); got != c.want {
			t.Errorf("%+v is %q, want %q", c.level.Done, got, c.want)
		}
	}
}

func TestThePaceIsThatSinceTheFirstLook(t *testing.T) {
	var p Pace
	start := time.Unix(100, 0)
	for _, c := range []struct {
		after       time.Duration
		done, total float64
		rate        float64
		eta         time.Duration
	}{
		{0, 40, 100, 0, 0},
		{10 * time.Second, 40, 100, 0, 0},
		{20 * time.Second, 60, 100, 1, 40 * time.Second},
		{30 * time.Second, 100, 100, 2, 0},
		{40 * time.Second, 110, 100, 1.75, 0},
	} {
		l := p.At(start.Add(c.after), c.done, c.total, Steps)
		if l.Rate != c.rate || l.ETA != c.eta {
			t.Errorf("after %s: %g a second and %s left, want %g and %s", c.after, l.Rate, l.ETA, c.rate, c.eta)
		}
	}
}
