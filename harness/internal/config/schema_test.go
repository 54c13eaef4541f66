package config

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	reflected "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/yamlfile"
	"flowharness/models"
	"flowharness/schedulers"
)

func TestSchemaFileIsFresh(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "../../../configs/schema.json", text)
}

func TestSchemaAcceptsEveryShippedConfigAndItsResolvedForm(t *testing.T) {
	schema := compileSchema(t)
	paths, err := filepath.Glob("../../../configs/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no configs found (%v)", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance(t, text)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		r, err := Load(path, ownPictures(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance(t, r.YAML)); err != nil {
			t.Errorf("%s, resolved: %v", path, err)
		}
	}
}

// TestSchemaAndDecoderRefuseTheSame gives every key of the schema values inside
// and outside of its bounds and asks both.
func TestSchemaAndDecoderRefuseTheSame(t *testing.T) {
	schema := compileSchema(t)
	tried, refused := 0, 0
	try := func(path, value, text string) {
		schemaError := schema.Validate(instance(t, []byte(text)))
		_, err := Parse("test.yaml", []byte(text), nil)
		decoderError := blames(err, strings.ReplaceAll(path, "[]", "[0]"))
		if (schemaError != nil) != decoderError {
			t.Errorf("%s: %s: the schema says %v, the decoder %v", path, value, schemaError, err)
		}
		tried++
		if decoderError {
			refused++
		}
	}
	for path, s := range leaves("", newSchema(models.Default())) {
		for _, value := range probes(s) {
			if path != "sampling.samplers[].name" { // nested gives one already
				try(path, value, nested(path, value))
			}
		}
	}
	for _, network := range models.Names()[1:] {
		for path, s := range leaves("model", property(newSchema(network), "model")) {
			for _, value := range probes(s) {
				if path != "model.name" {
					try(path, value, strings.Replace(nested(path, value), "{", "{name: "+network+", ", 1))
				}
			}
		}
	}
	if tried < 300 || refused < 100 || refused > tried-100 {
		t.Errorf("%d values were tried and %d refused: too few to mean anything", tried, refused)
	}
}

// TestBoundsAreThoseOfTheLibraries holds the table libraryKeys and the
// libraries' own checks together: what the schema refuses, they refuse too.
func TestBoundsAreThoseOfTheLibraries(t *testing.T) {
	// Bounds that only keep a slip from filling the memory or from overflowing;
	// and a grid has a column for every class, which a network without classes
	// could not draw.
	ours := regexp.MustCompile(`^model\..* [1-9]|^model\.class_emb_size 0|^process\.(logit_mean|logit_std|shift|huber_c|snr_gamma) (-|[1-9])`)
	tried := 0
	for path, s := range leaves("", newSchema(models.Default())) {
		section, key, _ := strings.Cut(path, ".")
		if section != "model" && section != "process" {
			continue
		}
		for value, allowed := range boundaries(s) {
			if allowed || ours.MatchString(fmt.Sprint(path, " ", value)) {
				continue
			}
			tried++
			if libraryAccepts(t, section, key, value) {
				t.Errorf("%s: the library accepts %v, the schema does not", path, value)
			}
		}
	}
	if tried < 15 {
		t.Errorf("only %d bounds were tried", tried)
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	all := leaves("", newSchema(models.Default()))
	for _, network := range models.Names()[1:] {
		maps.Copy(all, leaves("model", property(newSchema(network), "model")))
	}
	for path, s := range all {
		if s.Description == "" {
			t.Errorf("%s has no description", path)
		}
		needsDefault := path != "base" && path != "tags" && path != "notes" && path != "train.epochs" && path != "train.steps" &&
			path != "sampling.at_epochs" && path != "sampling.samplers[].name"
		if needsDefault && !strings.Contains(s.Description, "Default: ") {
			t.Errorf("%s does not say its default: %s", path, s.Description)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// instance is YAML as the validator wants it.
func instance(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(mustJSON(t, v)))
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

// leaves are the keys that hold values, those of a sampler's mapping too.
func leaves(path string, s *reflected.Schema) map[string]*reflected.Schema {
	found := map[string]*reflected.Schema{}
	for name, p := range s.Properties.FromOldest() {
		sub := yamlfile.Join(path, name)
		if p.Type != "object" {
			found[sub] = p
			if p.Items == nil || p.Items.AnyOf == nil {
				continue
			}
			sub, p = sub+"[]", p.Items.AnyOf[1]
		}
		for k, v := range leaves(sub, p) {
			found[k] = v
		}
	}
	return found
}

// probes are YAML values to try on a key.
func probes(s *reflected.Schema) []string {
	values := []string{"null", "true", "x", `"1"`, "0", "1", "2", "1.5", "-1", "1000000000000", "[]", "{}", "[1, 2]", "[x]",
		"[1, 1]", "[null]", `""`}
	for value := range boundaries(s) {
		values = append(values, strconv.FormatFloat(value, 'f', -1, 64))
	}
	for _, e := range s.Enum {
		values = append(values, fmt.Sprint(e))
	}
	for _, alternative := range s.AnyOf {
		values = append(values, probes(alternative)...)
	}
	return values
}

// boundaries are numbers at the bounds of a key, and whether it allows them.
func boundaries(s *reflected.Schema) map[float64]bool {
	step := 0.5
	if s.Type == "integer" {
		step = 1
	}
	values := map[float64]bool{}
	for _, b := range []struct {
		bound          string
		outwards       float64
		boundIsAllowed bool
	}{
		{string(s.Minimum), -step, true}, {string(s.ExclusiveMinimum), -step, false},
		{string(s.Maximum), step, true}, {string(s.ExclusiveMaximum), step, false},
	} {
		var bound float64
		if _, err := fmt.Sscan(b.bound, &bound); err != nil || bound > 1e12 {
			continue // no bound, or one that float64 cannot step over
		}
		values[bound], values[bound+b.outwards] = b.boundIsAllowed, false
	}
	return values
}

// nested is YAML that gives the key at a path a value.
func nested(path, value string) string {
	keys := strings.Split(path, ".")
	text := keys[len(keys)-1] + ": " + value
	for _, key := range slices.Backward(keys[:len(keys)-1]) {
		if list, isList := strings.CutSuffix(key, "[]"); isList {
			text = list + ": [{name: euler, " + text + "}]"
			continue
		}
		text = key + ": {" + text + "}"
	}
	return text
}

// blames reports whether an error is about the value of a key alone.
func blames(err error, path string) bool {
	problems, ok := err.(*Errors)
	if !ok {
		return false
	}
	return slices.ContainsFunc(problems.Problems, func(p Problem) bool {
		about := p.Key == path || yamlfile.Within(p.Key, path)
		return about && (strings.HasPrefix(p.Message, "must ") || strings.HasPrefix(p.Message, "repeats ")) && !isContextual(p)
	})
}

// isContextual marks the problems of a value that is fine by itself.
func isContextual(p Problem) bool {
	for _, words := range []string{"for dataset", "steps of the run", "does not apply", "the number of", "at least beta_start", "a below b"} {
		if strings.Contains(p.Message, words) {
			return true
		}
	}
	// An enum of the process that another process allows.
	return p.Key == "process.prediction_type" && strings.Contains(p.Message, "must be one of velocity, got")
}

// libraryAccepts asks a library about the value of one key in an otherwise
// valid config.
func libraryAccepts(t *testing.T, section, key string, value float64) bool {
	t.Helper()
	var err error
	set := func(c reflect.Value) {
		field, ok := fieldByKey(c, key)
		if !ok {
			t.Fatalf("%s has no %s", section, key)
		}
		if field.Kind() == reflect.Int {
			field.SetInt(int64(value))
		} else {
			field.SetFloat(value)
		}
	}
	if section == "model" {
		c := Defaults()
		c.Model.SetDefaults(c.modelData())
		set(reflect.ValueOf(&c.Model).Elem())
		err = c.Model.Validate(c.modelData())
	} else {
		c := schedulers.ProcessConfig{Name: schedulers.FlowMatch, TimestepDensity: "logit_normal", Loss: "pseudo_huber"}
		if strings.HasPrefix(key, "beta") || key == "snr_gamma" {
			c = schedulers.ProcessConfig{Name: schedulers.DDPM, LossWeight: "min_snr"}
		}
		c.SetDefaults()
		set(reflect.ValueOf(&c).Elem())
		err = c.Validate()
	}
	return !slices.ContainsFunc(libraryProblems(err), func(p libraryProblem) bool { return p.key == key })
}
