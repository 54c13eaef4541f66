package compare

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"flowharness/harness/internal/store"
)

func same(s string) string { return s }

func labels(r *Result) (list []string) {
	for _, g := range r.Groups {
		list = append(list, fmt.Sprintf("%s:%d", g.Label, len(g.Counted)))
	}
	return list
}

func TestRunsThatDifferInTheirSeedFormAGroup(t *testing.T) {
	st := tempStore(t)
	a := seeds(t, st, 3, sketch{name: "a"})
	b := seeds(t, st, 2, sketch{name: "b", config: "train: {lr: 0.01}", notes: "other notes"})
	for _, c := range []struct {
		name string
		o    Options
		runs []*store.Run
		want []string
	}{
		{"by config", Options{}, slices.Concat(a, b), []string{"a:3", "b:2"}},
		{"said aloud", Options{GroupBy: []string{ByConfig}}, slices.Concat(b, a), []string{"b:2", "a:3"}},
		{"single runs go by their slugs", Options{}, []*store.Run{a[0], b[0]}, []string{a[0].Slug + ":1", b[0].Slug + ":1"}},
		{"by a key", Options{GroupBy: []string{"train.lr"}}, slices.Concat(a, b), []string{"lr=-:3", "lr=0.01:2"}},
		{"by two keys", Options{GroupBy: []string{"process.name", "train.lr"}}, slices.Concat(a, b), []string{"name=flow_match lr=-:3", "name=flow_match lr=0.01:2"}},
		{"a baseline is a group whatever it holds", Options{BaselineRuns: 2, BaselineLabel: "base"}, []*store.Run{a[0], b[0], a[1]}, []string{"base:2", a[1].Slug + ":1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := labels(compared(t, st, c.o, c.runs...)); !slices.Equal(got, c.want) {
				t.Errorf("groups are %v, want %v", got, c.want)
			}
		})
	}
}

func TestARepeatedRunIsNoNewObservation(t *testing.T) {
	st := tempStore(t)
	runs := seeds(t, st, 2, sketch{name: "a"})
	again := makeRun(t, st, sketch{name: "a", seed: 1})
	other := seeds(t, st, 2, sketch{name: "b", config: "x: 1"})
	r := compared(t, st, Options{}, append(append(runs, again), other...)...)
	if g := r.Groups[0]; len(g.Runs) != 3 || !slices.Equal(g.Counted, []int{0, 2}) {
		t.Errorf("group is %+v", g)
	}
	warned(t, r, "repeat another's config and seed")
}

func warned(t *testing.T, r *Result, says string) {
	t.Helper()
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, says) }) {
		t.Errorf("no warning says %q: %q", says, r.Warnings)
	}
}

func TestVerdicts(t *testing.T) {
	st := tempStore(t)
	good := seeds(t, st, 5, sketch{name: "good", accuracy: 0.97})
	bad := seeds(t, st, 5, sketch{name: "bad", accuracy: 0.90, config: "x: 1"})
	alike := seeds(t, st, 5, sketch{name: "alike", accuracy: 0.968, config: "x: 2"})
	flat := seeds(t, st, 4, sketch{name: "flat", accuracy: 0.9, steady: true, config: "x: 3"})
	for _, c := range []struct {
		name   string
		runs   []*store.Run
		metric string
		want   Verdict
		says   []string
	}{
		{"worse", slices.Concat(good, bad), "accuracy", Worse, []string{"bad is worse than good", "paired t", "after Holm over 3"}},
		{"better", slices.Concat(bad, good), "accuracy", Better, []string{"good is better than bad"}},
		{"lower is better", slices.Concat(bad, good), "fd_mnist_cnn", Better, []string{"good is better"}},
		{"other seeds: Welch", slices.Concat(bad[:4], good[1:]), "accuracy", Better, []string{"Welch t"}},
		{"no evidence", slices.Concat(good, alike), "accuracy", NoEvidence, []string{"no evidence that alike differs", "seeds each would be needed"}},
		{"too few", slices.Concat(good[:3], bad), "accuracy", TooFewSeeds, []string{"too few seeds", "5 and 3 seeds, at least 4 each", "about", "checkpoints alone"}},
		{"one each", []*store.Run{good[0], bad[0]}, "accuracy", TooFewSeeds, []string{"one seed each", "Of these two checkpoints alone", "the same 200 noises", "that says nothing about other seeds"}},
		{"no variance", slices.Concat(flat, seeds(t, st, 4, sketch{name: "flat2", accuracy: 0.8, steady: true, config: "x: 4"})), "accuracy", NoVariance, []string{"no test can be made", "zero variance"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := rowOf(t, compared(t, st, Options{}, c.runs...), c.metric).Comparisons[0]
			if got.Verdict != c.want {
				t.Errorf("verdict is %q: %+v", got.Verdict, got)
			}
			for _, says := range c.says {
				if !strings.Contains(got.Sentence, says) {
					t.Errorf("the sentence does not say %q: %s", says, got.Sentence)
				}
			}
		})
	}
}

