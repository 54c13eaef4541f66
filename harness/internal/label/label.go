// Package label defines which names and tags people may give to runs and sweeps, in any script.
package label

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Longest is how many characters a name may have, and longestBytes how many bytes. The name of a
// sweep is also the name of a folder, and file systems allow 255 bytes.
const (
	Longest      = 64
	longestBytes = 200
)

// Patterns for a JSON schema. [Name] and [Tag] are stricter about invisible characters.
const (
	NamePattern = `^[\p{L}\p{N}][\p{L}\p{M}\p{N}\p{Cf}._+-]*$`
	TagPattern  = `^[^,\p{Cc}]+$`
)

// Normal returns the form in which texts are kept and compared. Where a letter with accents can be
// written as one character or several, it is one (Unicode's NFC).
func Normal(text string) string { return norm.NFC.String(text) }

// Name returns a name in its normal form. A name consists of letters and digits of any language and
// the characters . _ + -, and begins with a letter or a digit.
func Name(text string) (string, error) {
	name := Normal(text)
	foreign := func(r rune) bool { return !inName(r) && !joiner(r) }
	if name == "" || !begins(name) || strings.ContainsFunc(name, foreign) || hidden(name) >= 0 {
		return "", fmt.Errorf("must be letters, digits and . _ + - only, beginning with a letter or digit, got %s", quote(text))
	}
	if n := utf8.RuneCountInString(name); n > Longest {
		return "", fmt.Errorf("must have at most %d characters, has %d", Longest, n)
	}
	if len(name) > longestBytes {
		return "", fmt.Errorf("must have at most %d bytes, as the name of a folder, has %d", longestBytes, len(name))
	}
	return name, nil
}

// Tag returns a tag in its normal form, without spaces around it. A tag contains only visible
// characters and spaces, and no comma, since commas separate tags.
func Tag(text string) (string, error) {
	tag := Normal(strings.TrimSpace(text))
	switch {
	case tag == "":
		return "", errors.New("a tag is empty")
	case strings.ContainsRune(tag, ','):
		return "", fmt.Errorf("tag %s has a comma in it", quote(text))
	case hidden(tag) >= 0:
		return "", fmt.Errorf("tag %s has a control character in it, or another that cannot be seen", quote(text))
	}
	return tag, nil
}

// Fit turns any text into a name: characters that are not allowed become hyphens, one for each
// stretch of them. The result is empty if nothing is left.
func Fit(text string) string { return Cut(Replace(text), Longest) }

// Replace is [Fit] without a limit on the length.
func Replace(text string) string {
	var b strings.Builder
	runes := []rune(Normal(text))
	replaced := false
	for i, r := range runes {
		switch {
		case inName(r) || Joins(runes, i) && inName(runes[i-1]) && inName(runes[i+1]):
			b.WriteRune(r)
			replaced = false
		case !replaced:
			b.WriteByte('-')
			replaced = true
		}
	}
	return trim(b.String())
}

// Cut shortens a name to at most n characters, and makes sure that it still ends as a name may.
func Cut(name string, most int) string {
	runes := []rune(name)
	runes = runes[:min(len(runes), most)]
	for len(string(runes)) > longestBytes-(Longest-most) {
		runes = runes[:len(runes)-1]
	}
	return trim(string(runes))
}

// trim removes characters with which a name may not begin or end.
func trim(name string) string {
	name = strings.TrimLeftFunc(name, func(r rune) bool { return !begins(string(r)) })
	return strings.TrimRightFunc(name, func(r rune) bool { return strings.ContainsRune("._+-", r) || joiner(r) })
}

func begins(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

func inName(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) || strings.ContainsRune("._+-", r)
}

// hidden returns the position of the first invisible character of a text, or -1. Invisible are
// control characters, characters that change the direction of writing and other formatting, line
// separators, unassigned characters, and bytes that are not UTF-8.
func hidden(text string) int {
	if !utf8.ValidString(text) {
		return 0
	}
	runes := []rune(text)
	for i, r := range runes {
		if (!unicode.IsGraphic(r) || r == unicode.ReplacementChar) && !Joins(runes, i) {
			return i
		}
	}
	return -1
}

// joiner tells whether a character is one of the two that join or separate letters in scripts such
// as Persian and Hindi.
func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// Joins tells whether the character at i is a joiner in its place: between two visible characters
// that are not ASCII. Beside ASCII it would only hide.
func Joins(runes []rune, i int) bool {
	if !joiner(runes[i]) || i == 0 || i+1 == len(runes) {
		return false
	}
	for _, r := range []rune{runes[i-1], runes[i+1]} {
		if r <= unicode.MaxASCII || r == unicode.ReplacementChar || !unicode.In(r, unicode.L, unicode.M, unicode.So) {
			return false
		}
	}
	return true
}

// quote quotes a text, with invisible characters as escapes.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", text)
}
