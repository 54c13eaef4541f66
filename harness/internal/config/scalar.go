package config

import (
	"math/big"
	"reflect"
	"strconv"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/yamlfile"
)

// scalar decodes a single value. wanted says in words what the key holds.
func (d *decoder) scalar(path string, key, n *yaml.Node, s *jsonschema.Schema, wanted string, out reflect.Value) {
	var problem string
	switch s.Type {
	case "string":
		var text string
		if text, problem = yamlfile.Text(n, wanted); problem == "" {
			problem = checkString(s, text)
		}
		if problem == "" {
			setText(out, s, text)
		}
	case "boolean":
		var value bool
		if value, problem = yamlfile.Bool(n, wanted); problem == "" {
			setBool(out, value)
		}
	case "integer", "number":
		var value *big.Rat
		if value, problem = yamlfile.Number(n, s.Type == "integer", wanted); problem == "" {
			problem = checkBounds(s, value, n.Value)
		}
		if problem == "" {
			setNumber(out, value, n.Value)
		}
	}
	if problem != "" {
		d.fail(path, key, "%s", problem)
	}
}

func setText(out reflect.Value, s *jsonschema.Schema, text string) {
	switch out.Kind() {
	case reflect.Int:
		out.SetInt(numberOf[text])
	case reflect.Struct:
		out.FieldByName("Name").SetString(text) // a sampler without options
	default:
		out.SetString(labelled(s, text))
	}
}

func setBool(out reflect.Value, value bool) {
	if out.Kind() == reflect.Pointer {
		out.Set(reflect.New(out.Type().Elem()))
		out = out.Elem()
	}
	out.SetBool(value)
}

// numberOf holds what the words mean that may stand for a number.
var numberOf = map[string]int64{allDevices: int64(AllDevices), autoMicrobatch: AutoMicrobatch}

func setNumber(out reflect.Value, value *big.Rat, text string) {
	switch out.Kind() {
	case reflect.Int:
		out.SetInt(value.Num().Int64())
	case reflect.Uint64:
		out.SetUint(value.Num().Uint64())
	default:
		f, _ := strconv.ParseFloat(text, 64) // yamlfile.Number has read it before
		out.SetFloat(f)
	}
}
