package suggest

import (
	"slices"
	"strings"
	"testing"
)

func TestNearestNamesComeFirst(t *testing.T) {
	for _, tc := range []struct {
		written    string
		candidates []string
		want       []string
	}{
		{"bugdet", []string{"budget", "seed"}, []string{"budget"}},
		{"Epochs", []string{"epoch", "epochs"}, []string{"epochs", "epoch"}},
		{"ab", []string{"xy"}, nil},
		{"a", []string{"b"}, nil}, // nothing of it is the same
		{"step", []string{"steep", "stop"}, []string{"steep", "stop"}},
		{"train.lrr", []string{"train.lr", "train/loss"}, []string{"train.lr"}},
		{"", []string{"", "a"}, nil},
		{strings.Repeat("x", 1000), []string{"x", strings.Repeat("x", 999)}, nil},
	} {
		if got := Nearest(tc.written, tc.candidates); !slices.Equal(got, tc.want) {
			t.Errorf("Nearest(%q, %q) = %q, want %q", tc.written, tc.candidates, got, tc.want)
		}
	}
}

func TestAPartOfANameCanBeWhatWasMeant(t *testing.T) {
	last := func(name string) string { return name[strings.LastIndex(name, ".")+1:] }
	if got := NearestPart("stepz", []string{"train.lr", "train.steps"}, last); !slices.Equal(got, []string{"train.steps"}) {
		t.Errorf("found %q", got)
	}
}

func TestASuggestionIsPutIntoWords(t *testing.T) {
	if got := "unknown key" + DidYouMean(One("lrr", []string{"lr"})) + DidYouMean(One("x", nil)); got != `unknown key (did you mean "lr"?)` {
		t.Error(got)
	}
}
