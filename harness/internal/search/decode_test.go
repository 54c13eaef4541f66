package search

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/yamlfile"
)

const complete = `method: sobol
budget: 16
seed: 7
space:
  train.lr: {min: 1e-4, max: 1e-2, log: true}
  train.batch_size: {min: 16, max: 128, integer: true, log: true}
  train.lr_schedule: [constant, cosine]
  data.flip: [true, false]
  notes: ["1", "a: b", two words, 0.5, null]
objective: {metric: val/loss, goal: minimize}
stopping: {rule: successive_halving, min_steps: 50, reduction_factor: 2}
`

func TestASearchIsReadInTheFilesOrder(t *testing.T) {
	want := Config{
		Method: Sobol, Budget: 16, Seed: 7,
		Space: Space{
			{Path: "train.lr", Min: 1e-4, Max: 1e-2, Log: true},
			{Path: "train.batch_size", Min: 16, Max: 128, Integer: true, Log: true},
			{Path: "train.lr_schedule", Choices: []string{"constant", "cosine"}},
			{Path: "data.flip", Choices: []string{"true", "false"}},
			{Path: "notes", Choices: []string{`"1"`, `"a: b"`, "two words", "0.5", "null"}},
		},
		Objective: Objective{"val/loss", Minimize},
		Stopping:  Stopping{Rule: SuccessiveHalving, MinSteps: 50, ReductionFactor: 2},
	}
	got, err := decoded(complete)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoding (-want +got):\n%s", diff)
	}
	text, err := yaml.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decoded(string(text))
	if diff := cmp.Diff(want, again); err != nil || diff != "" {
		t.Errorf("what was written is read as another search (%v, -want +got):\n%s\n%s", err, diff, text)
	}
}

