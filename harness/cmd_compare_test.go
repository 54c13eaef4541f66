package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/grid"
	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
)

// comparisonStore makes a store with the runs fm (4 seeds), fast (4 seeds, a
// higher learning rate, less accurate), ddpm (1 seed) and stopped (running).
func comparisonStore(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "harness.db")
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for seed := range uint64(4) {
		addComparisonRun(t, st, "fm", "flow_match", seed, 0.001, 0.97, record.StatusFinished)
	}
	for seed := range uint64(4) {
		addComparisonRun(t, st, "fast", "flow_match", seed, 0.01, 0.9, record.StatusFinished)
	}
	addComparisonRun(t, st, "ddpm", "ddpm", 0, 0.001, 0.95, record.StatusFinished)
	addComparisonRun(t, st, "fast", "flow_match", 9, 0.01, 0.9, record.StatusInterrupted)
	return path
}

func addComparisonRun(t *testing.T, st *store.Store, name, process string, seed uint64, lr, accuracy float64, status record.Status) {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: name, Seed: seed, Process: process, Dataset: "digits", ConfigHash: "c0ffee",
		ResolvedYAML: fmt.Sprintf("name: %s\nseed: %d\nprocess: {name: %s}\ntrain: {lr: %g}\n", name, seed, process,
			lr), Environment: map[string]any{"machine": map[string]any{"hostname": "box"}}})
	ok(err)
	w, err := st.OpenWriter(t.Context(), run.ID)
	ok(err)
	rng := random.New(seed, name, 0)
	for step := 1; step <= 50; step++ {
		w.Point("train/loss", step, 1/float64(step)+0.01*rng.Float64())
		w.Phase("step", step, 10*time.Millisecond)
	}
	w.Progress(50, 50)
	images := make([]float32, 2*8*8)
	random.Normal(rng, images)
	picture, err := grid.Encode(images, dataset.Spec{Height: 8, Width: 8, Channels: 1}, 1, 2)
	ok(err)
	correct := make([]bool, 100)
	for i := range correct {
		correct[i] = random.New(0, "noise", uint64(i)).Float64() < accuracy
	}
	for _, steps := range []int{4, 8} {
		d := record.Drawing{Sampler: "euler", SamplerJSON: `{"name":"euler"}`, Steps: steps, Guidance: 2, NFE: 2 * steps,
			Images: 100, Seconds: 1, Step: 50}
		ok(w.Sample(t.Context(), store.SampleRecord{Drawing: d, PNG: picture}))
		ok(st.AddEvaluation(t.Context(), run.ID, store.EvaluationRecord{Drawing: d, Dataset: "digits", Classifier: "c1a551", Correct: correct,
			Metrics: []store.Metric{{Name: "accuracy", Value: accuracy + 0.003*rng.NormFloat64()}, {Name: "accuracy/3", Value: accuracy}}}))
	}
	ok(w.Finish(t.Context(), status, ""))
}

// harness runs a command line on a store.
func harness(t *testing.T, storePath string, args ...string) (code int, out, talk string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append(args, "--store", storePath), streams{in: strings.NewReader(""), out: terminal.To(&stdout),
		err: terminal.To(&stderr)})
	return code, stdout.String(), stderr.String()
}

func says(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not say %q:\n%s", what, w, text)
		}
	}
}

func TestCompareGroupsSeedsByName(t *testing.T) {
	path := comparisonStore(t)
	code, out, talk := harness(t, path, "compare", "fm", "fast", "--group-by", "config")
	if code != 0 || talk != "" {
		t.Fatalf("exit code %d, %s", code, talk)
	}
	says(t, "the table", out, "accuracy ↑", "fast is worse than fm", "paired t", "Quality against network calls", "train.lr", "▁",
		"warning: runs named fast that are not finished are left out (1)")
	if code, out, talk := harness(t, path, "compare", "fast", "--group-by", "train.lr"); code != 0 || !strings.Contains(out,
		"form one group") {
		t.Errorf("one name: %d, %s", code, talk)
	}
	code, out, _ = harness(t, path, "compare", "fm", "fast")
	if code != 0 {
		t.Fatal(code)
	}
	says(t, "a comparison of single runs", out, "too few seeds to tell")
}