func TestWhatMeansDifferentThingsIsNotRanked(t *testing.T) {
	st := tempStore(t)
	base := seeds(t, st, 4, sketch{name: "base", accuracy: 0.95})
	for _, c := range []struct {
		name    string
		other   sketch
		refused []string
		ranked  []string
		warning string
	}{
		{"another process", sketch{process: "ddpm", accuracy: 0.9}, []string{TrainLoss, ValLoss}, []string{"accuracy"}, "losses are not comparable: the runs predict different targets"},
		{"another coupling", sketch{accuracy: 0.9, config: "process.coupling: 1\n"}, nil, []string{"accuracy"}, ""},
		{"another dataset", sketch{accuracy: 0.9, dataset: "kmnist"}, []string{TrainLoss, ValLoss, "accuracy"}, nil, "measured against different datasets"},
		{"another classifier", sketch{accuracy: 0.9, class: "other", config: "x: 1"}, []string{"accuracy", "fd_mnist_cnn"}, []string{TrainLoss}, "measured by different classifiers (c1a551f1e4, other)"},
		{"another machine", sketch{accuracy: 0.9, host: "fast", config: "x: 1"}, []string{StepsPerSecond, SecondsPerImage}, []string{"accuracy", TrainLoss, NFE}, "timings are not comparable"},
		{"other labels dropped", sketch{accuracy: 0.9, config: "train: {label_drop: 0.1}"}, []string{TrainLoss}, []string{ValLoss}, "training losses are not comparable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.other.name = "other"
			if c.name == "another coupling" {
				c.other.config = "x: 1"
			}
			r := compared(t, st, Options{}, slices.Concat(base, seeds(t, st, 4, c.other))...)
			for _, metric := range c.refused {
				if got := rowOf(t, r, metric).Comparisons[0]; got.Verdict != NotComparable || !got.Difference.Missing() || !strings.Contains(got.Sentence, "not ranked") {
					t.Errorf("%s: %+v", metric, got)
				}
			}
			for _, metric := range c.ranked {
				if got := rowOf(t, r, metric).Comparisons[0]; got.Verdict == NotComparable {
					t.Errorf("%s: %s", metric, got.Sentence)
				}
			}
			if c.warning != "" {
				warned(t, r, c.warning)
			}
		})
	}
}

func TestACouplingChangesWhatALossMeans(t *testing.T) {
	records := []Record{{Run: Run{ID: "1"}, Config: map[string]string{"process.coupling": `"independent"`, "x": "1"}}, {Run: Run{ID: "2"}, Config: map[string]string{"process.coupling": `"optimal_transport"`, "x": "1"}}}
	r, err := Compare(Data{Records: records}, Options{})
	must(t, err)
	warned(t, r, "losses are not comparable: the runs couple noise and data differently")
	if r.LossRanked {
		t.Error("their losses are ranked")
	}
}

