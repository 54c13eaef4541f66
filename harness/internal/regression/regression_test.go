package regression

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// records are made up: n runs of a variant, with samples measured at two
// settings.
func records(name string, n int) []compare.Record {
	var list []compare.Record
	for seed := range n {
		jitter := 0.001 * float64(seed*seed%5)
		r := compare.Record{
			Run: compare.Run{ID: fmt.Sprint(name, seed), Slug: fmt.Sprint(name, "-slug-", seed), Name: name, Seed: uint64(seed),
				Status: "finished", Steps: 40, TotalSteps: 40,
				LastLoss: compare.Value(0.4 + jitter), LateLoss: compare.Value(0.5 + jitter), BestLoss: compare.Value(0.3 + jitter)},
			Config: map[string]string{"name": fmt.Sprintf("%q", name), "seed": fmt.Sprint(seed), "train.lr": "0.001",
				"process.name": fmt.Sprintf("%q", name)},
			Environment: map[string]string{"backend.name": `"xla:cpu"`, "backend.plugin_version": `"0.81"`,
				"machine.cpu_features": `["avx"]`, "machine.cpus": "2"},
			Scalars: map[string]compare.Value{"train/loss": compare.Value(0.5 + jitter), "val/loss": compare.Value(0.45 + jitter),
				"step_ratio": compare.Value(20 + jitter)},
		}
		for _, sampler := range []string{"euler", "heun"} {
			correct := make(compare.Flags, 400)
			for i := range correct {
				correct[i] = i%20 != 0
			}
			r.Evaluations = append(r.Evaluations, compare.Evaluation{Drawing: record.Drawing{Sampler: sampler, Steps: 4, Guidance: 2,
				SamplerJSON: "{}", NFE: 8, Images: 400},
				SecondsPerImage: 0.1, Dataset: "digits", Classifier: "c1", Correct: correct,
				Metrics: map[string]compare.Value{"accuracy": compare.Value(0.95 + jitter)}})
		}
		list = append(list, r)
	}
	return list
}

// judged changes the runs of today and returns the checks by variant and name.
func judged(t *testing.T, seeds int, o Options, change func(fm []compare.Record)) (Report, map[string]Check) {
	t.Helper()
	base := []compare.Variant{{Label: "fm", Runs: records("fm", seeds)}, {Label: "ddpm", Runs: records("ddpm", seeds)}}
	fm := records("fm", seeds)
	if change != nil {
		change(fm)
	}
	report, err := Judge(compare.Data{Records: append(fm, records("ddpm", seeds)...)}, base, o)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Check{}
	for _, c := range report.Checks {
		key := c.Variant + ": " + c.Name
		if _, twice := found[key]; twice {
			t.Errorf("there are two checks %q", key)
		}
		found[key] = c
	}
	return report, found
}

func each(change func(*compare.Record)) func([]compare.Record) {
	return func(records []compare.Record) {
		for i := range records {
			change(&records[i])
		}
	}
}

func TestTheSameRunsPass(t *testing.T) {
	report, checks := judged(t, 4, Options{}, nil)
	if len(report.Failed()) > 0 || len(report.Skipped()) > 0 || report.Summary() != "all 18 checks passed" {
		t.Errorf("%s: %+v", report.Summary(), report.Checks)
	}
	for _, name := range []string{"fm: config", "fm: losses, seed 3", "fm: quality, val/loss",
		"fm: quality, accuracy, euler, 4 steps, guidance 2",
		"ddpm: quality, accuracy, heun, 4 steps, guidance 2", "ddpm: speed"} {
		if _, ok := checks[name]; !ok {
			t.Errorf("there is no check %q", name)
		}
	}
}