func TestCompareWritesWhatProgramsRead(t *testing.T) {
	path := comparisonStore(t)
	_, out, _ := harness(t, path, "compare", "fm", "fast", "--group-by", "config", "--json")
	var result struct {
		Groups  []struct{ Label string }
		Metrics []struct {
			Name        string
			Comparisons []struct{ Verdict, Test, Sentence string }
		}
		Warnings []string
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil || len(result.Groups) != 2 ||
		result.Metrics[0].Comparisons[0].Verdict != "worse" {
		t.Errorf("%v: %+v", err, result)
	}
	_, out, _ = harness(t, path, "compare", "fm", "fast", "--group-by", "config", "--csv", "--metric", "accuracy*")
	lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(lines) != 1+2*(4+4+2) {
		t.Errorf("%v: %d lines\n%s", err, len(lines), out)
	}
	_, out, _ = harness(t, path, "compare", "fm", "ddpm", "--markdown")
	says(t, "the Markdown", out, "### Runs\n", "| name | fm | ddpm |", "> **losses are not comparable: the runs predict different targets**")
}

func TestCompareWritesFiles(t *testing.T) {
	path := comparisonStore(t)
	dir := t.TempDir()
	code, out, talk := harness(t, path, "compare", "fm", "fast", "--html", filepath.Join(dir, "a.html"), "--grid", filepath.Join(dir, "a.png"))
	if code != 0 {
		t.Fatal(talk)
	}
	if want := "against"; strings.Count(out, "\n") > 2 || !strings.Contains(out, want) {
		t.Errorf("besides the files it prints\n%s", out)
	}
	says(t, "the talk", talk, "euler, 4 steps, guidance 2; below: how much each differs", "a.html: written")
	page, err := os.ReadFile(filepath.Join(dir, "a.html"))
	if err != nil {
		t.Fatal(err)
	}
	says(t, "the page", string(page), "<!doctype html>", "<svg", "data:image/png;base64,", "too few seeds")
	picture, err := os.ReadFile(filepath.Join(dir, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(picture)); err != nil || img.Bounds().Dy() < 2*20 {
		t.Errorf("%v, %v", err, img.Bounds())
	}
}

func TestCompareRefuses(t *testing.T) {
	path := comparisonStore(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"fm"}, 2, "at least two runs"},
		{[]string{}, 2, "at least two runs"},
		{[]string{"ddpm", "--group-by", "config"}, 2, "at least two runs, got 1"},
		{[]string{"fm", "fm"}, 2, "is named twice"},
		{[]string{"fm", "nothing"}, 1, "nothing"},
		{[]string{"fm", "fast", "--json", "--csv"}, 2, "--json and --csv exclude each other"},
		{[]string{"fm", "fast", "--group-by", "train.lrr"}, 2, "no run has this config key"},
		{[]string{"fm", "fast", "--metric", "acuracy"}, 2, "no run has such a metric"},
		{[]string{"fm", "fast", "--steps", "5"}, 2, "there are: euler, 4 steps, guidance 2; euler, 8 steps, guidance 2"},
		{[]string{"fm", "fast", "--target", "fid=3"}, 2, "write val/loss=0.2 or accuracy=0.95"},
		{[]string{"fm", "--baseline", "none.json"}, 2, "there is no baseline file none.json"},
		{[]string{"fm", "fast", "--steps", "8", "--fail-if", "acuracy < baseline"}, 2,
			"column 1: unknown name \"acuracy\" (did you mean accuracy?)"},
		{[]string{"fm", "fast", "--steps", "8", "--fail-if", "accuracy / 0 < 1"}, 2, "column 10: division by zero"},
		{[]string{"fm", "fast", "--fail-if", "accuracy < baseline"}, 2, "choose one of them by its sampler, steps and guidance: euler, 4 steps"},
	} {
		code, out, talk := harness(t, path, append([]string{"compare"}, c.args...)...)
		if code != c.code || !strings.Contains(talk, c.says) || out != "" {
			t.Errorf("%v: exit code %d, %q on stdout, %s", c.args, code, out, talk)
		}
	}
}