// everyComparison are comparisons of which each has something wrong with it.
func everyComparison(t *testing.T) map[string]*Result {
	st := tempStore(t)
	a := seeds(t, st, 4, sketch{name: "a", accuracy: 0.95})
	none := makeRun(t, st, sketch{name: "none", config: "x: 1", settings: []store.Drawing{}})
	long := makeRun(t, st, sketch{name: "long", config: "x: 2", steps: 300, accuracy: 0.9})
	diverged := makeRun(t, st, sketch{name: "diverged", config: "x: 3", accuracy: 0.5, status: store.StatusDiverged})
	running := makeRun(t, st, sketch{name: "running", config: "x: 4", status: store.StatusRunning})
	failed := makeRun(t, st, sketch{name: "failed", config: "x: 5", status: store.StatusFailed, steps: 1})
	ddpm := makeRun(t, st, sketch{name: "ddpm", process: "ddpm", accuracy: 0.9})
	nasty := makeRun(t, st, sketch{name: "x<script>alert(1)</script>|@all", config: "x: \"<b>&|*[y](z)\"", notes: "<script>alert(2)</script>\n| *bold*"})
	empty, err := st.CreateRun(t.Context(), store.NewRun{Name: "empty", ResolvedYAML: "x: 9", Environment: nil})
	must(t, err)
	return map[string]*Result{
		"one group":         compared(t, st, Options{}, a...),
		"without metrics":   compared(t, st, Options{}, a[0], none),
		"other step counts": compared(t, st, Options{}, a[0], long),
		"diverged":          compared(t, st, Options{}, a[0], diverged),
		"running":           compared(t, st, Options{}, a[0], running),
		"failed":            compared(t, st, Options{}, a[0], failed),
		"other processes":   compared(t, st, Options{}, a[0], a[1], ddpm),
		"nasty texts":       compared(t, st, Options{}, nasty, a[0]),
		"nothing recorded":  compared(t, st, Options{}, empty, a[0]),
		"nothing at all":    compared(t, st, Options{BaselineRuns: 1}, empty, none),
		"many":              compared(t, st, Options{Metrics: []string{"all"}, GroupBy: []string{"name"}}, append(a, none, long, diverged, ddpm, nasty)...),
	}
}

func TestEveryComparisonIsRenderedWhateverIsWrong(t *testing.T) {
	st := tempStore(t) // the page asks it for pictures: it has none, which is an error but for no grids at all
	for name, r := range everyComparison(t) {
		t.Run(name, func(t *testing.T) {
			r.Samples = []Sampling{}
			for _, width := range []int{0, 40, 80, 200} {
				for _, table := range r.Tables(same) {
					for _, part := range Fit(table, width) {
						for _, row := range part.Rows {
							if len(row) != len(part.Header) {
								t.Fatalf("%s: %d cells below %d headers", part.Title, len(row), len(part.Header))
							}
						}
						if w := naturalWidth(part); width >= 80 && w > width {
							t.Errorf("%s is %d wide at %d", part.Title, w, width)
						}
					}
				}
			}
			var markdown, lines bytes.Buffer
			must(t, r.WriteMarkdown(&markdown, same))
			must(t, r.WriteCSV(&lines))
			if _, err := csv.NewReader(&lines).ReadAll(); err != nil {
				t.Error(err)
			}
			text, err := json.Marshal(r)
			must(t, err)
			page, err := r.HTML(t.Context(), st, same)
			must(t, err)
			for what, text := range map[string]string{"page": string(page), "Markdown": markdown.String()} {
				if !utf8.ValidString(text) || strings.Contains(text, "<script>alert") || strings.Contains(text, "@all") || strings.Contains(text, "NaN") {
					if what == "page" && !strings.Contains(text, "<script>alert") && !strings.Contains(text, "NaN") {
						continue // a mention means nothing there
					}
					t.Errorf("the %s holds what it should not", what)
				}
			}
			if bytes.Contains(text, []byte("NaN")) {
				t.Error("the JSON holds NaN")
			}
			if bytes.Contains(page, []byte("http://")) && !bytes.Contains(page, []byte(`xmlns="http://www.w3.org/2000/svg"`)) || bytes.Contains(page, []byte("https://")) {
				t.Error("the page names a place on the network")
			}
		})
	}
}

func TestWarningsSayWhatIsWrong(t *testing.T) {
	all := everyComparison(t)
	for name, says := range map[string]string{
		"one group": "form one group", "other step counts": "different numbers of steps (100, 300)", "diverged": "is diverged after 100 of 100 steps",
		"running": "is running after", "failed": "is failed after", "without metrics": "has no evaluation",
	} {
		warned(t, all[name], says)
	}
	if c := rowOf(t, all["diverged"], TrainLoss).Comparisons[0]; c.Verdict != NoValue || !strings.Contains(c.Sentence, "has no value") {
		t.Errorf("the loss of a diverged run: %+v", c)
	}
}

