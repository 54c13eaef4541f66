package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// listed are the values of a parameter that is given several times, or once with
// commas.
func listed(values []string) []string {
	var list []string
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(list, part) {
				list = append(list, part)
			}
		}
	}
	return list
}

// tagList are tags as people type them, with commas between them: a tag may hold
// spaces.
func tagList(text string) []string {
	return listed(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' || r == '\t' }))
}

// field is a parameter of the address, as a hidden field of a form.
type field struct{ Name, Value string }

// without is a list that lacks a value.
func without(list []string, value string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == value })
}

// addressOf is a path with a query.
func addressOf(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// formatFloat writes all digits of a number.
func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// shellLine is a command line as a POSIX shell reads it back.
func shellLine(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = shellWord(a)
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word for a POSIX shell where it has to be.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
