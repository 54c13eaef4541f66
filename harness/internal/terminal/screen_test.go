package terminal

import (
	"strings"
	"testing"

	"flowharness/harness/internal/terminal/terminaltest"
)

func TestAScreenIsDrawnAnewInItsPlace(t *testing.T) {
	file, written := terminaltest.Open(t, 30, 24)
	out := On(file)
	if !out.Terminal() || out.Width() != 30 {
		t.Errorf("a terminal of 30 columns: %v, %d wide", out.Terminal(), out.Width())
	}
	s := NewScreen(out)
	s.Draw([]string{"one", strings.Repeat("x", 100)})
	s.Draw(make([]string, 50))
	s.Erase()
	s.Erase()
	s.Draw([]string{"two"})
	s.Leave()
	s.Draw([]string{"three"})
	want := "one\n" + strings.Repeat("x", 29) + "\n" +
		"\x1b[2A\r\x1b[K\x1b[J" + strings.Repeat("\n", 23) +
		"\x1b[23A\r\x1b[K\x1b[J" + "two\n" + "three\n"
	if got := written(); got != want {
		t.Errorf("drawn\n%q, want\n%q", got, want)
	}
}
