package config

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"
)

// scalar decodes a single value. YAML's own rules for what is a number or a
// boolean are not enough: a fraction is no integer, a quoted number no number,
// and 010 is not 8.
func (d *decoder) scalar(path string, key, n *yaml.Node, s *jsonschema.Schema, out reflect.Value) {
	wrong := func(hint string) {
		d.fail(path, key, "must be %s, got %s%s", expected(s), describe(n), hint)
	}
	if n.Kind != yaml.ScalarNode {
		wrong("")
		return
	}
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	switch s.Type {
	case "string":
		if n.Tag != "!!str" {
			wrong("; put it in quotes")
			return
		}
		if problem := checkString(s, n.Value); problem != "" {
			d.fail(path, key, "%s", problem)
			return
		}
		if out.Kind() == reflect.Struct {
			out = out.FieldByName("Name") // a sampler without options
		}
		out.SetString(n.Value)
	case "boolean":
		switch {
		case n.Tag == "!!bool":
			value := reflect.ValueOf(strings.EqualFold(n.Value, "true"))
			if out.Kind() == reflect.Pointer {
				out.Set(reflect.New(out.Type().Elem()))
				out = out.Elem()
			}
			out.Set(value)
		case quoted:
			wrong("; remove the quotes")
		default:
			wrong("")
		}
	case "integer", "number":
		value, problem := parseNumber(n, s.Type == "integer")
		switch {
		case problem == notANumber && quoted && numeric.MatchString(n.Value):
			wrong("; remove the quotes")
		case problem == notANumber:
			wrong("")
		case problem != "":
			d.fail(path, key, "%s", problem)
		default:
			if problem := checkBounds(s, value, n.Value); problem != "" {
				d.fail(path, key, "%s", problem)
				return
			}
			setNumber(out, value, n.Value)
		}
	}
}

var (
	integer = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	numeric = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// notANumber is the problem of a node that is something else.
const notANumber = "not a number"

// parseNumber reads a plain decimal number.
func parseNumber(n *yaml.Node, whole bool) (value *big.Rat, problem string) {
	text := n.Value
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	isNumber := n.Tag == "!!int" || n.Tag == "!!float"
	switch {
	case !plain || !isNumber && !numeric.MatchString(text):
		return nil, notANumber
	case strings.Contains(strings.ToLower(text), "nan"), strings.Contains(strings.ToLower(text), "inf"):
		return nil, fmt.Sprintf("must be a finite number, got %s", text)
	case !numeric.MatchString(text) || integerWithZero.MatchString(text):
		return nil, fmt.Sprintf("must be a plain decimal number, got %s", shorten(text))
	case whole && integer.MatchString(text) && len(text) > 20:
		return nil, fmt.Sprintf("is out of range: %s", shorten(text))
	case whole && !integer.MatchString(text):
		return nil, fmt.Sprintf("must be a whole number, written in digits alone, got %s", shorten(text))
	case whole:
		value, _ = new(big.Rat).SetString(text)
		return value, ""
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Sprintf("is out of range: %s", shorten(text))
	}
	return new(big.Rat).SetFloat64(f), ""
}

// integerWithZero is an octal number to YAML 1.1 and a decimal one to YAML 1.2.
var integerWithZero = regexp.MustCompile(`^[-+]?0[0-9]+$`)

func setNumber(out reflect.Value, value *big.Rat, text string) {
	switch out.Kind() {
	case reflect.Int:
		out.SetInt(value.Num().Int64())
	case reflect.Uint64:
		out.SetUint(value.Num().Uint64())
	default:
		f, _ := strconv.ParseFloat(text, 64) // parseNumber has read it before
		out.SetFloat(f)
	}
}

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
			return fmt.Sprintf("must be %s %s, got %s", b.words, b.bound, shorten(text))
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
		return fmt.Sprintf("must be one of %s, got %q%s", strings.Join(choices, ", "), shorten(text), didYouMean(suggest(text, choices)))
	}
	if s.MinLength != nil && uint64(utf8.RuneCountInString(text)) < *s.MinLength {
		return "must not be empty"
	}
	if s.MaxLength != nil && uint64(utf8.RuneCountInString(text)) > *s.MaxLength {
		return fmt.Sprintf("must have at most %d characters, has %d", *s.MaxLength, utf8.RuneCountInString(text))
	}
	if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text) {
		if s.Pattern == wordPattern {
			return fmt.Sprintf("must be letters, digits and . _ + - only, beginning with a letter or digit, got %q", shorten(text))
		}
		return fmt.Sprintf("must not contain control characters, got %q", shorten(text))
	}
	return ""
}

// wordPattern is that of names and tags.
const wordPattern = `^[A-Za-z0-9][A-Za-z0-9._+-]*$`

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

// expected names what a key holds.
func expected(s *jsonschema.Schema) string {
	switch s.Type {
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	default:
		return "a string"
	}
}

// describe names what a node holds.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!str":
		return fmt.Sprintf("the string %q", shorten(n.Value))
	case n.Tag == "!!timestamp":
		return "the date " + shorten(n.Value)
	case n.Tag == "!!int", n.Tag == "!!float":
		return "the number " + shorten(n.Value)
	default:
		return shorten(n.Value)
	}
}

// example shows how a value would be written as an entry of a list.
func example(items *jsonschema.Schema, n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return shorten(n.Value)
	}
	if items.Type == "string" {
		return "one, two"
	}
	return "1, 2"
}

// shorten keeps a message readable whatever was in the file.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