func TestTheGate(t *testing.T) {
	path := comparisonStore(t)
	file := filepath.Join(t.TempDir(), "baseline.json")
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := st.RunsNamed(t.Context(), "fm")
	st.Close()
	if err != nil {
		t.Fatal(err)
	}
	save := []string{"baseline", "save", file}
	for _, info := range infos {
		save = append(save, info.ID)
	}
	code, _, talk := harness(t, path, save...)
	if code != 0 {
		t.Fatal(talk)
	}
	says(t, "saving", talk, "baseline.json: 4 runs, 8 evaluations")
	if code, _, talk := harness(t, path, save...); code != 2 || !strings.Contains(talk, "--force") {
		t.Errorf("a baseline was replaced: %d, %s", code, talk)
	}
	if code, _, talk := harness(t, path, "baseline", "save", file+"2", "fm", "fast"); code != 2 || !strings.Contains(talk,
		"differ in more than their seed (train.lr)") {
		t.Errorf("a baseline of two variants: %d, %s", code, talk)
	}

	gate := func(args ...string) (int, string, string) {
		return harness(t, path, append([]string{"compare", "fast", "--group-by", "config", "--steps", "8"}, args...)...)
	}
	for _, base := range []string{file, "fm"} {
		code, out, talk := gate("--baseline", base, "--fail-if", "accuracy < baseline - 0.01", "--fail-if",
			"significantly_worse(accuracy)", "--fail-if", "steps_per_second < 0.5 * baseline")
		if code != 4 {
			t.Errorf("%s: exit code %d, %s", base, code, talk)
		}
		says(t, "the gate", out, "Gate", "accuracy < baseline - 0.01", "FAILED", "passed", "paired t over 4 and 4 seeds")
		says(t, "the talk", talk, "the gate failed: 2 of 3 checks")
		if code, _, talk := gate("--baseline", base, "--fail-if", "accuracy < baseline - 0.5"); code != 0 {
			t.Errorf("%s: a condition that does not hold gives exit code %d, %s", base, code, talk)
		}
	}
	_, out, _ := gate("--baseline", file, "--fail-if", `metric("accuracy/3") < baseline`, "--json")
	says(t, "the JSON", out, `"gate": [`, `"failed": true`, `"metric": "accuracy/3"`)
	_, out, _ = gate("--baseline", file, "--fail-if", "accuracy < baseline", "--markdown")
	says(t, "the Markdown", out, "### Gate", "accuracy &lt; baseline")

	page := filepath.Join(t.TempDir(), "a.html")
	if code, _, talk := gate("--baseline", file, "--html", page, "--grid", page+".png"); code != 0 {
		t.Errorf("a page of a baseline file: %d, %s", code, talk)
	}

	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content[:len(content)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, talk := gate("--baseline", file, "--fail-if", "accuracy < baseline"); code != 2 || !strings.Contains(talk, "truncated") {
		t.Errorf("a truncated baseline: %d, %s", code, talk)
	}
}

func TestTablesFitTheirWidth(t *testing.T) {
	path := comparisonStore(t)
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	infos, err := st.ListRuns(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var runs []*store.Run
	for _, info := range infos {
		run, err := st.Run(t.Context(), info.ID)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	for _, n := range []int{2, 5, len(runs)} {
		result, err := compare.Load(t.Context(), st, runs[:n])
		if err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{60, 80, 120, 200} {
			var out bytes.Buffer
			o := &compareOptions{app: &app{streams: streams{out: terminal.To(&out)}}}
			for _, table := range report.Tables(result, clean) {
				if len(table.Rows) > 0 {
					printTable(&out, table, width)
				}
			}
			o.printFindings(report.Findings(result), width)
			for line := range strings.SplitSeq(out.String(), "\n") {
				if w := utf8.RuneCountInString(line); w > width {
					t.Errorf("%d runs: a line is %d wide at %d: %s", n, w, width, line)
				}
			}
			if strings.Contains(out.String(), "~") {
				t.Errorf("%d runs: a line was cut at %d", n, width)
			}
		}
	}
}
