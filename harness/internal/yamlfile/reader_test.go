package yamlfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// thing is what the tests read: one of each kind of value.
type thing struct {
	Text   string
	Word   string
	Words  []string
	Count  int
	Seed   uint64
	Number float64
	Flag   bool
}

func readThing(name, text string) (thing, error) {
	var out thing
	root, err := Parse(name, []byte(text))
	if err != nil || root == nil {
		return out, err
	}
	r := NewReader(name)
	e := Root("", root)
	for _, e := range r.Mapping(e, "text", "word", "words", "count", "seed", "number", "flag", "inner") {
		switch e.Name {
		case "text":
			r.Text(e, &out.Text)
		case "word":
			r.Word(e, &out.Word)
		case "words":
			r.Words(e, &out.Words)
		case "count":
			r.Count(e, &out.Count)
		case "seed":
			r.Seed(e, &out.Seed)
		case "number":
			r.Number(e, &out.Number)
		case "flag":
			r.Bool(e, &out.Flag)
		case "inner":
			r.Mapping(e, "a", "b")
			r.Require(e, "a", "b")
		}
	}
	return out, r.Err()
}

func TestValuesAreReadAsTheyAreWritten(t *testing.T) {
	out, err := readThing("x.yaml", "text: '1'\nword: 02:00:00\nwords: [a, 16]\ncount: 7\nseed: 9223372036854775807\nnumber: "+
		"-1e-3\nflag: True\n")
	if err != nil {
		t.Fatal(err)
	}
	if out.Text != "1" || out.Word != "02:00:00" || strings.Join(out.Words, " ") != "a 16" || out.Count != 7 ||
		out.Seed != 9223372036854775807 || out.Number != -1e-3 || !out.Flag {
		t.Errorf("read is %+v", out)
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no mapping", "[a]", "x.yaml:1:1: must be a mapping of keys to values, got a list"},
		{"misspelt key", "count: 1\ntxet: a", `x.yaml:2:1: txet: unknown key (did you mean "text"?)`},
		{"key like no other", "frequency: 1", "x.yaml:1:1: frequency: unknown key; the keys here are text, word, words, count, seed, " +
			"number, flag, inner"},
		{"key given twice", "count: 1\ncount: 2", "x.yaml:2:1: count: is given twice, first in line 1"},
		{"no value", "text:\nword: a", "x.yaml:1:1: text: has no value; give it one, or remove it"},
		{"null", "text: null", "x.yaml:1:1: text: must be a string, got nothing"},
		{"number for a text", "text: 2024", "x.yaml:1:1: text: must be a string, got the number 2024; put it in quotes"},
		{"date for a text", "text: 2024-01-31", "x.yaml:1:1: text: must be a string, got the date 2024-01-31; put it in quotes"},
		{"boolean for a word", "word: true", "x.yaml:1:1: word: must be a string, got true"},
		{"word for a list", "words: a", `x.yaml:1:1: words: must be a list, such as [one, two], got the string "a"`},
		{"nothing in a list", "words: [a, null]", "x.yaml:1:12: words[1]: must be a string, got nothing"},
		{"fraction of a count", "count: 1.5", "x.yaml:1:1: count: must be a whole number, written in digits alone, got 1.5"},
		{"quoted count", "count: '1'", `x.yaml:1:1: count: must be a whole number, got the string "1"; remove the quotes`},
		{"negative count", "count: -1", "x.yaml:1:1: count: must be at least 0, got -1"},
		{"seed beyond the store's integers", "seed: 9223372036854775808",
			"x.yaml:1:1: seed: must be at most 9223372036854775807, got 9223372036854775808"},
		{"octal", "number: 010", "x.yaml:1:1: number: must be a plain decimal number, got 010"},
		{"infinite", "number: .inf", "x.yaml:1:1: number: must be a finite number, got .inf"},
		{"yes", "flag: yes", `x.yaml:1:1: flag: must be true or false, got the string "yes"`},
		{"quoted true", `flag: "true"`, `x.yaml:1:1: flag: must be true or false, got the string "true"; remove the quotes`},
		{"alias", "text: &a x\nword: *a", "x.yaml:1:1: text: anchors and aliases are not supported; write the value out\n" +
			"x.yaml:2:1: word: anchors and aliases are not supported; write the value out"},
		{"tag", "text: !!str 1", "x.yaml:1:1: text: tags such as !!str are not supported; remove it"},
		{"merge key", "<<: {text: a}", "x.yaml:1:1: a key must be a plain word, without anchors, tags and merging"},
		{"missing keys", "inner: {}", "x.yaml:1:1: inner: has no a\nx.yaml:1:1: inner: has no b"},
		{"no YAML", "text: [", "x.yaml:2:1: not valid YAML: did not find expected node content"},
		{"a tab", "inner:\n\ta: 1", "x.yaml:2:1: not valid YAML: the line is indented with a tab; use spaces"},
		{"two documents", "count: 1\n---\ncount: 2", "x.yaml:2:1: a second document begins here; a file is a single one"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := readThing("x.yaml", tc.text); err == nil || err.Error() != tc.want {
				t.Errorf("error is\n%v, want\n%s", err, tc.want)
			}
		})
	}
}

func TestAFileThatIsNotThereIsSuggested(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sweep.yaml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := ReadFile(filepath.Join(dir, "swep.yaml"))
	if err == nil || !strings.Contains(err.Error(), `did you mean "`+filepath.Join(dir, "sweep.yaml")) {
		t.Errorf("error is %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "large.yaml"), make([]byte, maxSize+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(filepath.Join(dir, "large.yaml")); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("error is %v", err)
	}
}

func TestPlacesOfKeys(t *testing.T) {
	root, err := Parse("", []byte("inner: {a.b: 1}\nwords: [x, y]\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader("")
	for _, e := range r.Mapping(Root("", root)) {
		switch e.Name {
		case "inner":
			r.Mapping(e)
		case "words":
			r.List(e, "[a]")
		}
	}
	for path, column := range map[string]int{"inner": 1, "inner.a.b": 9, "inner.a.b.c": 9, "inner.x": 1, "words[1]": 12,
		"words[1].z": 12, "nothing": 1} {
		if n := r.Place(path, &yaml.Node{Column: 1}); n.Column != column {
			t.Errorf("%s is in column %d, want %d", path, n.Column, column)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{"text: a\ncount: 1", "words: [a, &b c, *b]", "inner: {a: 1, <<: 2}", "flag: !!bool yes",
		"- a\n-", "\t", "a: b\n---\n", "number: 1e999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := readThing("x.yaml", text)
		if err == nil {
			return
		}
		problems, ok := err.(*Errors)
		if !ok || len(problems.Problems) == 0 {
			t.Fatalf("the error of %q is %T: %v", text, err, err)
		}
		for _, p := range problems.Problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("%q: %+v has no place or says nothing", text, p)
			}
		}
	})
}
