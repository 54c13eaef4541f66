// Package printable makes text of a config or a store safe to show.
package printable

import (
	"strings"
	"unicode"
)

// Clean puts a dot in place of every character that cannot be seen, such as
// control characters, which could rewrite a terminal.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return '·'
		}
		return r
	}, text)
}
