package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse asserts that no text panics, that a refusal has reasons with
// places, and that what is accepted resolves to text that means the same.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("../../../configs/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "train.steps=10")
	}
	f.Add([]byte("train: {steps: 1}\n---\n"), "sampling.steps=[4, 16]")
	f.Add([]byte("a: &a [*a]\n<<: *a"), "=")
	f.Add([]byte("? [a]\n: !!binary x\n\"\": 1"), "..=null")
	f.Add([]byte("\xff\xfe"), "x=\x00")
	f.Fuzz(func(t *testing.T, text []byte, set string) {
		r, err := Parse("fuzz.yaml", text, []string{set})
		if err != nil {
			problems, ok := err.(*Errors)
			if !ok || len(problems.Problems) == 0 {
				t.Fatalf("error without problems: %v", err)
			}
			for _, p := range problems.Problems {
				if p.Place.String() == "" || p.Message == "" || strings.Contains(p.String(), "\n") {
					t.Errorf("problem without a place, a message or a line of its own: %q", p)
				}
			}
			return
		}
		again, err := Parse("again.yaml", r.YAML, nil)
		if err != nil {
			t.Fatalf("the resolved config is refused: %v\n%s", err, r.YAML)
		}
		if again.Hash != r.Hash || !bytes.Equal(again.YAML, r.YAML) {
			t.Fatalf("the resolved config is another one:\n%s\n%s", r.YAML, again.YAML)
		}
	})
}