func TestWhatChangedIsJudged(t *testing.T) {
	lossUp := func(by compare.Value) func(*compare.Record) {
		return func(r *compare.Record) { r.LastLoss, r.LateLoss = r.LastLoss*(1+by), r.LateLoss*(1+by) }
	}
	elsewhere := func(r *compare.Record) { r.Environment["machine.cpus"] = "4" }
	worse := func(r *compare.Record) {
		for i := range r.Evaluations {
			r.Evaluations[i].Metrics["accuracy"] -= 0.1
			for k := range r.Evaluations[i].Correct {
				r.Evaluations[i].Correct[k] = k%20 != 0 && k%9 != 0
			}
		}
	}
	for _, tc := range []struct {
		name   string
		seeds  int
		o      Options
		change func([]compare.Record)
		check  string
		want   Outcome
		says   string
	}{
		{"one bit of a loss on the same machine", 2, Options{}, each(lossUp(1e-15)), "losses, seed 0", Failed,
			"not the same to the last bit, on the same backend and processor: the last loss is"},
		{"a validation loss on the same machine", 2, Options{}, each(func(r *compare.Record) { r.Scalars["val/loss"] += 1e-15 }),
			"losses, seed 1", Failed, "val/loss is"},
		{"no validation loss", 2, Options{}, each(func(r *compare.Record) { delete(r.Scalars, "val/loss") }), "losses, seed 1",
			Failed, "val/loss is NaN"},
		{"a small difference on another machine", 2, Options{}, each(func(r *compare.Record) { elsewhere(r); lossUp(0.01)(r) }),
			"losses, seed 0", OK, "0.0099 apart (mean of the last losses), allowed are 0.02: made with another number of CPUs"},
		{"a large one", 2, Options{}, each(func(r *compare.Record) { elsewhere(r); lossUp(0.05)(r) }), "losses, seed 0", Failed,
			"0.525, was 0.5"},
		{"as large, and allowed", 2, Options{LossTolerance: 0.1}, each(func(r *compare.Record) { elsewhere(r); lossUp(0.05)(r) }),
			"losses, seed 0", OK, "allowed are 0.1"},
		{"losses that are missing", 2, Options{},
			each(func(r *compare.Record) { elsewhere(r); r.LateLoss = compare.Value(math.NaN()) }), "losses, seed 0", Failed, "+Inf apart"},
		{"another backend", 2, Options{}, each(func(r *compare.Record) { r.Environment["backend.name"] = `"go"`; lossUp(1e-6)(r) }),
			"losses, seed 0", OK, "made with another backend"},
		{"its speed", 2, Options{}, each(func(r *compare.Record) { r.Environment["backend.name"] = `"go"` }), "speed", Skipped,
			"made on another backend than xla:cpu"},
		{"a run that diverged", 2, Options{}, func(fm []compare.Record) { fm[1].Status, fm[1].Steps = "diverged", 7 },
			"losses, seed 1", Failed, "run fm-slug-1 is diverged after 7 of 40 steps"},
		{"a seed that is missing", 2, Options{}, func(fm []compare.Record) { fm[1].Seed = 9 }, "losses, seed 1", Failed, "no run has this seed"},
		{"worse samples of four seeds", 4, Options{}, each(worse), "quality, accuracy, euler, 4 steps, guidance 2", Failed,
			"worse by the same amount in each of 4 runs"},
		{"better samples of four seeds", 4, Options{},
			each(func(r *compare.Record) { r.Evaluations[0].Metrics["accuracy"] += 0.01 }), "quality, accuracy, euler, 4 steps, guidance " +
				"2", Skipped, "no test can be made"},
		{"samples of too few seeds", 2, Options{},
			each(func(r *compare.Record) { r.Evaluations[0].Correct = nil; r.Evaluations[0].Metrics["accuracy"] -= 0.1 }),
			"quality, accuracy, euler, 4 steps, guidance 2", Skipped, "too few seeds"},
		{"worse samples of one", 1, Options{}, each(worse), "quality, accuracy, heun, 4 steps, guidance 2", Failed, "significantly worse"},
		{"slightly worse samples of one", 1, Options{}, each(func(r *compare.Record) {
			r.Evaluations[0].Correct[1] = false
			r.Evaluations[0].Metrics["accuracy"] -= 0.0025
		}),
			"quality, accuracy, euler, 4 steps, guidance 2", OK, "not significantly worse"},
		{"samples that were not measured", 2, Options{}, each(func(r *compare.Record) { r.Evaluations = r.Evaluations[:1] }),
			"quality, accuracy, heun, 4 steps, guidance 2", Failed, "0 of 2 runs have a value"},
		{"half as fast", 2, Options{}, each(func(r *compare.Record) { r.Scalars["step_ratio"] *= 2 }), "speed", Failed,
			"a step takes 40 calibrations, was 20: 2.00 times as many, allowed are 1.5"},
		{"half as fast, and allowed", 2, Options{SpeedAllowance: 3}, each(func(r *compare.Record) { r.Scalars["step_ratio"] *= 2 }),
			"speed", OK, "allowed are 3"},
		{"faster", 2, Options{}, each(func(r *compare.Record) { r.Scalars["step_ratio"] /= 2 }), "speed", OK, "0.50 times"},
		{"no calibration", 2, Options{}, each(func(r *compare.Record) { delete(r.Scalars, "step_ratio") }), "speed", Failed,
			"a run has no step_ratio"},
		{"another config", 2, Options{}, each(func(r *compare.Record) { r.Config["train.lr"] = "0.002" }), "config", Failed,
			"train.lr: 0.002, was 0.001): save the baseline again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			report, checks := judged(t, tc.seeds, tc.o, tc.change)
			c := checks["fm: "+tc.check]
			if c.Outcome != tc.want || !strings.Contains(c.Why, tc.says) {
				t.Errorf("it is %q because %q, want %q because %q", c.Outcome, c.Why, tc.want, tc.says)
			}
			for _, c := range report.Failed() {
				if c.Variant != "fm" {
					t.Errorf("%+v, whose runs did not change", c)
				}
			}
			if tc.want != Failed && len(report.Failed()) > 0 {
				t.Errorf("failed are %+v", report.Failed())
			}
		})
	}
}

