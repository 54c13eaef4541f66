package sweep

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/config"
)

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"nothing varied is one variant", "", []string{""}},
		{"of a matrix the last path changes fastest", "matrix: {b: [1, 2], a: [x, y]}", []string{"b=1 a=x", "b=1 a=y", "b=2 a=x", "b=2 a=y"}},
		{"a zip goes through its values together", "zip: {a: [1, 2], b: [x, y]}", []string{"a=1 b=x", "a=2 b=y"}},
		{"zips and a matrix are multiplied", "matrix: {a: [1, 2]}\nzip: [{b: [3, 4], c: [5, 6]}, {d: [7]}]",
			[]string{"a=1 b=3 c=5 d=7", "a=1 b=4 c=6 d=7", "a=2 b=3 c=5 d=7", "a=2 b=4 c=6 d=7"}},

		{"an include of new paths is added to all", "matrix: {a: [1, 2]}\ninclude: [{b: 3}]", []string{"a=1 b=3", "a=2 b=3"}},
		{"an include of given values is added to those", "matrix: {a: [1, 2]}\ninclude: [{a: 2, b: 3}]", []string{"a=1", "a=2 b=3"}},
		{"values are the same in other words", "matrix: {a: [1e-3, 2]}\ninclude: [{a: 0.001, b: 3}]", []string{"a=1e-3 b=3", "a=2"}},
		{"an include of another value is a combination of its own", "matrix: {a: [1, 2]}\ninclude: [{a: 3}, {a: 4, b: 5}]",
			[]string{"a=1", "a=2", "a=3", "a=4 b=5"}},
		{"a later include changes what an earlier one has added", "matrix: {a: [1, 2]}\ninclude: [{b: 3}, {a: 2, b: 4}]",
			[]string{"a=1 b=3", "a=2 b=4"}},
		{"an include is not added to what another one has made", "matrix: {a: [1]}\ninclude: [{a: 2}, {b: 3}]", []string{"a=1 b=3", "a=2"}},
		{"includes alone are the variants", "include: [{a: 1}, {b: 2}]", []string{"a=1", "b=2"}},
		// The example of the documentation of a well-known CI system.
		{"includes as CI systems have them", `
matrix: {fruit: [apple, pear], animal: [cat, dog]}
include:
- {color: green}
- {color: pink, animal: cat}
- {fruit: apple, shape: circle}
- {fruit: banana}
- {fruit: banana, animal: cat}`, []string{
			"fruit=apple animal=cat color=pink shape=circle", "fruit=apple animal=dog color=green shape=circle",
			"fruit=pear animal=cat color=pink", "fruit=pear animal=dog color=green", "fruit=banana", "fruit=banana animal=cat"}},

		{"an exclude leaves out what has all its values", "matrix: {a: [1, 2], b: [3, 4]}\nexclude: [{a: 1, b: 4}, {a: 2, b: 5}]",
			[]string{"a=1 b=3", "a=2 b=3", "a=2 b=4"}},
		{"an exclude of one value leaves out all with it", "matrix: {a: [1, 2], b: [3, 4]}\nexclude: [{b: 3}]", []string{"a=1 b=4", "a=2 b=4"}},
		{"an exclude means numbers, not how they are written",
			"matrix: {a: [1e-3, 1.0, 100]}\nexclude: [{a: 0.001}, {a: 1}, {a: 1e+2}]\ninclude: [{a: 5}]", []string{"a=5"}},
		{"an exclude means lists by their values", "matrix: {a: [[1, 2], [3]]}\nexclude: [{a: [1.0, 2.0]}]", []string{"a=[3]"}},
		{"a word is not a number", "matrix: {a: ['1', 1]}\nexclude: [{a: 1}]", []string{`a='1'`}},
		{"excludes come before includes", "matrix: {a: [1, 2]}\nexclude: [{a: 1}]\ninclude: [{a: 1, b: 3}]", []string{"a=2", "a=1 b=3"}},

		{"trials with the same values are one", "search: {method: random, budget: 50, space: {a: [1, 2]}, objective: {metric: m, goal: " +
			"minimize}}", []string{"a=2", "a=1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := Parse("x.yaml", []byte("base: a\n"+tc.text))
			if err != nil {
				t.Fatal(err)
			}
			combinations, err := f.combinations()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range combinations {
				got = append(got, s.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestASweepOfNothingIsRefused(t *testing.T) {
	_, err := load(t, "matrix: {train.lr: [1, 2]}\nexclude: [{train.lr: 1}, {train.lr: 2}]").Plan(t.Context(), MaxRuns)
	if !errors.As(err, new(*config.Errors)) || !strings.HasSuffix(err.Error(), "some.yaml: exclude: leaves nothing: no combination remains") {
		t.Errorf("error is %v", err)
	}
}

func TestTooManyRunsAreRefusedBeforeAnyIsMade(t *testing.T) {
	tens := func(n int) string {
		text := "matrix:\n"
		for i := range n {
			text += fmt.Sprintf("  a%d: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n", i)
		}
		return text
	}
	for _, tc := range []struct{ name, text, want string }{
		{"more than can be counted", tens(25), "more runs than can be counted"},
		{"more than memory holds", tens(12), "1000000000000 runs"},
		{"more with seeds", tens(5) + "seeds: [0, 1]\n", "200000 runs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := load(t, tc.text)
			f.Base = "there is none" // that would be the error otherwise
			_, err := f.Plan(t.Context(), MaxRuns)
			if !errors.Is(err, ErrTooMany) || !strings.HasSuffix(err.Error(), tc.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
	f := load(t, "matrix: {train.lr: [1, 2]}\nseeds: [0, 1]")
	if _, err := f.Plan(t.Context(), 3); !errors.Is(err, ErrTooMany) {
		t.Errorf("4 runs of 3: %v", err)
	}
	if _, err := f.Plan(t.Context(), 4); err != nil {
		t.Errorf("4 runs of 4: %v", err)
	}
}
