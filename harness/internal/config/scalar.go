package config

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"
)

// scalar decodes a single value. YAML's own rules for what is a number or a
// boolean are not enough: a fraction is no integer, a quoted number no number,
// and 010 is not 8. wanted says in words what the key holds.
func (d *decoder) scalar(path string, key, n *yaml.Node, s *jsonschema.Schema, wanted string, out reflect.Value) {
	wrong := func(hint string) {
		d.fail(path, key, "must be %s, got %s%s", wanted, describe(n), hint)
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
		switch out.Kind() {
		case reflect.Int:
			out.SetInt(numberOf[n.Value])
		case reflect.Struct:
			out.FieldByName("Name").SetString(n.Value) // a sampler without options
		default:
			out.SetString(labelled(s, n.Value))
		}
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

// numberOf holds what the words mean that may stand for a number.
var numberOf = map[string]int64{allDevices: int64(AllDevices), autoMicrobatch: AutoMicrobatch}

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
