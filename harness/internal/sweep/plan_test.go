package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/label"
)

func TestVariantsThatDifferInTheirSamplingShareATraining(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string // tasks
	}{
		{"nothing varied", "", []string{"tiny/0"}},
		{"seeds are trained each", "seeds: [3, 1]", []string{"tiny/3", "tiny/1"}},
		{"learning rates are trained each", "matrix: {train.lr: [1, 2]}\nseeds: [0, 1]", []string{"lr=1/0", "lr=1/1", "lr=2/0", "lr=2/1"}},
		{"numbers of sampling steps share", "matrix: {sampling.steps: [[1], [2]]}\nseeds: [0, 1]", []string{"steps=1/0 steps=2/0",
			"steps=1/1 steps=2/1"}},
		{"learning rates and steps", "matrix: {sampling.steps: [[1], [2]], train.lr: [1, 2]}",
			[]string{"steps=1 lr=1/0 steps=2 lr=1/0", "steps=1 lr=2/0 steps=2 lr=2/0"}},
		{"the validation loss is one of the sampling seed", "matrix: {sampling.seed: [1, 2]}", []string{"seed=1/0", "seed=2/0"}},
		{"and of the averaged weights", "matrix: {sampling.use_ema: [true, false]}", []string{"use_ema=true/0", "use_ema=false/0"}},
		{"without it these share, too", "matrix: {sampling.seed: [1, 2]}\ninclude: [{metrics.validation_images: 0}]",
			[]string{"seed=1/0 seed=2/0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := plan(t, tc.text)
			var got []string
			for i, task := range p.Tasks {
				if task.Index != i {
					t.Errorf("task %d has the index %d", i, task.Index)
				}
				var runs []string
				for _, r := range task.Runs {
					runs = append(runs, fmt.Sprintf("%s/%d", p.Variants[r.Variant].Label, r.Config.Config.Seed))
				}
				got = append(got, strings.Join(runs, " "))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLabelsAreShortAndDifferent(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"the end of a path is enough", "matrix: {train.lr: [1], process.name: [ddpm]}", []string{"lr=1 process=ddpm"}},
		{"unless two paths end alike", "matrix: {train.steps: [1], sampling.steps: [[2]]}", []string{"train.steps=1 sampling.steps=2"}},
		{"lists of several values keep their brackets", "matrix: {sampling.steps: [[2], [2, 3]]}", []string{"steps=2", "steps=[2, 3]"}},
		{"what would be called the same is numbered", "matrix: {sampling.samplers: [[euler], euler]}", []string{"samplers=euler",
			"samplers=euler #2"}},
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
			labels := newLabels(combinations)
			var got []string
			for i := range combinations {
				got = append(got, labels.of(i, "base"))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunsAreNamedAfterTheirVariant(t *testing.T) {
	const long = "a-name-that-is-nearly-as-long-as-a-name-can-be"
	for _, tc := range []struct {
		name, sweep string
		labels      []string
		want        []string
	}{
		{"a label becomes a name", "lr", []string{"lr=1e-3 steps=[2, 3]"}, []string{"lr-lr-1e-3-steps-2-3"}},
		{"what would be the same is numbered", "s", []string{"a=1", "a 1", "a,1"}, []string{"s-a-1", "s-a-1-1", "s-a-1-2"}},
		{"what is too long is cut off and numbered", long, []string{strings.Repeat("x", 50), strings.Repeat("x", 51)},
			[]string{long + "-xxxxxxxxxxxxxxx-0", long + "-xxxxxxxxxxxxxxx-1"}},
		{"what has no letters is left out", "s", []string{"…", "—"}, []string{"s", "s-1"}},
		{"letters of any language are kept", "größe", []string{"name=模型_a b", "gro\u0308ße=1"}, []string{"größe-name-模型-a-b", "größe-größe-1"}},
		{"a long name of wide characters", strings.Repeat("𠀀", 40), []string{strings.Repeat("𠀀", 40)}, []string{strings.Repeat("𠀀",
			40) + "-" + strings.Repeat("𠀀", 9) + "-0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNames(tc.sweep)
			var got []string
			for _, variant := range tc.labels {
				got = append(got, n.of(variant))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, name := range got {
				if err := checkName(name); err != nil {
					t.Errorf("%q is no name: %v", name, err)
				}
			}
		})
	}
}

func TestRunsAreTaggedWithTheirSweep(t *testing.T) {
	f := load(t, "name: '2024'\ninclude: [{train.lr: 1}]")
	p, err := f.Plan(t.Context(), MaxRuns)
	if err != nil {
		t.Fatal(err) // a name that looks like a number
	}
	if c := p.Tasks[0].Runs[0].Config.Config; c.Name != "2024-lr-1" || !cmp.Equal(c.Tags, []string{"2024"}) {
		t.Errorf("the name is %q, the tags are %q", c.Name, c.Tags)
	}
}

// TestRunsDoNotInheritWhatIsNotedOfTheirBase: a note on a base of flow matching would be wrong of the DDPM made of it.
func TestRunsDoNotInheritWhatIsNotedOfTheirBase(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"base.yaml":  "name: b\ntags: [flow_match]\nnotes: as in the paper\ntrain: {steps: 3}\n",
		"sweep.yaml": "name: s\nbase: base.yaml\ninclude: [{train.lr: 1}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(filepath.Join(dir, "sweep.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(t.Context(), MaxRuns)
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Tasks[0].Runs[0].Config.Config; !cmp.Equal(c.Tags, []string{"s"}) || c.Notes != "" {
		t.Errorf("the tags are %q, the notes %q", c.Tags, c.Notes)
	}
}

func TestRefusedPlans(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a wrong path is reported once", "matrix: {train.lrr: [1, 2, 3], train.steps: [5, 6]}\nseeds: [0, 1]",
			`SWEEP: train.lrr=1: unknown key (did you mean "lr"?) (variant lrr=1 steps=5)`},
		{"a wrong value is reported once", "matrix: {train.steps: [5, 6], train.lr: [1, x]}",
			`SWEEP: train.lr=x: must be a number, got the string "x" (variant steps=5 lr=x)`},
		{"all wrong values are reported", "matrix: {train.lr: [0, -1]}",
			"SWEEP: train.lr=0: must be above 0, got 0 (variant lr=0)\nSWEEP: train.lr=-1: must be above 0, got -1 (variant lr=-1)"},
		{"what does not fit together names both places", "matrix: {train.label_drop: [0, 0.1]}",
			"SWEEP: train.label_drop=0: sampling.guidance[0]: guidance 2 needs a model that was trained without classes too, but " +
				"train.label_drop is 0; use 1 (sampling.guidance[0] stands at BASE:33:14) (variant label_drop=0)"},
		{"the default beside itself", "matrix: {train.lr: [2e-3, null, 1e-3]}",
			`SWEEP: the variants "lr=null" and "lr=1e-3" are the same run: what they differ in changes no result, is the default of one, or is ` +
				`ignored by it`},
		{"what changes no result", "matrix: {data.dir: [a, b]}",
			`SWEEP: the variants "dir=a" and "dir=b" are the same run: what they differ in changes no result, is the default of one, or is ` +
				`ignored by it`},
		{"conditions on one variant", "seeds: [0, 1]\ncompare: {fail_if: [accuracy < 1]}",
			"SWEEP: compare.fail_if: conditions compare variants with the first, and there is only one"},
		{"stopping before the first validation",
			"search: {budget: 2, space: {train.lr: [1, 2]}, objective: {metric: val/loss, goal: minimize}, stopping: {rule: median, min_steps: " +
				"4, every_steps: 4}}",
			"SWEEP: trials are first compared at step 4, and val/loss is first computed at step 8: set metrics.validate_every_steps to 4 " +
				"(variant lr=2)"},
		{"stopping without validation", "search: {budget: 2, space: {metrics.validation_images: [0, 1]}, objective: {metric: val/loss, " +
			"goal: minimize}, stopping: {rule: median, min_steps: 8, every_steps: 4}}",
			"SWEEP: trials are stopped by val/loss, and with metrics.validation_images 0 there is none (variant validation_images=0)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := load(t, tc.text)
			_, err := f.Plan(t.Context(), MaxRuns)
			if !errors.As(err, new(*config.Errors)) {
				t.Fatalf("error is %v", err)
			}
			if diff := cmp.Diff(strings.NewReplacer("SWEEP", f.Path, "BASE", f.Base).Replace(tc.want), err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("more problems than fit on a screen", func(t *testing.T) {
		_, err := load(t, "matrix: {train.lr: [-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12]}").Plan(t.Context(), MaxRuns)
		if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 11 || !strings.HasSuffix(lines[10], "some.yaml: and 2 problems more") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a base that does not exist", func(t *testing.T) {
		f := load(t, "")
		right := f.Base
		f.Base = strings.Replace(f.Base, "tiny", "tinny", 1)
		_, err := f.Plan(t.Context(), MaxRuns)
		want := fmt.Sprintf("%s: base: cannot read %s: no such file or directory (did you mean %q?)", f.Path, f.Base, right)
		if !errors.As(err, new(*config.Errors)) || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	})
	t.Run("a plan that is given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := load(t, "seeds: [0, 1]").Plan(ctx, MaxRuns); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestPlansAreTheSameEveryTime(t *testing.T) {
	f := load(t, "matrix: {train.lr: [1, 2, 3, 4], sampling.steps: [[1], [2]]}\nseeds: [0, 1, 2]")
	first, err := f.Plan(t.Context(), MaxRuns)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := f.Plan(t.Context(), MaxRuns)
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	}
}

// plan plans a sweep of tiny.yaml.
func plan(t testing.TB, text string) *Plan {
	t.Helper()
	p, err := load(t, text).Plan(t.Context(), MaxRuns)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func checkName(name string) error {
	_, err := label.Name(name)
	return err
}