func TestMethodAndSeedHaveDefaults(t *testing.T) {
	c, err := decoded("budget: 1\nspace: {a: {min: 0, max: 1}}\nobjective: {metric: m, goal: maximize}")
	if err != nil || c.Method != Sobol || c.Seed != 0 || c.Stopping != (Stopping{}) || !c.Objective.Maximize() {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestASearchIsPartOfAFile(t *testing.T) {
	var file struct {
		Search *Config `yaml:"search"`
	}
	indented := "search:\n  " + strings.ReplaceAll(strings.TrimSpace(complete), "\n", "\n  ")
	if err := yaml.Unmarshal([]byte(indented), &file); err != nil || file.Search.Budget != 16 {
		t.Errorf("%+v, %v", file.Search, err)
	}
	file.Search = nil
	err := yaml.Unmarshal([]byte(strings.Replace(indented, "16", "0", 1)), &file)
	var problems *yamlfile.Errors
	if !errors.As(err, &problems) || len(problems.Problems) != 1 {
		t.Fatalf("error is %v", err)
	}
	if diff := cmp.Diff(yamlfile.Problem{Place: yamlfile.Place{Line: 3, Column: 3}, Key: "search.budget",
		Message: "must be from 1 to 100000 trials, got 0"}, problems.Problems[0]); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedSearches(t *testing.T) {
	const rest = "\nobjective: {metric: m, goal: minimize}"
	// of puts a space in line 2 of a search that is well but for it.
	of := func(space string) string { return "budget: 4\nspace: {" + space + "}" + rest }
	stopping := func(s string) string { return of("a: {min: 0, max: 1}") + "\nstopping: " + s }
	for _, tc := range []struct{ name, text, want string }{
		{"no mapping", "12", "line 1, column 1: search: must be a mapping of keys to values, got the number 12"},
		{"nothing in it", "{}", "line 1, column 1: search: has no budget\nline 1, column 1: search: has no space\nline 1, column 1: search: " +
			"has no objective"},
		{"misspelt key", "bugdet: 4\nspace: {a: [1, 2]}" + rest, `line 1, column 1: search.bugdet: unknown key (did you mean "budget"?)`},
		{"unknown key", of("a: [1, 2]") + "\nparallelism: 4",
			"line 4, column 1: search.parallelism: unknown key; the keys here are method, budget, seed, space, objective, stopping"},
		{"key given twice", of("a: [1, 2]") + "\nbudget: 5", "line 4, column 1: search.budget: is given twice, first in line 1"},
		{"key without a value", of("a: [1, 2]") + "\nseed:", "line 4, column 1: search.seed: has no value; give it one, or remove it"},
		{"anchor", of("a: &x [1, 2], b: *x"), "line 2, column 9: search.space.a: anchors and aliases are not supported; write the value " +
			"out\nline 2, column 23: search.space.b: anchors and aliases are not supported; write the value out"},
		{"merge key", of("<<: {a: [1, 2]}"), "line 2, column 9: search.space: a key must be a plain word, without anchors, tags and merging"},
		{"tag", of("a: !!seq [1, 2]"), "line 2, column 9: search.space.a: tags such as !!seq are not supported; remove it"},

		{"misspelt method", "method: sobel\n" + of("a: [1, 2]"),
			`line 1, column 1: search.method: must be one of sobol, random, got "sobel" (did you mean "sobol"?)`},
		{"unknown method", "method: grid\n" + of("a: [1, 2]"), `line 1, column 1: search.method: must be one of sobol, random, got "grid"`},
		{"number for a method", "method: 1\n" + of("a: [1, 2]"),
			"line 1, column 1: search.method: must be a string, got the number 1; put it in quotes"},
		{"no trials", "budget: 0\nspace: {a: [1, 2]}" + rest, "line 1, column 1: search.budget: must be from 1 to 100000 trials, got 0"},
		{"too many trials", "budget: 100001\nspace: {a: [1, 2]}" + rest,
			"line 1, column 1: search.budget: must be from 1 to 100000 trials, got 100001"},
		{"a fraction of a trial", "budget: 1.5\nspace: {a: [1, 2]}" + rest,
			"line 1, column 1: search.budget: must be a whole number, written in digits alone, got 1.5"},
		{"budget beyond 64 bits", "budget: 99999999999999999999\nspace: {a: [1, 2]}" + rest,
			"line 1, column 1: search.budget: must be at most 2147483647, got 99999999999999999999"},
		{"quoted budget", "budget: \"4\"\nspace: {a: [1, 2]}" + rest,
			`line 1, column 1: search.budget: must be a whole number, got the string "4"; remove the quotes`},
		{"negative seed", "seed: -1\n" + of("a: [1, 2]"), "line 1, column 1: search.seed: must be at least 0, got -1"},
		{"seed beyond the store's integers", "seed: 9223372036854775808\n" + of("a: [1, 2]"),
			"line 1, column 1: search.seed: must be at most 9223372036854775807, got 9223372036854775808"},

		{"empty space", of(""), "line 2, column 1: search.space: holds nothing to search; give it keys of the config, such as train.lr: " +
			"{min: 1e-4, max: 1e-2, log: true}"},
		{"list for a space", "budget: 4\nspace: [a, b]" + rest,
			"line 2, column 1: search.space: must be a mapping of keys to values, got a list"},
		{"value for a range", of("a: 5"), "line 2, column 9: search.space.a: must be a range such as {min: 0, max: 1} or a list of choices, " +
			"got the number 5"},
		{"path without a name", of("a..b: [1, 2]"),
			"line 2, column 9: search.space.a..b: must be a key of the config, names with dots between them, such as train.lr"},
		{"path with an assignment", of("a=b: [1, 2]"),
			"line 2, column 9: search.space.a=b: must be a key of the config, names with dots between them, such as train.lr"},
		{"path on two lines", of(`"a\nb": [1, 2]`),
			`line 2, column 9: "search.space.a\nb": must be a key of the config, names with dots between them, such as train.lr`},
		{"path given twice", of("a.b: [1, 2], a.b: {min: 0, max: 1}"), "line 2, column 22: search.space.a.b: is given twice, first in line 2"},
		{"too many dimensions", of(strings.Join(paths(41), ", ")),
			"line 2, column 1: search.space: has 41 keys, and Sobol points have at most 40 dimensions; search fewer, or set search.method to " +
				"random"},

		{"range without an end", of("a: {min: 0}"), "line 2, column 9: search.space.a: has no max"},
		{"range with a misspelt end", of("a: {min: 0, mx: 1}"), `line 2, column 21: search.space.a.mx: unknown key (did you mean "max"?)`},
		{"range with an unknown key", of("a: {min: 0, max: 1, step: 2}"),
			"line 2, column 29: search.space.a.step: unknown key; the keys here are min, max, integer, log"},
		{"nested space", of("train: {lr: {min: 0, max: 1}}"),
			"line 2, column 9: search.space.train: holds further keys; write each in full, such as train.lr"},
		{"empty range", of("a: {min: 2, max: 1}"),
			"line 2, column 9: search.space.a: min must be below max, got 2 and 1; a key that is not searched belongs in the config"},
		{"range of one value", of("a: {min: 1, max: 1}"),
			"line 2, column 9: search.space.a: min must be below max, got 1 and 1; a key that is not searched belongs in the config"},
		{"logarithm of zero", of("a: {min: 0, max: 1, log: true}"),
			"line 2, column 13: search.space.a.min: must be above 0, because log is true, got 0"},
		{"logarithm of a negative number", of("a: {min: -1, max: 1, log: true}"),
			"line 2, column 13: search.space.a.min: must be above 0, because log is true, got -1"},
		{"ends that are not whole", of("a: {min: 0.5, max: 1.5, integer: true}"),
			"line 2, column 13: search.space.a.min: must be a whole number, because integer is true, got 0.5\nline 2, column 23: " +
				"search.space.a.max: must be a whole number, because integer is true, got 1.5"},
		{"whole numbers that float64 lacks", of("a: {min: 0, max: 1e16, integer: true}"),
			"line 2, column 21: search.space.a.max: must be a whole number of at most 9007199254740992 in size, got 1e+16"},
		{"end that is no number", of("a: {min: low, max: 1}"), `line 2, column 13: search.space.a.min: must be a number, got the string "low"`},
		{"quoted end", of("a: {min: '0', max: 1}"),
			`line 2, column 13: search.space.a.min: must be a number, got the string "0"; remove the quotes`},
		{"octal end", of("a: {min: 010, max: 11}"), "line 2, column 13: search.space.a.min: must be a plain decimal number, got 010"},
		{"infinite end", of("a: {min: 0, max: .inf}"), "line 2, column 21: search.space.a.max: must be a finite number, got .inf"},
		{"end beyond float64", of("a: {min: 0, max: 1e999}"), "line 2, column 21: search.space.a.max: is out of range: 1e999"},
		{"word for a boolean", of("a: {min: 0, max: 1, log: yes}"),
			`line 2, column 29: search.space.a.log: must be true or false, got the string "yes"`},
		{"no choices", of("a: []"), "line 2, column 9: search.space.a: must have at least 2 choices, has 0; a key that is not searched " +
			"belongs in the config"},
		{"one choice", of("a: [1]"), "line 2, column 9: search.space.a: must have at least 2 choices, has 1; a key that is not searched " +
			"belongs in the config"},
		{"repeated choice", of("a: [x, y, x]"), "line 2, column 19: search.space.a[2]: repeats search.space.a[0], which is x too"},
		{"repeated number", of("a: [0.001, 1e-3]"), "line 2, column 20: search.space.a[1]: repeats search.space.a[0], which is 0.001 too"},
		{"repeated whole number", of("a: [100, 1e2]"), "line 2, column 18: search.space.a[1]: repeats search.space.a[0], which is 100 too"},
		{"repeated text in quotes", of(`a: [x, "x"]`), "line 2, column 16: search.space.a[1]: repeats search.space.a[0], which is x too"},
		{"choice that is a list", of("a: [1, [2]]"), "line 2, column 16: search.space.a[1]: must be a single value, got a list"},
		{"choice that is missing", "budget: 4\nspace:\n  a:\n    - 1\n    -\n    - 2" + rest,
			"line 5, column 6: search.space.a[1]: has no value; write null for the default"},

		{"objective without a goal", "budget: 4\nspace: {a: [1, 2]}\nobjective: {metric: m}", "line 3, column 1: search.objective: has no goal"},
		{"unknown goal", "budget: 4\nspace: {a: [1, 2]}\nobjective: {metric: m, goal: min}",
			`line 3, column 24: search.objective.goal: must be one of minimize, maximize, got "min"`},
		{"nameless metric", "budget: 4\nspace: {a: [1, 2]}\nobjective: {metric: '', goal: minimize}",
			`line 3, column 13: search.objective.metric: must be the name of a metric, such as val/loss, got ""`},
		{"word for an objective", "budget: 4\nspace: {a: [1, 2]}\nobjective: val/loss",
			`line 3, column 1: search.objective: must be a mapping of keys to values, got the string "val/loss"`},

		{"unknown rule", stopping("{rule: hyperband, min_steps: 5}"),
			`line 4, column 12: search.stopping.rule: must be one of successive_halving, median, got "hyperband"`},
		{"rule that is missing", stopping("{min_steps: 5}"), "line 4, column 1: search.stopping: has no rule"},
		{"halving without a factor", stopping("{rule: successive_halving, min_steps: 5}"),
			"line 4, column 1: search.stopping: has no reduction_factor"},
		{"halving by one", stopping("{rule: successive_halving, min_steps: 5, reduction_factor: 1}"),
			"line 4, column 52: search.stopping.reduction_factor: must be at least 2, got 1"},
		{"halving before the first step", stopping("{rule: successive_halving, min_steps: 0, reduction_factor: 2}"),
			"line 4, column 38: search.stopping.min_steps: must be at least 1, got 0"},
		{"halving at intervals", stopping("{rule: successive_halving, min_steps: 5, reduction_factor: 2, every_steps: 5}"),
			"line 4, column 73: search.stopping.every_steps: does not apply to rule successive_halving; remove it"},
		{"median without intervals", stopping("{rule: median, min_steps: 5}"), "line 4, column 1: search.stopping: has no every_steps"},
		{"median with a negative interval", stopping("{rule: median, min_steps: 5, every_steps: -5}"),
			"line 4, column 40: search.stopping.every_steps: must be at least 0, got -5"},
		{"median with a factor", stopping("{rule: median, min_steps: 5, every_steps: 5, reduction_factor: 2}"),
			"line 4, column 56: search.stopping.reduction_factor: does not apply to rule median; remove it"},

		{"several problems, in the order of their places",
			"seed: x\nbudget: 0\nspace: {a: {min: 1, max: 0}}\nobjective: {metric: m, goal: least}",
			"line 1, column 1: search.seed: must be a whole number, got the string \"x\"\nline 2, column 1: search.budget: must be from 1 to " +
				"100000 trials, got 0\n" +
				"line 3, column 9: search.space.a: min must be below max, got 1 and 0; a key that is not searched belongs in the config\nline 4, " +
				"column 24: search.objective.goal: must be one of minimize, maximize, got \"least\""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := decoded(tc.text)
			if diff := cmp.Diff(tc.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(Config{}, c); diff != "" {
				t.Errorf("a refused search changed the config:\n%s", diff)
			}
		})
	}
}

// FuzzDecode asserts that no text panics, that a refusal has reasons with
// places, and that what is accepted has trials whose values are of the space
// and are written as text that means the same.
func FuzzDecode(f *testing.F) {
	f.Add(complete, uint16(3))
	f.Add("method: random\nbudget: 1\nspace: {a: {min: -1e308, max: 1e308}, b: {min: 1e-320, max: 1, log: true}}\nobjective: {metric: m, "+
		"goal: maximize}\nstopping: {rule: median, min_steps: 1, every_steps: 1}", uint16(9))
	f.Add("budget: 1\nspace: {a: ['x\n\n y', \"\\t\", '# no', '--- a', ~, 2024-01-31, 0x1f]}\nobjective: {metric: m, goal: "+
		"maximize}", uint16(0))
	f.Add("? [a]\n: !!binary x\nspace: &s {<<: *s}", uint16(1))
	f.Fuzz(func(t *testing.T, text string, i uint16) {
		var document yaml.Node
		if yaml.Unmarshal([]byte(text), &document) != nil || document.Kind == 0 {
			return
		}
		var c Config
		if err := c.UnmarshalYAML(document.Content[0]); err != nil {
			problems, ok := err.(*yamlfile.Errors)
			if !ok || len(problems.Problems) == 0 {
				t.Fatalf("error without problems: %v", err)
			}
			for _, p := range problems.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || strings.Contains(p.String(), "\n") {
					t.Errorf("problem without a place, a message or a line of its own: %q", p)
				}
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("what was read is refused: %v", err)
		}
		for j, s := range c.Trial(int(i)) {
			if !c.Space[j].inside(s.Value) {
				t.Errorf("trial %d has %s, which is not of %+v", i, s, c.Space[j])
			}
			if _, err := parseScalar(s.Value); err != nil {
				t.Errorf("trial %d has %s, which is not a YAML scalar: %v", i, s, err)
			}
		}
		written, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decoded(string(written))
		if diff := cmp.Diff(c, again); err != nil || diff != "" {
			t.Errorf("what was written is read as another search (%v):\n%s\n%s", err, diff, written)
		}
	})
}

func decoded(text string) (c Config, err error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return c, err
	}
	return c, c.UnmarshalYAML(document.Content[0])
}

func paths(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("a%d: [1, 2]", i))
	}
	return list
}
