package yamlfile

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// YAML's own rules for what is a number or a boolean are not enough: a fraction is
// no integer, a quoted number no number, and 010 is not 8.

// Number reads a plain decimal number, whole where it is to be. problem says what
// is wrong with the node, to follow the name of its key; wanted is what it should
// hold, in words, such as "a number or auto".
func Number(n *yaml.Node, whole bool, wanted string) (value *big.Rat, problem string) {
	text := n.Value
	plain := n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	isNumber := n.Tag == "!!int" || n.Tag == "!!float"
	switch {
	case !plain || !isNumber && !numeric.MatchString(text):
		return nil, notA(wanted, n, numeric.MatchString(text))
	case strings.Contains(strings.ToLower(text), "nan"), strings.Contains(strings.ToLower(text), "inf"):
		return nil, fmt.Sprintf("must be a finite number, got %s", text)
	case !numeric.MatchString(text) || octal.MatchString(text):
		return nil, fmt.Sprintf("must be a plain decimal number, got %s", Shorten(text))
	case whole && integer.MatchString(text) && len(text) > 20:
		return nil, fmt.Sprintf("is out of range: %s", Shorten(text))
	case whole && !integer.MatchString(text):
		return nil, fmt.Sprintf("must be a whole number, written in digits alone, got %s", Shorten(text))
	case whole:
		value, _ = new(big.Rat).SetString(text)
		return value, ""
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Sprintf("is out of range: %s", Shorten(text))
	}
	return new(big.Rat).SetFloat64(f), ""
}

// Bool reads true or false; problem is as that of [Number].
func Bool(n *yaml.Node, wanted string) (value bool, problem string) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		return false, notA(wanted, n, strings.EqualFold(n.Value, "true") || strings.EqualFold(n.Value, "false"))
	}
	return strings.EqualFold(n.Value, "true"), ""
}

// Text reads a string; problem is as that of [Number].
func Text(n *yaml.Node, wanted string) (value, problem string) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		return "", fmt.Sprintf("must be %s, got %s", wanted, Describe(n))
	case n.Tag != "!!str":
		return "", fmt.Sprintf("must be %s, got %s; put it in quotes", wanted, Describe(n))
	}
	return n.Value, ""
}

// notA says that a node holds something else, and where it would be right but for
// its quotes, that these are too many.
func notA(wanted string, n *yaml.Node, otherwise bool) string {
	problem := fmt.Sprintf("must be %s, got %s", wanted, Describe(n))
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && otherwise {
		problem += "; remove the quotes"
	}
	return problem
}

var (
	integer = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	numeric = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	octal   = regexp.MustCompile(`^[-+]?0[0-9]+$`) // to YAML 1.1, and decimal to YAML 1.2
)
