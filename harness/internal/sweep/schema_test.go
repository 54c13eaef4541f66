package sweep

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	reflected "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the golden files")

const schemaFile = "../../../configs/sweeps/schema.json"

func TestSchemaFileIsFresh(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(schemaFile)
	if diff := cmp.Diff(string(golden), string(text)); err != nil || diff != "" {
		t.Errorf("%v; run with -update (-%s +schema):\n%s", err, schemaFile, diff)
	}
}

func TestShippedSweepsPassTheSchemaAndNameIt(t *testing.T) {
	schema := compileSchema(t)
	paths, err := filepath.Glob("../../../configs/sweeps/*.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("found %v (%v)", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_base.yaml") {
			continue
		}
		if !strings.Contains(string(text), "\n# yaml-language-server: $schema=schema.json\n") {
			t.Errorf("%s does not name its schema", path)
		}
		if err := schema.Validate(instance(t, string(text))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := schema.Validate(instance(t, complete)); err != nil {
		t.Error(err)
	}
}

// TestSchemaAndReaderKnowTheSameKeys: what a section's keys are is in the message about an unknown one.
func TestSchemaAndReaderKnowTheSameKeys(t *testing.T) {
	root := newSchema()
	property := func(s *reflected.Schema, name string) *reflected.Schema {
		p, _ := s.Properties.Get(name)
		return p
	}
	search := property(root, "search")
	for _, tc := range []struct {
		text   string
		schema *reflected.Schema
	}{
		{"zzzzzzzzzzzz: 1", root},
		{"slurm: {zzzzzzzzzzzz: 1}", property(root, "slurm")},
		{"compare: {zzzzzzzzzzzz: 1}", property(root, "compare")},
		{"search: {zzzzzzzzzzzz: 1}", search},
		{"search: {objective: {zzzzzzzzzzzz: 1}}", property(search, "objective")},
		{"search: {stopping: {zzzzzzzzzzzz: 1}}", property(search, "stopping")},
		{"search: {space: {a: {zzzzzzzzzzzz: 1}}}", property(search, "space").AdditionalProperties.AnyOf[0]},
	} {
		_, err := Parse("x.yaml", []byte(tc.text))
		if err == nil {
			t.Fatalf("%s is read", tc.text)
		}
		_, after, _ := strings.Cut(err.Error(), "unknown key; the keys here are ")
		line, _, _ := strings.Cut(after, "\n")
		read, described := strings.Split(line, ", "), slices.Collect(tc.schema.Properties.KeysFromOldest())
		slices.Sort(read)
		slices.Sort(described)
		if diff := cmp.Diff(described, read); diff != "" {
			t.Errorf("%s (-schema +reader):\n%s", tc.text, diff)
		}
		for name, p := range tc.schema.Properties.FromOldest() {
			if p.Description == "" {
				t.Errorf("%s: the schema does not describe %s", tc.text, name)
			}
		}
	}
}

func TestSchemaAndReaderRefuseTheSame(t *testing.T) {
	schema := compileSchema(t)
	for _, tc := range []struct {
		text string
		fine bool
	}{
		{"retries: 100", true}, {"retries: 101", false}, {"retries: -1", false}, {"retries: '1'", false},
		{"jobs: 100000", true}, {"jobs: 100001", false}, {"jobs: 0.5", false},
		{"calibrate: true", true}, {"calibrate: yes", false}, {"calibrate: 1", false},
		{"launcher: slurm", true}, {"launcher: pbs", false},
		{"seeds: [0, 1]", true}, {"seeds: []", false}, {"seeds: [1, 1]", false}, {"seeds: [-1]", false},
		{"slurm: {array_size: 1}", true}, {"slurm: {array_size: 0}", false}, {"slurm: {gpus: a}", false}, {"slurm: {extra: []}", false},
		{"compare: {guidance: 1.5}", true}, {"compare: {guidance: a}", false}, {"compare: {metrics: a}", false},
		{"matrix: {train.lr: [1]}", true}, {"matrix: {train.lr: []}", false}, {"matrix: {train.lr: 1}", false}, {"matrix: {'a b': [1]}", false},
		{"zip: [{train.lr: [1]}]", true}, {"zip: {train.lr: [1]}", true}, {"zip: []", false}, {"zip: [{}]", false},
		{"include: [{train.lr: 1}]", true}, {"include: {train.lr: 1}", false}, {"include: [{}]", false},
		{"search: {budget: 1, space: {a: {min: 0, max: 1}}, objective: {metric: m, goal: minimize}}", true},
		{"search: {budget: 0, space: {a: {min: 0, max: 1}}, objective: {metric: m, goal: minimize}}", false},
		{"search: {budget: 1, space: {a: {min: 0}}, objective: {metric: m, goal: minimize}}", false},
		{"search: {budget: 1, space: {a: [1]}, objective: {metric: m, goal: minimize}}", false},
		{"search: {budget: 1, space: {a: [1, 2]}, objective: {metric: m, goal: less}}", false},
		{"search: {space: {a: [1, 2]}, objective: {metric: m, goal: minimize}}", false},
	} {
		text := "base: a.yaml\n" + tc.text
		_, err := Parse("x.yaml", []byte(text))
		if invalid := schema.Validate(instance(t, text)); (err == nil) != tc.fine || (invalid == nil) != tc.fine {
			t.Errorf("%s: the reader says %v, the schema %v; want it to be fine: %t", tc.text, err, invalid, tc.fine)
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
func instance(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return instance
}
