package config

import (
	"fmt"
	"strings"
	"unicode"
)

// Errors holds every problem that was found in a config.
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

// Problem is one thing wrong with a config.
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
		parts = append(parts, printable(shorten(p.Key)))
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

	// layer orders the places: a later one wins over an earlier one.
	layer int
}

// String is "file:line:column" or "--set key=value".
func (p Place) String() string {
	switch {
	case p.Override != "":
		return "--set " + printable(p.Override)
	case p.Line > 0:
		return fmt.Sprintf("%s:%d:%d", printable(p.File), p.Line, p.Column)
	default:
		return printable(p.File)
	}
}

func (p Place) setsExactly(key string) bool {
	path, _, _ := strings.Cut(p.Override, "=")
	return path == key
}

func (p Place) before(q Place) bool {
	if p.layer != q.layer {
		return p.layer < q.layer
	}
	if p.Line != q.Line {
		return p.Line < q.Line
	}
	return p.Column < q.Column
}

// printable quotes text that would not stay on its line.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
