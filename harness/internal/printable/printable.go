// Package printable makes text from configs and stores safe to show.
package printable

import (
	"slices"
	"strings"
	"unicode"

	"flowharness/harness/internal/label"
)

// Clean replaces invisible characters by dots. Among them are control characters, which could
// rewrite a terminal, and characters that change the direction of writing. Characters that join
// letters are kept where a script needs them.
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
