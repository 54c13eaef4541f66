package yamlfile

import (
	"fmt"
	"strings"
	"unicode"
)

// Errors holds every problem that was found in a file, and in what it inherits and
// what overrides it.
type Errors struct {
	// Problems are ordered by the place they stand at: base files first, then
	// the file itself, then the overrides.
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Problem is one thing wrong with a file.
type Problem struct {
	Place
	// Key is the dotted path of the key it is about, such as
	// "sampling.steps[1]"; empty when it is about the whole file.
	Key string
	// Message says what is wrong and what would be right.
	Message string
}

// String is "file:line:column: key: message", or "--set key=value: message" for
// an override, or "key: message" for a config that was not read from text.
func (p Problem) String() string {
	var parts []string
	if place := p.Place.String(); place != "" {
		parts = append(parts, place)
	}
	if p.Key != "" && !p.setsExactly(p.Key) {
		parts = append(parts, Printable(Shorten(p.Key)))
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// Place is where a value was given. The zero Place is nowhere in particular.
type Place struct {
	File string
	// Line and Column count from 1; 0 when the problem is about the file itself.
	Line, Column int
	// Override is the KEY=VALUE of a --set; File is empty then.
	Override string

	// Layer orders the places where a value can be given in several: a later one
	// wins over an earlier one.
	Layer int
}

// String is "file:line:column" or "--set key=value".
func (p Place) String() string {
	switch {
	case p.Override != "":
		return "--set " + Printable(p.Override)
	case p.Line > 0 && p.File == "":
		return fmt.Sprintf("line %d, column %d", p.Line, p.Column)
	case p.Line > 0:
		return fmt.Sprintf("%s:%d:%d", Printable(p.File), p.Line, p.Column)
	default:
		return Printable(p.File)
	}
}

func (p Place) setsExactly(key string) bool {
	path, _, _ := strings.Cut(p.Override, "=")
	return path == key
}

// Before tells whether a place comes before another one.
func (p Place) Before(q Place) bool {
	if p.Layer != q.Layer {
		return p.Layer < q.Layer
	}
	if p.Line != q.Line {
		return p.Line < q.Line
	}
	return p.Column < q.Column
}

// Printable quotes text that would not stay on its line.
func Printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