func TestComparisonsThatMakeNoSenseAreRefused(t *testing.T) {
	st := tempStore(t)
	a, b := makeRun(t, st, sketch{name: "a", accuracy: 0.9}), makeRun(t, st, sketch{name: "b", config: "x: 1", accuracy: 0.9})
	data, err := Read(t.Context(), st, []*store.Run{a, b})
	must(t, err)
	guidance := 7.0
	for says, o := range map[string]Options{
		"no run has this config key; did you mean data.name, process.name": {GroupBy: []string{"proces.name"}},
		"cannot be joined":                       {GroupBy: []string{ByConfig, "x"}},
		"no run has such a metric; there are":    {Metrics: []string{"acuracy"}},
		"syntax error in pattern":                {Metrics: []string{"[a"}},
		"there are: euler, 10 steps, guidance 2": {Guidance: &guidance},
		"no evaluation fits":                     {Sampler: "heun"},
	} {
		var bad *OptionError
		if _, err := Compare(data, o); !errors.As(err, &bad) || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want one that says %q", err, says)
		}
	}
	if _, err := Compare(Data{Records: data.Records[:1]}, Options{}); err == nil || !strings.Contains(err.Error(), "at least two runs") {
		t.Errorf("one run: %v", err)
	}
	var twice *DuplicateError
	if _, err := Load(t.Context(), st, []*store.Run{a, b, a}); !errors.As(err, &twice) {
		t.Errorf("a run named twice: %v", err)
	}
}

func TestEqualInputGivesEqualOutput(t *testing.T) {
	st := tempStore(t)
	runs := slices.Concat(seeds(t, st, 4, sketch{name: "a", accuracy: 0.9}), seeds(t, st, 5, sketch{name: "b", accuracy: 0.92, config: "x: 1"}))
	var first []byte
	for range 3 {
		text, err := json.Marshal(compared(t, st, Options{}, runs...))
		must(t, err)
		if first == nil {
			first = text
		}
		if !bytes.Equal(first, text) {
			t.Fatal("two comparisons of the same runs differ")
		}
	}
}

func TestConfigDifferencesNameWhatDependsOnceOnly(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, Options{}, makeRun(t, st, sketch{name: "a"}), makeRun(t, st, sketch{name: "b", seed: 1, process: "ddpm"}))
	var free, dependent []string
	for _, d := range r.Config {
		if d.DependsOn == "" {
			free = append(free, d.Path)
		} else {
			dependent = append(dependent, d.Path)
		}
	}
	if !slices.Equal(free, []string{"process.name", "seed"}) || !slices.Contains(dependent, "process.beta_start") || !slices.Contains(dependent, "sampling.samplers") {
		t.Errorf("free %v, dependent %v", free, dependent)
	}
	table := (layout{r, same}).differences("config", "", r.Config)
	if len(table.Rows) != 3 {
		t.Errorf("the table has %d lines: %v", len(table.Rows), table.Rows)
	}
}

func TestWhatIsRankedIsDecidedForEachGroup(t *testing.T) {
	st := tempStore(t)
	var runs []*store.Run
	for _, k := range []sketch{{name: "fm"}, {name: "fm2", config: "x: 1"}, {name: "ddpm", process: "ddpm"}} {
		runs = append(runs, seeds(t, st, 4, k)...)
	}
	r := compared(t, st, Options{}, runs...)
	row := rowOf(t, r, TrainLoss)
	if row.Comparisons[0].Verdict == NotComparable || row.Comparisons[1].Verdict != NotComparable {
		t.Errorf("%q and %q", row.Comparisons[0].Sentence, row.Comparisons[1].Sentence)
	}
	var titles []string
	for _, f := range r.Figures(ChartOptions{Clean: same, Runs: true}) {
		titles = append(titles, f.Chart.Title)
	}
	if !slices.Contains(titles, "Training loss of fm and 1 more by step") || !slices.Contains(titles, "Training loss of ddpm by time") {
		t.Errorf("charts are %q", titles)
	}
}

func TestFindingsSayOnceWhatIsTheSameForSeveralMetrics(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, Options{}, makeRun(t, st, sketch{name: "a", accuracy: 0.9}), makeRun(t, st, sketch{name: "b", process: "ddpm", accuracy: 0.9}))
	var texts []string
	for _, f := range r.Findings() {
		texts = append(texts, f.Text)
	}
	text := strings.Join(texts, "\n")
	if len(texts) != 3 || !strings.Contains(text, "val/loss and train/loss of "+r.Groups[1].Label+" are not ranked: the runs predict different targets") {
		t.Error(text)
	}
}
