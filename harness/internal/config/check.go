package config

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/invopop/jsonschema"

	"flowharness/harness/internal/label"
	"flowharness/harness/internal/suggest"
	"flowharness/harness/internal/yamlfile"
)

// checkBounds compares a number with the bounds of its key.
func checkBounds(s *jsonschema.Schema, value *big.Rat, text string) string {
	for _, b := range []struct {
		bound string
		ok    func(order int) bool
		words string
	}{
		{string(s.Minimum), func(order int) bool { return order >= 0 }, "at least"},
		{string(s.Maximum), func(order int) bool { return order <= 0 }, "at most"},
		{string(s.ExclusiveMinimum), func(order int) bool { return order > 0 }, "above"},
		{string(s.ExclusiveMaximum), func(order int) bool { return order < 0 }, "below"},
	} {
		if b.bound == "" {
			continue
		}
		bound, _ := new(big.Rat).SetString(b.bound)
		if !b.ok(value.Cmp(bound)) {
			return fmt.Sprintf("must be %s %s, got %s", b.words, b.bound, yamlfile.Shorten(text))
		}
	}
	return ""
}

// checkString compares a string with the choices and the pattern of its key.
func checkString(s *jsonschema.Schema, text string) string {
	if s.Enum != nil && !slices.Contains(s.Enum, any(text)) {
		var choices []string
		for _, e := range s.Enum {
			choices = append(choices, fmt.Sprint(e))
		}
		return fmt.Sprintf("must be one of %s, got %q%s", strings.Join(choices, ", "), yamlfile.Shorten(text),
			suggest.DidYouMean(suggest.One(text, choices)))
	}
	if s.MinLength != nil && uint64(utf8.RuneCountInString(text)) < *s.MinLength {
		return "must not be empty"
	}
	if s.MaxLength != nil && uint64(utf8.RuneCountInString(text)) > *s.MaxLength {
		return fmt.Sprintf("must have at most %d characters, has %d", *s.MaxLength, utf8.RuneCountInString(text))
	}
	if check, ok := labelRules[s.Pattern]; ok {
		if _, err := check(text); err != nil {
			return err.Error()
		}
		return ""
	}
	if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text) {
		return fmt.Sprintf("must not contain control characters, got %q", yamlfile.Shorten(text))
	}
	return ""
}

// labelRules are the keys, by their patterns in the schema, whose rule is not the config's alone.
var labelRules = map[string]func(text string) (string, error){label.NamePattern: label.Name, label.TagPattern: label.Tag}

// checkLength compares the length of a list with its bounds.
func checkLength(s *jsonschema.Schema, n int) string {
	switch {
	case s.MinItems != nil && s.MaxItems != nil && *s.MinItems == *s.MaxItems && uint64(n) != *s.MinItems:
		return fmt.Sprintf("must have %d entries, has %d", *s.MinItems, n)
	case n == 0 && s.MinItems != nil && *s.MinItems > 0:
		return "must not be empty"
	case s.MaxItems != nil && uint64(n) > *s.MaxItems:
		return fmt.Sprintf("must have at most %d entries, has %d", *s.MaxItems, n)
	}
	return ""
}

// labelled is a text as it is kept, which of a name and a tag is their normal form.
func labelled(s *jsonschema.Schema, text string) string {
	if check, ok := labelRules[s.Pattern]; ok {
		if normal, err := check(text); err == nil {
			return normal
		}
	}
	return text
}
