package search

import (
	"fmt"
	"strings"
	"unicode"
)

// Errors holds every problem that was found in a section "search".
type Errors struct {
	// Problems are ordered by the place they stand at.
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

// Problem is one thing wrong with a section "search".
type Problem struct {
	// Line and Column count from 1; 0 for a config that was not read from text.
	Line, Column int
	// Key is the dotted path of the key it is about, such as "search.budget".
	Key string
	// Message says what is wrong and what would be right.
	Message string
}

// String is "line 3, column 5: key: message" or "key: message".
func (p Problem) String() string {
	text := printable(p.Key) + ": " + p.Message
	if p.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, text)
	}
	return text
}

// printable quotes text that would not stay on its line.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}
