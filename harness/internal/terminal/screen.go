package terminal

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Screen is a block of lines at the end of a terminal that is drawn anew in its place.
type Screen struct {
	out   Output
	lines int // that stand there
}

// NewScreen is an empty block.
func NewScreen(out Output) *Screen { return &Screen{out: out} }

// Draw replaces the block. No line is wider than the terminal, and there are no more than it has rows, since what stands
// there is erased by its number of lines.
func (s *Screen) Draw(lines []string) {
	width, height := s.out.area()
	lines = lines[:min(len(lines), height-1)]
	var b strings.Builder
	b.WriteString(s.erasing())
	for _, line := range lines {
		b.WriteString(text.Trim(line, width-1) + "\n")
	}
	s.lines = len(lines)
	_, _ = io.WriteString(s.out, b.String())
}

// Erase removes the block.
func (s *Screen) Erase() {
	_, _ = io.WriteString(s.out, s.erasing())
	s.lines = 0
}

// Leave lets the block stand: what is drawn next stands below it.
func (s *Screen) Leave() { s.lines = 0 }

func (s *Screen) erasing() string {
	if s.lines == 0 {
		return ""
	}
	return text.CursorUp.Sprintn(s.lines) + "\r" + text.EraseLine.Sprint() + "\x1b[J"
}
