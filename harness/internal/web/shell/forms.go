package shell

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/printable"
)

// Listed are the values of a parameter that is given several times, or once with
// commas.
func Listed(values []string) []string {
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

// Tags are tags as people type them, with commas between them: a tag may hold
// spaces.
func Tags(text string) []string {
	return Listed(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' || r == '\t' }))
}

// Field is a parameter of the address, as a hidden field of a form.
type Field struct{ Name, Value string }

// Without is a list that lacks a value.
func Without(list []string, value string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == value })
}

// AddressOf is a path with a query.
func AddressOf(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// Digits writes all digits of a number.
func Digits(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// ShellLine is a command line as a POSIX shell reads it back.
func ShellLine(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = printable.ShellWord(a)
	}
	return strings.Join(words, " ")
}