// Four seeds that are worse by amounts that vary a little.
func TestWorseSamplesOfSeveralSeedsFail(t *testing.T) {
	change := func(fm []compare.Record) {
		for i := range fm {
			fm[i].Evaluations[0].Metrics["accuracy"] -= compare.Value(0.1 + 0.002*float64(i%3))
		}
	}
	_, checks := judged(t, 5, Options{}, change)
	if c := checks["fm: quality, accuracy, euler, 4 steps, guidance 2"]; c.Outcome != Failed || !strings.Contains(c.Why, "paired t") {
		t.Errorf("%+v", c)
	}
	if c := checks["fm: quality, accuracy, heun, 4 steps, guidance 2"]; c.Outcome != OK {
		t.Errorf("the other setting: %+v", c)
	}
}

func TestVariantsThatOnlyOneSideHas(t *testing.T) {
	base := []compare.Variant{{Label: "fm", Runs: records("fm", 2)}, {Label: "gone", Runs: records("gone", 2)}}
	report, err := Judge(compare.Data{Records: append(records("new", 1), records("fm", 2)...)}, base, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f := report.Failed(); len(f) != 1 || f[0] != (Check{"gone", "runs", Failed, "no run is of this variant of the baseline"}) {
		t.Errorf("failed are %+v", f)
	}
	last := report.Checks[len(report.Checks)-1]
	if last.Variant != "new" || last.Outcome != Skipped || !strings.Contains(last.Why, "the baseline has no such variant") {
		t.Errorf("the last check is %+v", last)
	}
	for name, c := range map[string]struct {
		now  []compare.Record
		base []compare.Variant
		o    Options
	}{
		"no runs":          {nil, base, Options{}},
		"no baseline":      {records("fm", 1), nil, Options{}},
		"a small speed":    {records("fm", 1), base, Options{SpeedAllowance: 0.5}},
		"a negative share": {records("fm", 1), base, Options{LossTolerance: -1}},
	} {
		if _, err := Judge(compare.Data{Records: c.now}, c.base, c.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAReportIsRendered(t *testing.T) {
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "harness.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	evil := "<script>|x"
	same := func(s string) string { return s }
	for name, now := range map[string][]compare.Record{"two runs": append(records(evil, 1), records("fm", 1)...),
		"one run": records(evil, 1)} {
		t.Run(name, func(t *testing.T) {
			report, err := Judge(compare.Data{Records: now}, []compare.Variant{{Label: evil, Runs: records(evil, 1)}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := report.WriteMarkdown(&b, same); err != nil {
				t.Fatal(err)
			}
			if text := b.String(); !strings.Contains(text, "### Benchmark: all 6 checks passed") || strings.Contains(text,
				evil) || !strings.Contains(text, `| &lt;script&gt;\|x | config | ok | the same |`) {
				t.Errorf("Markdown is\n%s", text)
			}
			page, err := report.HTML(t.Context(), st, same)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(page); strings.Contains(text, evil) || !strings.Contains(text,
				`<h2>Benchmark: all 6 checks passed`) || !strings.Contains(text, `<td class="better">ok</td>`) {
				t.Errorf("the page is\n%s", text)
			}
			var suites struct {
				Tests  int `xml:"tests,attr"`
				Suites []struct {
					Name string `xml:"name,attr"`
				} `xml:"testsuite"`
			}
			if err := xml.Unmarshal(report.JUnit(same), &suites); err != nil || suites.Tests != len(report.Checks) || suites.Suites[0].Name != evil {
				t.Errorf("JUnit is %+v (%v)", suites, err)
			}
		})
	}
}
