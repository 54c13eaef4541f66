package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/compare/comparetest"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

func TestImagesSeenAreShownEverywhere(t *testing.T) {
	st := tempStore(t)
	small := makeRun(t, st, sketch{Name: "small", Steps: 200, Accuracy: 0.9, Config: "train: {batch_size: 32}"})
	large := makeRun(t, st, sketch{Name: "large", Steps: 100, Accuracy: 0.9, Config: "train: {batch_size: 64}"})
	r := compared(t, st, compare.Options{}, small, large)
	var markdown, lines bytes.Buffer
	must(t, WriteMarkdown(&markdown, r, same))
	must(t, WriteCSV(&lines, r))
	page := pageOf(t, st, r)
	data, err := json.Marshal(JSON(r))
	must(t, err)
	for what, c := range map[string]struct {
		text  string
		wants []string
	}{
		"tables": {fmt.Sprint(Tables(r, same)), []string{"Losses after the same number of training images [images seen ", "[batch size 32 64]",
			"[images seen 6400 6400]", "by images seen"}},
		"Markdown": {markdown.String(), []string{"### Losses after the same number of training images", "| batch size | 32 | 64 |",
			"> **the runs train with different batch sizes"}},
		"page": {page, []string{"Training loss by images seen", "Losses after the same number of training images", "different batch sizes"}},
		"CSV":  {lines.String(), []string{",batch_size,images_seen", ",32,6400", ",64,6400"}},
		"JSON": {string(data), []string{`"batch_sizes":[32,64]`, `"by_images":[{"images":640,`, `"images_seen":6400`}},
	} {
		for _, want := range c.wants {
			if !strings.Contains(c.text, want) {
				t.Errorf("the %s do not say %q:\n%s", what, want, c.text)
			}
		}
	}
	for _, f := range Figures(r, ChartOptions{Clean: same, Runs: true}) {
		if f.ID != "loss-images" {
			continue
		}
		for _, line := range f.Chart.Lines {
			if end := line.Points[len(line.Points)-1].X; end != 6400 {
				t.Errorf("%s ends at %g images", line.Label, end)
			}
		}
		return
	}
	t.Error("no chart by images seen")
}

func TestTablesCleanWhatUsersWrote(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, compare.Options{}, makeRun(t, st, sketch{Name: "x"}),
		makeRun(t, st, sketch{Name: "y", Notes: "evil\x1b", Config: "x: 1"}))
	clean := func(s string) string { return strings.ReplaceAll(s, "\x1b", "?") }
	if text := fmt.Sprint(Tables(r, clean)); strings.Contains(text, "\x1b") || !strings.Contains(text, "evil?") {
		t.Errorf("tables are %q", text)
	}
}

func TestQualityAgainstEvaluationsOfEverySetting(t *testing.T) {
	st := tempStore(t)
	settings := []record.Drawing{{Sampler: "euler", Steps: 50, Guidance: 2, NFE: 100}, {Sampler: "euler", Steps: 1, Guidance: 2, NFE: 2},
		{Sampler: "heun", Steps: 4, Guidance: 2, NFE: 16}}
	r := compared(t, st, compare.Options{}, append(seeds(t, st, 2, sketch{Name: "a", Accuracy: 0.95, Settings: settings}),
		makeRun(t, st, sketch{Name: "b", Accuracy: 0.9, Config: "x: 1"}))...)
	table := layout{r, same}.frontier()
	var lines []string
	for _, row := range table.Rows {
		lines = append(lines, fmt.Sprint(row[0], " ", row[1], " ", row[4]))
	}
	if want := []string{"a euler 2", "a euler 100", "a heun 16", r.Groups[1].Label + " euler 20"}; !slices.Equal(lines, want) {
		t.Errorf("lines are %q, want %q", lines, want)
	}
	if *r.Settings[0] == *r.Settings[1] {
		t.Errorf("they share no setting, and both are said to be of %v", r.Settings[0])
	}
	warned(t, r, "a difference is one of model and sampler together")
}

