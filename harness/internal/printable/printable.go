// Package printable makes text of a config or a store safe to show.
package printable

import (
	"slices"
	"strings"
	"unicode"

	"flowharness/harness/internal/label"
)

// Clean puts a dot in place of every character that cannot be seen, such as
// control characters, which could rewrite a terminal, and those that change the
// direction of writing. What joins letters is left where a script needs it.
func Clean(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	runes := []rune(text)
	clean := slices.Clone(runes)
	for i, r := range runes {
		if hidden(r) && !label.Joins(runes, i) {
			clean[i] = '·'
		}
	}
	return string(clean)
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r)
}
