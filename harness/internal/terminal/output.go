// Package terminal lays out what commands show to people: tables, a bar of progress, and blocks of lines that are drawn
// anew in their place. It writes to the stream it is given, and knows nothing of what it shows.
package terminal

import (
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Output is a stream that people or programs read.
type Output struct {
	io.Writer
	terminal *os.File // nil where a program reads
}

// On is a file as an output, such as the standard output.
func On(file *os.File) Output {
	o := Output{Writer: file}
	if IsTerminal(file) {
		o.terminal = file
	}
	return o
}

// To is a writer as an output that is no terminal.
func To(w io.Writer) Output { return Output{Writer: w} }

// IsTerminal reports whether a person sits at a file.
func IsTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// Terminal reports whether a person reads it on a terminal.
func (o Output) Terminal() bool { return o.terminal != nil }

// Width is how many columns the terminal has; 0 where there is none, or where it does not say.
func (o Output) Width() int {
	width, _, ok := o.size()
	if !ok {
		return 0
	}
	return width
}

// area is the size of the terminal in columns and rows; 80 and 24 where it does not say.
func (o Output) area() (width, height int) {
	width, height, ok := o.size()
	if !ok || width < 1 || height < 2 {
		return 80, 24
	}
	return width, height
}

func (o Output) size() (width, height int, ok bool) {
	if o.terminal == nil {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(o.terminal.Fd()))
	return width, height, err == nil
}

// TextWidth is how many columns a text takes, whatever its script.
func TextWidth(s string) int { return text.StringWidthWithoutEscSequences(s) }

// Pad fills a text up with spaces to a number of columns.
func Pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-TextWidth(s))) }