func TestTheFrontOfAMetricIsOfOneNumberOfImages(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, compare.Options{}, makeRun(t, st, sketch{Name: "a", Accuracy: 0.9}),
		makeRun(t, st, sketch{Name: "b", Accuracy: 0.8, Config: "x: 1", Images: 1000}))
	for _, f := range r.Frontiers {
		if want := f.Name == "accuracy"; f.Ranked != want || !slices.Equal(f.Images(), []int{200, 1000}) {
			t.Errorf("%s is ranked: %t, of %v images", f.Name, f.Ranked, f.Images())
		}
	}
	table := layout{r, same}.frontier()
	if text := fmt.Sprint(table.Header, table.Rows, table.Note); !strings.Contains(text, "s/image images accuracy") ||
		!strings.Contains(text, "no front") {
		t.Error(text)
	}
	if t2 := (layout{compared(t, st, compare.Options{}, makeRun(t, st, sketch{Name: "c", Accuracy: 0.9, Config: "x: 2"}),
		makeRun(t, st, sketch{Name: "d", Accuracy: 0.9, Config: "x: 3"})), same}).frontier(); slices.Contains(t2.Header, any("images")) {
		t.Errorf("all were measured on as many, and yet: %v", t2.Header)
	}
}

func TestTablesHaveALineForWhatDependsOnAKey(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, compare.Options{}, makeRun(t, st, sketch{Name: "a"}), makeRun(t, st, sketch{Name: "b", Seed: 1, Process: "ddpm"}))
	table := (layout{r, same}).differences("config", "", r.Config)
	if len(table.Rows) != 3 {
		t.Errorf("the table has %d lines: %v", len(table.Rows), table.Rows)
	}
}

func TestSamplingsAreSetBesideEachOther(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, compare.Options{}, makeRun(t, st, sketch{Name: "a"}), makeRun(t, st, sketch{Name: "b", Config: "x: 1"}))
	text := fmt.Sprint(Tables(r, strings.ToUpper))
	for _, want := range []string{"20, 0.01 s", "Sampling", "loss, mean of last 100"} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q: %s", want, text)
		}
	}
}

func TestReferencesAreShownWithTheirNumberOfImages(t *testing.T) {
	st := tempStore(t)
	for _, images := range []int{200, 1000} {
		for kind, value := range map[store.ReferenceKind]float64{store.ReferenceReal: 0.99, store.ReferenceNoise: 0.1} {
			must(t, st.AddReference(t.Context(), store.Reference{Dataset: "mnist", Classifier: comparetest.Classifier, Kind: kind, Images: images,
				Metrics: []store.Metric{{Name: "accuracy", Value: value + float64(images)/1e6}}}))
		}
	}
	few, many := makeRun(t, st, sketch{Name: "few", Accuracy: 0.9}), makeRun(t, st,
		sketch{Name: "many", Accuracy: 0.9, Config: "x: 1", Images: 1000})
	other := makeRun(t, st, sketch{Name: "other", Accuracy: 0.9, Config: "x: 2"})
	rendered := func(runs ...*store.Run) (table, lines, page string) {
		r := compared(t, st, compare.Options{}, runs...)
		var b bytes.Buffer
		must(t, WriteCSV(&b, r))
		return fmt.Sprint(layout{r, same}.metrics()), b.String(), pageOf(t, st, r)
	}
	for name, c := range map[string]struct {
		runs    []*store.Run
		has     []string
		hasNot  []string
		csv     []string
		csvLess string
	}{
		"one number": {[]*store.Run{few, other}, []string{"(real images, 200)  0.9902", "(noise, 200)  0.1002", "guidance 2; 200 images each)"},
			[]string{"1000)"},
			[]string{"reference,real,,,accuracy,quality,higher,,,,200,,0.9902,",
				"euler,10,2,200,"}, "reference,real,,,accuracy,quality,higher,,,,1000,"},
		"two numbers": {[]*store.Run{few, many}, []string{"(real images, 200)  0.9902", "(noise, 1000)  0.101", "guidance 2)"},
			[]string{"images each"},
			[]string{"reference,real,,,accuracy,quality,higher,,,,200,,0.9902,", "reference,noise,,,accuracy,quality,higher,,,,1000,,0.101,",
				"euler,10,2,1000,"}, "none"},
	} {
		table, lines, page := rendered(c.runs...)
		for _, want := range c.has {
			if !strings.Contains(table, want) {
				t.Errorf("%s: the table has no %q: %s", name, want, table)
			}
			if cell, _, _ := strings.Cut(want, "  "); strings.HasPrefix(cell, "(") && !strings.Contains(page, cell) {
				t.Errorf("%s: the page has no %q", name, cell)
			}
		}
		for _, bad := range c.hasNot {
			if strings.Contains(table, bad) {
				t.Errorf("%s: the table has %q: %s", name, bad, table)
			}
		}
		for _, want := range c.csv {
			if !strings.Contains(lines, want) || strings.Contains(lines, c.csvLess) {
				t.Errorf("%s: the CSV has no %q, or has %q:\n%s", name, want, c.csvLess, lines)
			}
		}
	}
}
