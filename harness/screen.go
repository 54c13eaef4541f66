package main

import (
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// screen is a block of lines at the end of a terminal that is drawn anew in its
// place.
type screen struct {
	out   io.Writer
	file  *os.File // the terminal, for its size
	lines int      // that stand there
}

// draw replaces the block. No line is wider than the terminal, and there are no
// more than it has rows, since what stands there is erased by its number of lines.
func (s *screen) draw(lines []string) {
	width, height, err := term.GetSize(int(s.file.Fd()))
	if err != nil || width < 1 || height < 2 {
		width, height = 80, 24
	}
	lines = lines[:min(len(lines), height-1)]
	var b strings.Builder
	b.WriteString(s.erasing())
	for _, line := range lines {
		b.WriteString(text.Trim(line, width-1) + "\n")
	}
	s.lines = len(lines)
	_, _ = io.WriteString(s.out, b.String())
}

// erase removes the block.
func (s *screen) erase() {
	_, _ = io.WriteString(s.out, s.erasing())
	s.lines = 0
}

func (s *screen) erasing() string {
	if s.lines == 0 {
		return ""
	}
	return text.CursorUp.Sprintn(s.lines) + "\r" + text.EraseLine.Sprint() + "\x1b[J"
}
