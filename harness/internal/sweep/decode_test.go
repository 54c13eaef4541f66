package sweep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/search"
)

const complete = `name: all
base: tiny.yaml
matrix:
  process.name: [flow_match, ddpm]  # with a comment
  sampling.samplers: [[euler], [{name: heun, grid: uniform}, euler]]
zip:
- train.lr: [1e-3, 0.002]
  train.steps: [10, null]
include:
- {process.name: ddpm, train.ema_decay: 0.9}
exclude:
- {train.lr: .002, process.name: "ddpm"}
seeds: [0, 9223372036854775807]
retries: 2
launcher: slurm
jobs: 3
slurm: {partition: gpu, account: me, time: 02:00:00, gpus: 1, cpus: 4, memory: 16G, array_size: 50, extra: [--constraint=a100]}
compare: {group_by: [train.lr], metrics: [val/loss], sampler: euler, steps: 2, guidance: 1.5, fail_if: ["accuracy < baseline"]}
`

func TestASweepFileIsReadInItsOrder(t *testing.T) {
	guidance := 1.5
	want := &File{
		Path: "x.yaml", Source: []byte(complete), Name: "all", Base: "tiny.yaml",
		Matrix: []Axis{
			{"process.name", []string{"flow_match", "ddpm"}},
			{"sampling.samplers", []string{"[euler]", "[{name: heun, grid: uniform}, euler]"}},
		},
		Zip:     [][]Axis{{{"train.lr", []string{"1e-3", "0.002"}}, {"train.steps", []string{"10", "null"}}}},
		Include: []Assignments{{{Path: "process.name", Value: "ddpm"}, {Path: "train.ema_decay", Value: "0.9"}}},
		Exclude: []Assignments{{{Path: "train.lr", Value: ".002"}, {Path: "process.name", Value: `"ddpm"`}}},
		Seeds:   []uint64{0, 1<<63 - 1}, Retries: 2, Launcher: LauncherSlurm, Jobs: 3,
		Slurm:   Slurm{"gpu", "me", "02:00:00", 1, 4, "16G", 50, []string{"--constraint=a100"}},
		Compare: Compare{[]string{"train.lr"}, []string{"val/loss"}, "euler", 2, &guidance, []string{"accuracy < baseline"}},
	}
	got, err := Parse("x.yaml", []byte(complete))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestASweepFileNeedsOnlyABase(t *testing.T) {
	got, err := Parse(filepath.Join("configs", "lr.v2.yaml"), []byte("base: a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "lr.v2" || got.Launcher != LauncherLocal || got.Size() != 1 || got.Search != nil {
		t.Errorf("it is %+v", got)
	}
}

func TestSearchesArePartOfTheFile(t *testing.T) {
	got, err := Parse("x.yaml", []byte("base: a\nsearch:\n  budget: 4\n  space: {train.lr: {min: 1e-4, max: 1e-2, log: true}}\n  "+
		"objective: {metric: val/loss, goal: minimize}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Search.Budget != 4 || got.Search.Method != search.Sobol || got.Size() != 4 {
		t.Errorf("it is %+v", got.Search)
	}
}

func TestZippedValuesMayRepeat(t *testing.T) {
	got, err := Parse("x.yaml", []byte("base: a\nzip: {train.lr: [1, 1, 2], train.steps: [5, 6, 5]}"))
	if err != nil || got.Size() != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRefusedSweepFiles(t *testing.T) {
	const space = "space: {train.lr: [1, 2]}, objective: {metric: val/loss, goal: minimize}"
	for _, tc := range []struct{ name, text, want string }{
		{"nothing in it", "", "x.yaml:1:1: it is empty; a sweep names its base config and what is varied about it"},
		{"a comment alone", "# nothing\n", "x.yaml:1:1: it is empty; a sweep names its base config and what is varied about it"},
		{"a list at the top", "- base: a", "x.yaml:1:1: must be a mapping of keys to values, got a list"},
		{"a word at the top", "base", `x.yaml:1:1: must be a mapping of keys to values, got the string "base"`},
		{"null at the top", "null", "x.yaml:1:1: must be a mapping of keys to values, got nothing"},
		{"broken YAML", "base: a\nmatrix: {train.lr: [1,\n", "x.yaml:3:1: not valid YAML: did not find expected node content"},
		{"not UTF-8", "base: a\nname: \xff\xfe\n", "x.yaml:2:7: not valid YAML: the file is not UTF-8 text"},
		{"indented with a tab", "base: a\nmatrix:\n\ttrain.lr: [1]\n", "x.yaml:3:1: not valid YAML: the line is indented with a tab; use spaces"},
		{"two documents", "base: a\n---\nbase: b\n", "x.yaml:2:1: a second document begins here; a file is a single one"},
		{"unknown key", "base: a\nmatrx: {}", `x.yaml:2:1: matrx: unknown key (did you mean "matrix"?)`},
		{"key given twice", "base: a\nseeds: [1]\nseeds: [2]", "x.yaml:3:1: seeds: is given twice, first in line 2"},
		{"key without a value", "base: a\nseeds:", "x.yaml:2:1: seeds: has no value; give it one, or remove it"},
		{"alias", "base: &b a\nname: *b", "x.yaml:1:1: base: anchors and aliases are not supported; write the value out\nx.yaml:2:1: name: " +
			"anchors and aliases are not supported; write the value out"},
		{"alias within a list", "base: a\nmatrix: {train.lr: &x [1, 2], train.eps: [3, *x]}",
			"x.yaml:2:10: matrix.train.lr: anchors and aliases are not supported; write the value out\nx.yaml:2:46: matrix.train.eps[1]: " +
				"anchors and aliases are not supported; write the value out"},
		{"merge key", "base: a\n<<: {jobs: 1}", "x.yaml:2:1: a key must be a plain word, without anchors, tags and merging"},
		{"tag", "base: a\nmatrix: {train.lr: [!!str 1, 2]}", "x.yaml:2:21: matrix.train.lr[0]: tags such as !!str are not supported; remove it"},
		{"list for a key", "base: a\n? [b]\n: 1", "x.yaml:2:3: a key must be a plain word, without anchors, tags and merging"},

		{"no base", "seeds: [1]", "x.yaml:1:1: base: a sweep needs the path of the config that it varies"},
		{"blank base", "base: ' '", "x.yaml:1:1: base: a sweep needs the path of the config that it varies"},
		{"list of bases", "base: [a, b]", "x.yaml:1:1: base: must be a string, got a list"},
		{"name of two words", "base: a\nname: a b",
			`x.yaml:2:1: name: must be letters, digits and . _ + - only, beginning with a letter or digit, got "a b"; without it a sweep is ` +
				`named after its file`},
		{"name that is a path", "base: a\nname: ../b",
			`x.yaml:2:1: name: must be letters, digits and . _ + - only, beginning with a letter or digit, got "../b"; without it a sweep is ` +
				`named after its file`},
		{"name that is true", "base: a\nname: true", "x.yaml:2:1: name: must be a string, got true"},

		{"list for a matrix", "base: a\nmatrix: [train.lr]", "x.yaml:2:1: matrix: must be a mapping of keys to values, got a list"},
		{"value for an axis", "base: a\nmatrix: {train.lr: 1e-3}",
			"x.yaml:2:10: matrix.train.lr: must be a list, such as [1e-3, 3e-4], got the number 1e-3"},
		{"mapping for an axis", "base: a\nmatrix: {train: {lr: [1, 2]}}",
			"x.yaml:2:10: matrix.train: must be a list, such as [1e-3, 3e-4], got a mapping"},
		{"axis without values", "base: a\nmatrix: {train.lr: []}", "x.yaml:2:10: matrix.train.lr: is empty; give it values, or remove it"},
		{"value given twice", "base: a\nmatrix: {train.lr: [1, 2, 1]}", "x.yaml:2:27: matrix.train.lr: holds 1 twice"},
		{"value given twice in other words", "base: a\nmatrix: {train.lr: [1e-3, 0.001]}",
			"x.yaml:2:27: matrix.train.lr: holds 0.001 twice, first as 1e-3"},
		{"value that is missing", "base: a\nmatrix:\n  train.lr:\n  - 1\n  -\n",
			"x.yaml:5:4: matrix.train.lr[1]: has no value; write null for the default"},
		{"value on two lines", "base: a\nmatrix:\n  process.name:\n  - |\n    a\n    b\n",
			"x.yaml:4:5: matrix.process.name[0]: must fit on one line"},
		{"path that is no path", "base: a\nmatrix: {'train.lr=1 #': [1], '': [2]}",
			"x.yaml:2:10: matrix.train.lr=1 #: must be a key of the config, names with dots between them, such as train.lr\nx.yaml:2:31: " +
				"matrix: must be a key of the config, names with dots between them, such as train.lr"},
		{"path on two lines", "base: a\nmatrix: {\"a\\nb\": [1]}",
			"x.yaml:2:10: \"matrix.a\\nb\": must be a key of the config, names with dots between them, such as train.lr"},

		{"zip of unequal lengths", "base: a\nzip: {train.lr: [1, 2], train.eps: [3]}",
			"x.yaml:2:25: zip.train.eps: has 1 values, but train.lr has 2; those of one zip go together one by one"},
		{"second zip of unequal lengths", "base: a\nzip:\n- train.lr: [1]\n- train.eps: [3]\n  train.steps: [4, 5]",
			"x.yaml:5:3: zip[1].train.steps: has 2 values, but train.eps has 1; those of one zip go together one by one"},
		{"word for a zip", "base: a\nzip: no", `x.yaml:2:1: zip: must be a mapping of keys to values, got the string "no"`},
		{"empty zip", "base: a\nzip: [{}]", "x.yaml:2:7: zip[0]: is empty; name the config paths and their values"},
		{"no zips", "base: a\nzip: []", "x.yaml:2:1: zip: is empty; give it values, or remove it"},

		{"mapping for includes", "base: a\ninclude: {train.lr: 1}",
			"x.yaml:2:1: include: must be a list, such as [{train.lr: 1e-3}], got a mapping"},
		{"word for an include", "base: a\ninclude: [a]", `x.yaml:2:11: include[0]: must be a mapping of keys to values, got the string "a"`},
		{"empty include", "base: a\ninclude: [{}]", "x.yaml:2:11: include[0]: is empty; name at least one config path and its value"},
		{"path given twice in an include", "base: a\ninclude:\n- train.lr: 1\n  train.lr: 2",
			"x.yaml:4:3: include[0].train.lr: is given twice, first in line 3"},
		{"exclude of what is not varied", "base: a\nmatrix: {train.lr: [1]}\nexclude: [{train.lr: 1, train.eps: 2}]",
			"x.yaml:3:25: exclude[0].train.eps: neither matrix nor zip varies train.eps, so nothing can be excluded by it"},
		{"exclude of what include adds later", "base: a\nmatrix: {train.lr: [1]}\ninclude: [{train.eps: 2}]\nexclude: [{train.eps: " +
			"2}]", "x.yaml:4:12: exclude[0].train.eps: neither matrix nor zip varies train.eps, so nothing can be excluded by it"},

		{"path in matrix and zip", "base: a\nmatrix: {train.lr: [1]}\nzip: {train.lr: [2]}",
			"x.yaml:3:7: zip.train.lr: is varied in matrix, too; a path has its values in one place"},
		{"path in two zips", "base: a\nzip:\n- train.lr: [1]\n- train.lr: [2]",
			"x.yaml:2:1: zip.train.lr: is varied in zip, too; a path has its values in one place"},
		{"path within another", "base: a\nmatrix: {sampling: [{steps: [1]}], sampling.steps: [[2]]}",
			`x.yaml:2:36: matrix.sampling.steps: contradicts "sampling" of matrix: one contains the other`},
		{"path around one of an include", "base: a\nmatrix: {sampling.steps: [[2]]}\ninclude: [{sampling: {rows: 1}}]",
			`x.yaml:3:1: include.sampling: contradicts "sampling.steps" of matrix: one contains the other`},
		{"seed varied", "base: a\nmatrix: {seed: [1, 2]}", "x.yaml:2:10: matrix.seed: cannot be varied: give the seeds with seeds"},
		{"name varied", "base: a\nzip: {name: [b, c]}", "x.yaml:2:7: zip.name: cannot be varied: runs of a sweep are named after their variant"},
		{"store included", "base: a\ninclude: [{store: b.db}]",
			"x.yaml:2:1: include.store: cannot be varied: all runs of a sweep are recorded in one store"},
		{"base varied", "base: a\nmatrix: {base: [b]}", "x.yaml:2:10: matrix.base: cannot be varied: the base is given with base"},
		{"tags searched", "base: a\nsearch: {budget: 1, space: {tags: [a, b]}, objective: {metric: val/loss, goal: minimize}}",
			"x.yaml:2:29: search.space.tags: cannot be varied: tags do not change a run"},

		{"number for seeds", "base: a\nseeds: 3", "x.yaml:2:1: seeds: must be a list, such as [0, 1, 2], got the number 3"},
		{"no seeds", "base: a\nseeds: []", "x.yaml:2:1: seeds: is empty; give it values, or remove it"},
		{"negative seed", "base: a\nseeds: [0, -1]", "x.yaml:2:12: seeds[1]: must be at least 0, got -1"},
		{"fraction of a seed", "base: a\nseeds: [1.5]", "x.yaml:2:9: seeds[0]: must be a whole number, written in digits alone, got 1.5"},
		{"null for a seed", "base: a\nseeds: [null]", "x.yaml:2:9: seeds[0]: must be a whole number, got nothing"},
		{"octal seed", "base: a\nseeds: [010]", "x.yaml:2:9: seeds[0]: must be a plain decimal number, got 010"},
		{"quoted seed", `{base: a, seeds: ["1"]}`, `x.yaml:1:19: seeds[0]: must be a whole number, got the string "1"; remove the quotes`},
		{"seed beyond the store's integers", "base: a\nseeds: [9223372036854775808]",
			"x.yaml:2:9: seeds[0]: must be at most 9223372036854775807, got 9223372036854775808"},
		{"seed given twice", "base: a\nseeds: [1, 2, 1]", "x.yaml:2:15: seeds[2]: 1 is given twice"},

		{"unknown launcher", "base: a\nlauncher: pbs", `x.yaml:2:1: launcher: must be one of local, slurm, got "pbs"`},
		{"negative retries", "base: a\nretries: -1", "x.yaml:2:1: retries: must be at least 0, got -1"},
		{"too many retries", "base: a\nretries: 101", "x.yaml:2:1: retries: must be from 0 to 100, got 101"},
		{"half a job", "base: a\njobs: 0.5", "x.yaml:2:1: jobs: must be a whole number, written in digits alone, got 0.5"},
		{"too many jobs", "base: a\njobs: 99999999999", "x.yaml:2:1: jobs: must be at most 2147483647, got 99999999999"},
		{"unknown key of slurm", "base: a\nslurm: {partion: x}", `x.yaml:2:9: slurm.partion: unknown key (did you mean "partition"?)`},
		{"arrays of no tasks", "base: a\nslurm: {array_size: 0}",
			"x.yaml:2:9: slurm.array_size: must be at least 1: the most tasks of one array"},
		{"arrays of no number", "base: a\nslurm: {array_size: all}",
			`x.yaml:2:9: slurm.array_size: must be a whole number, got the string "all"`},
		{"negative number of GPUs", "base: a\nslurm: {gpus: -1}", "x.yaml:2:9: slurm.gpus: must be at least 0, got -1"},
		{"unknown key of compare", "base: a\ncompare: {fail: x}", `x.yaml:2:11: compare.fail: unknown key (did you mean "fail_if"?)`},
		{"word for conditions", "base: a\ncompare: {fail_if: accuracy < 1}",
			`x.yaml:2:11: compare.fail_if: must be a list, such as [accuracy < baseline], got the string "accuracy < 1"`},
		{"condition that is none", "base: a\ncompare: {fail_if: [accuracy <]}",
			"x.yaml:2:21: compare.fail_if[0]: column 10 of the condition: unexpected token EOF"},
		{"guidance that is no number", "base: a\ncompare: {guidance: .nan}", "x.yaml:2:11: compare.guidance: must be a finite number, got .nan"},

		{"search beside a matrix", "base: a\nmatrix: {train.eps: [1]}\nsearch: {budget: 1, " + space + "}",
			"x.yaml:3:1: search: a sweep searches or goes through matrix, zip and include, not both: put fixed values into the base"},
		{"search without a budget", "base: a\nsearch: {" + space + "}", "x.yaml:2:1: search: has no budget"},
		{"search with bad keys", "base: a\nsearch:\n  budgt: 3\n  space: {train.lr: 3}\n  objective: {metric: val/loss, goal: min}",
			"x.yaml:3:3: search.budgt: unknown key (did you mean \"budget\"?)\n" +
				"x.yaml:4:11: search.space.train.lr: must be a range such as {min: 0, max: 1} or a list of choices, got the number 3\n" +
				"x.yaml:5:33: search.objective.goal: must be one of minimize, maximize, got \"min\""},
		{"number for a search", "base: a\nsearch: 3", "x.yaml:2:1: search: must be a mapping of keys to values, got the number 3"},
		{"stopping by what is not known early", "base: a\nsearch:\n  budget: 1\n  space: {train.lr: [1, 2]}\n  objective: {metric: " +
			"accuracy, goal: maximize}\n  stopping: {rule: median, min_steps: 1, every_steps: 1}",
			`x.yaml:5:15: search.objective.metric: trials are stopped by what is known of them while they train: with stopping it is one of ` +
				`train/loss, val/loss, got "accuracy"`},

		{"several problems, in the order of their places", "jobs: x\nbase: []\nseeds: 1",
			"x.yaml:1:1: jobs: must be a whole number, got the string \"x\"\n" +
				"x.yaml:2:1: base: must be a string, got a list\nx.yaml:3:1: seeds: must be a list, such as [0, 1, 2], got the number 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := Parse("x.yaml", []byte(tc.text))
			if f != nil || !errors.As(err, new(*config.Errors)) {
				t.Fatalf("it is read as %+v, %v", f, err)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesThatCannotBeReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, make([]byte, 2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, path, want string }{
		{"a misspelt name", filepath.Join(dir, "hug.yaml"),
			fmt.Sprintf("cannot read %s: no such file or directory (did you mean %q?)", filepath.Join(dir, "hug.yaml"), huge)},
		{"a folder", dir, "cannot read " + dir + ": is a directory"},
		{"far too much", huge, "cannot read " + huge + ": is larger than 1048576 bytes; is this a config?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(tc.path)
			if !errors.As(err, new(*config.Errors)) || err.Error() != tc.want {
				t.Errorf("error is %v\nwant %s", err, tc.want)
			}
		})
	}
}

// FuzzParse asserts that no text panics, that a refusal has reasons with places,
// and that what is read expands to as many combinations as it says, all of them
// different from each other in their labels and names.
func FuzzParse(f *testing.F) {
	f.Add(complete)
	f.Add("base: a\nsearch: {budget: 3, space: {a: [1, 2], b.name: {min: 0, max: 1}}, objective: {metric: m, goal: maximize}}")
	f.Add("base: a\nzip: [{a: [1]}, {b: [1, 1], c: [2, ~]}]\ninclude: [{d: 1}, {a: 7, e: {f: g}}]\nexclude: [{b: 1.0}]")
	f.Add("? [a]\n: !!binary x\nzip: &s {<<: *s}")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("x.yaml", []byte(text))
		if err != nil {
			var problems *config.Errors
			if !errors.As(err, &problems) || len(problems.Problems) == 0 {
				t.Fatalf("error without problems: %v", err)
			}
			for _, p := range problems.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || strings.Contains(p.String(), "\n") {
					t.Errorf("problem without a place, a message or a line of its own: %q", p)
				}
			}
			return
		}
		size := file.Size()
		if size > 1000 {
			return
		}
		combinations, err := file.combinations()
		if err != nil {
			return
		}
		if n := uint64(len(combinations)); n > size+uint64(len(file.Include)) {
			t.Errorf("%d combinations of %d combinations", n, size)
		}
		labels, names := newLabels(combinations), newNames(file.Name)
		seen := map[string]bool{}
		for i := range combinations {
			label := labels.of(i, "base")
			name := names.of(label)
			if seen["label "+label] || seen["name "+name] {
				t.Errorf("the label %q or the name %q comes twice", label, name)
			}
			seen["label "+label], seen["name "+name] = true, true
			if err := checkName(name); err != nil {
				t.Errorf("%q is no name: %v", name, err)
			}
		}
	})
}
