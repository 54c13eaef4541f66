package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

const hostile = `<script>alert("x")</script>&'`

// richRun has something of everything, with hostile texts wherever a text can be.
func richRun(t testing.TB, st *store.Store, name string, seed uint64) *store.Run {
	t.Helper()
	ctx := t.Context()
	diff := "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old " + hostile + "\n+new " + hostile + "\n same\n"
	run, err := st.CreateRun(ctx, store.NewRun{Name: name, Seed: seed, Process: "flow_match", Dataset: hostile, ConfigHash: "0123456789abcdef",
		CodeVersion: "c0de",
		Tags:        []string{"ta<g"}, Notes: "a note " + hostile,
		SourceYAML: "notes: " + hostile + "\ntrain: {lr: 0.002}\n",
		ResolvedYAML: "name: x\nnotes: '<script>alert(\"x\")</script>'\nseed: 1\nprocess:\n  name: flow_match\ntrain:\n  lr: 0.002\n  " +
			"batch_size: 128\n  steps: 60\n  eps: 1e-08\n",
		Overrides: []string{"train.batch_size=128"}, Argv: []string{"harness", "run", "it's.yaml", hostile},
		Environment: map[string]any{"machine": map[string]any{"hostname": hostile, "cpus": 2},
			"git": map[string]any{"commit": "abc", "dirty": true, "diff": diff}}})
	check(t, err)
	w, err := st.OpenWriter(ctx, run.ID)
	check(t, err)
	for step := 1; step <= 60; step++ {
		value := 1 / float64(step)
		switch step {
		case 20:
			value = math.NaN()
		case 30:
			value = math.Inf(1)
		}
		w.Point("train/loss", step, value)
		w.Point("train/lr", step, 0.002)
		w.Point(hostile+"/series", step, float64(step))
		w.Phase("step", step, 20*time.Millisecond)
		w.Progress(step, 60)
	}
	w.Phase("sampling", 60, 400*time.Millisecond)
	for i, level := range []string{"info", "warning", "error"} {
		w.Log(level, fmt.Sprintf("line %d %s", i, hostile))
	}
	check(t, w.Flush(ctx))
	for i, step := range []int{20, 40, 60} {
		for _, sampler := range []string{"euler", "heun"} {
			for _, steps := range []int{1, 10} {
				var warnings []string
				if steps == 1 {
					warnings = []string{"few steps, " + hostile}
				}
				d := record.Drawing{Step: step, Epoch: i + 1, Sampler: sampler, SamplerJSON: "{}", Steps: steps, Guidance: 2, NFE: steps, Images: 4,
					Seconds: 0.5, Warnings: warnings}
				check(t, st.AddSample(ctx, run.ID, store.SampleRecord{Drawing: d, PNG: square(t, uint8(40*(i+1)+steps), sampler == "heun")}))
			}
		}
	}
	for _, steps := range []int{1, 10} {
		check(t, st.AddEvaluation(ctx, run.ID, store.EvaluationRecord{
			Drawing: record.Drawing{Step: 60, Epoch: 3, Sampler: "euler", SamplerJSON: "{}", Steps: steps, Guidance: 2, NFE: 2 * steps, Images: 100,
				Seconds: 1, Warnings: []string{"few images to measure"}},
			Dataset: "digits", Classifier: "c", Correct: make([]bool, 100),
			Metrics: []store.Metric{{Name: "accuracy", Value: 0.5 + float64(steps)/100, StdErr: 0.0123},
				{Name: "accuracy_class_3", Value: 0.25, StdErr: math.NaN()}, {Name: hostile, Value: 1, StdErr: math.NaN()}}}))
	}
	check(t, w.Finish(ctx, record.StatusFailed, "because "+hostile))
	return run
}

// square is a small picture of one colour.
func square(t testing.TB, shade uint8, other bool) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 28, 28))
	for i := range m.Pix {
		m.Pix[i] = shade
	}
	if other {
		m.SetGray(0, 0, color.Gray{})
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, m))
	return b.Bytes()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// getPage returns the status and the text at an address.
func getPage(t testing.TB, address string) (int, string) {
	t.Helper()
	status, text, _ := visit(t, address)
	return status, text
}

// section is a part of a page between two ids.
func section(t testing.TB, page, id string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `<section id="`+id+`"`)
	if !ok {
		t.Fatalf("there is no section %s", id)
	}
	text, _, _ := strings.Cut(rest, "</section>")
	return text
}

func TestThePageOfARunHasAllThatIsRecorded(t *testing.T) {
	st := newStore(t)
	before := addRun(t, st, "rich", 1, 3)
	run := richRun(t, st, "rich", 2)
	after := addRun(t, st, "rich", 3, 3)
	address := serve(t, web.Options{Store: st})
	status, page := getPage(t, address+"/runs/"+run.Slug)
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, page)
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("a text of a run is not escaped")
	}
	if len(page) > 200_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	head, _, _ := strings.Cut(page, `<section id="curves"`)
	for part, wants := range map[string][]string{
		head: {"failed", "because &lt;script&gt;", "60 of 60 steps", "ta&lt;g", "a note &lt;script&gt;", "c0de", "0123456789ab", `rel="prev"`,
			before.Slug, after.Slug,
			`harness run &#39;it&#39;\&#39;&#39;s.yaml&#39;`, "harness verify " + run.Slug, `action="/runs/tags"`},
		section(t, page, "curves"): {`id="plot-loss"`, `id="plot-train-lr"`, `id="plot-phases"`, "<title>NaN</title>", "<title>∞</title>",
			"&lt;script&gt;", "Smoothed with 0.8",
			"/series/train/loss.csv"},
		section(t, page, "timeline"): {"75.0 %", "25.0 %", "1.2 s", "1.6 s", "20 ms"},
		section(t, page, "samples"): {"euler, 1 step, guidance 2", "heun, 10 steps, guidance 2", "step 20, epoch 1",
			`alt="4 images drawn after step 60 by heun in 10 steps with guidance 2"`,
			`loading="lazy"`, `max="2"`, `<ul class="warnings"><li>few steps, `},
		section(t, page, "measured"): {"accuracy", "↑", "0.600 ± 0.012", "accuracy_class_3", "accuracy against network calls", "10 ms",
			"<li>few images to measure</li></ul>"},
		section(t, page, "config"): {"differs from the defaults", "default 256", "--set", "default 0.001", "config file",
			"train.batch_size=128", "Only what differs"},
		section(t, page, "machine"): {"hostname", `class="added">&#43;new &lt;script&gt;`, `class="removed">-old`, `class="place">@@`,
			`class="file">&#43;&#43;&#43;`},
		section(t, page, "log"): {"<b>warning</b>", "<b>error</b>", "line 2 &lt;script&gt;", "/log"},
	} {
		for _, want := range wants {
			if !strings.Contains(part, want) {
				t.Errorf("%s is not in\n%.1500s", want, part)
			}
		}
	}
}

func TestWhatARunsAddressCanSay(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	address := serve(t, web.Options{Store: st}) + "/runs/" + run.Slug
	for _, c := range []struct {
		name, query  string
		with, hidden []string
	}{
		{"only some series", "series=train/lr", []string{`id="plot-train-lr"`, "Usual plots"}, []string{`id="plot-loss"`}},
		{"all phases as one of several", "series=" + url.QueryEscape("time/*") +
			"&series=train/loss", []string{`id="plot-phases"`, `id="plot-loss"`}, []string{`id="plot-train-lr"`}},
		{"no smoothing", "smooth=0", nil, []string{"Smoothed", "faint"}},
		{"a linear axis", "y=linear", []string{`<option value="linear" selected`}, nil},
		{"time that was recorded", "x=time", []string{"seconds"}, nil},
		{"epochs that nobody knows", "x=epoch", []string{"this is over steps"}, nil},
		{"a stretch of steps", "zoom=5-10", []string{"Steps 5 to 10", "Whole range"}, []string{"<title>NaN</title>"}},
		{"a stretch without points", "zoom=1000-2000", []string{"No values here"}, nil},
		{"grids of another setting", "grid=" + url.QueryEscape("heun|10|2"), []string{`<option value="heun|10|2" selected`}, nil},
		{"a setting that is not there", "grid=none", []string{`<option value="euler|10|2" selected`}, nil},
		{"only what differs", "config=differs", []string{"Show all", "batch_size"}, []string{`<span class="key">eps</span>`}},
		{"what is no business of this page", "token=x&more=y", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, page := getPage(t, address+"?"+c.query)
			if status != http.StatusOK {
				t.Fatalf("%d: %s", status, page)
			}
			for _, want := range c.with {
				if !strings.Contains(page, want) {
					t.Errorf("%s is missing", want)
				}
			}
			for _, no := range c.hidden {
				if strings.Contains(page, no) {
					t.Errorf("%s is there", no)
				}
			}
		})
	}
}

func TestNonsenseInARunsAddressIsRefused(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	address := serve(t, web.Options{Store: st})
	many := ""
	for i := range 50 {
		many += fmt.Sprintf("series=s%d&", i)
	}
	for path, want := range map[string]int{
		"?zoom=9-5": 400, "?zoom=x": 400, "?zoom=-5": 400, "?zoom=1-": 400, "?zoom=1-99999999999999999999": 400, "?zoom=5-5": 400,
		"?smooth=1": 400, "?smooth=NaN": 400, "?smooth=-0.1": 400, "?y=up": 400, "?x=distance": 400, "?config=all": 400, "?" + many: 400,
		"/series/train/loss": 404, "/series/none.csv": 404, "/series/train/loss.csv?zoom=2-1": 400,
	} {
		if status, page := getPage(t, address+"/runs/"+run.Slug+path); status != want || !strings.Contains(page, `class="problem"`) {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	for _, path := range []string{"/runs/nobody", "/runs/nobody/log", "/runs/nobody/diff", "/runs/nobody/series/train/loss.csv", "/runs/" +
		run.Slug + "/elsewhere"} {
		if status, _ := getPage(t, address+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestValuesAndLogsAreServedAsText(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	address := serve(t, web.Options{Store: st}) + "/runs/" + run.Slug
	for path, want := range map[string]string{
		"/series/train/loss.csv?zoom=19-21":                           "step,value\n19,0.05263157894736842\n20,NaN\n21,0.047619047619047616\n",
		"/series/" + url.PathEscape(hostile) + "/series.csv?zoom=1-2": "step,value\n1,1\n2,2\n",
	} {
		if status, text := getPage(t, address+path); status != http.StatusOK || text != want {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}
	answer, err := http.Get(address + "/log")
	check(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	if kind := answer.Header.Get("Content-Type"); kind != "text/plain; charset=utf-8" ||
		!strings.Contains(string(text), "error   line 2 "+hostile) {
		t.Errorf("the log is %s\n%s", kind, text)
	}
	if status, page := getPage(t, address+"/diff"); status != http.StatusOK ||
		!strings.Contains(page, `class="added">&#43;new &lt;script&gt;`) {
		t.Errorf("the diff: %d %s", status, page)
	}
}

func TestAServerThatOnlyShowsOffersNoForms(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	_, page := getPage(t, serve(t, web.Options{Store: st, ReadOnly: true})+"/runs/"+run.Slug)
	if strings.Contains(page, "data-edit") || strings.Contains(page, "/runs/tags") || !strings.Contains(page, "ta&lt;g") {
		t.Error("it offers to edit, or does not show the tags")
	}
}

func TestARunThatHasNothingYetIsShown(t *testing.T) {
	st := newStore(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "new", ResolvedYAML: "{}", Environment: nil})
	check(t, err)
	status, page := getPage(t, serve(t, web.Options{Store: st})+"/runs/"+run.Slug)
	for _, want := range []string{"Nothing has been recorded yet", "No phase has been timed yet", "No grids have been drawn yet",
		"Nothing has been measured yet", "Nothing has been logged"} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%d: %s is missing", status, want)
		}
	}
}

func TestValuesThatDifferFromTheBaseAreMarked(t *testing.T) {
	st := newStore(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "based", SourceYAML: "base: fm.yaml\ntrain: {lr: 0.001, batch_size: 64}\n",
		BaseYAML:     "name: \"\"\ntrain:\n  lr: 0.003\n  batch_size: 64\n",
		ResolvedYAML: "name: based\ntrain:\n  lr: 0.001\n  batch_size: 64\n", Environment: map[string]any{}})
	check(t, err)
	_, page := getPage(t, serve(t, web.Options{Store: st})+"/runs/"+run.Slug+"?config=differs")
	config := section(t, page, "config")
	// What the file says again is not a difference.
	for want, there := range map[string]bool{"differs from its base, fm.yaml": true, "base 0.003": true,
		`<span class="key">batch_size</span>`: false} {
		if strings.Contains(config, want) != there {
			t.Errorf("%s: there is %v in\n%s", want, !there, config)
		}
	}
}

func TestOfABasedConfigWhatItSaysItselfIsMarked(t *testing.T) {
	st := newStore(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "based", SourceYAML: "base: fm_<b>.yaml\ntrain: {lr: 0.001}\n",
		ResolvedYAML: "name: based\ntrain:\n  lr: 0.001\n  batch_size: 64\n", Environment: map[string]any{}})
	check(t, err)
	_, page := getPage(t, serve(t, web.Options{Store: st})+"/runs/"+run.Slug+"?config=differs")
	config := section(t, page, "config")
	for want, there := range map[string]bool{"based on fm_&lt;b&gt;.yaml": true, `<span class="key">lr</span>`: true,
		`<span class="key">batch_size</span>`: false} {
		if strings.Contains(config, want) != there {
			t.Errorf("%s: there is %v in\n%s", want, !there, config)
		}
	}
}

func TestRunsThatDifferInTheirSeedAreLinked(t *testing.T) {
	st := newStore(t)
	runs := map[string]*store.Run{}
	for name, sets := range map[string][]string{"one": {"seed=1"}, "two": {"seed=2"}, "slow": {"seed=3", "train.lr=1e-5"}} {
		runs[name] = configured(t, st, "family", sets...)
	}
	_, page := getPage(t, serve(t, web.Options{Store: st})+"/runs/"+runs["one"].Slug)
	if !strings.Contains(page, `title="`+runs["two"].Slug+`, `) || !strings.Contains(page,
		"/compare?run="+runs["one"].Slug+"&amp;run="+runs["two"].Slug) || strings.Contains(page, `title="`+runs["slow"].Slug+`, `) {
		t.Errorf("the siblings are wrong:\n%s", page[strings.Index(page, `id="facts"`):][:2500])
	}
}

func TestTheTimingOfALongRunThatRunsIsAFewSecondsOldAtMost(t *testing.T) {
	st := newStore(t)
	ctx := t.Context()
	var passed atomic.Int64
	begin := time.Now()
	address := serve(t, web.Options{Store: st, Now: func() time.Time { return begin.Add(time.Duration(passed.Load())) }})
	run, err := st.CreateRun(ctx, store.NewRun{Name: "long", ResolvedYAML: "{}", Environment: map[string]any{}})
	check(t, err)
	w, err := st.OpenWriter(ctx, run.ID)
	check(t, err)
	step := 0
	counted := func(more int) string {
		t.Helper()
		for range more {
			step++
			w.Phase("step", step, time.Millisecond)
		}
		if more > 0 {
			check(t, w.Flush(ctx))
		}
		_, page := getPage(t, address+"/runs/"+run.Slug)
		_, row, _ := strings.Cut(section(t, page, "timeline"), `<span class="block s0"></span> step</th>`)
		row, _, _ = strings.Cut(row, "</tr>")
		cells := strings.Split(row, `<td class="number">`)
		return strings.ReplaceAll(strings.TrimSuffix(cells[3], "</td>"), " ", "")
	}
	if got := counted(5000) + " " + counted(1); got != "5000 5001" {
		t.Errorf("of a short run the counts are %s", got)
	}
	if got := counted(9999) + " " + counted(1); got != "15000 15000" {
		t.Errorf("asked again at once the counts are %s", got)
	}
	passed.Store(int64(6 * time.Second))
	if got := counted(1); got != "15002" {
		t.Errorf("six seconds later the count is %s", got)
	}
	w.Phase("step", step+1, time.Millisecond)
	check(t, w.Finish(ctx, record.StatusFinished, ""))
	if got := counted(0); got != "15003" {
		t.Errorf("at its end the count is %s", got)
	}
}

// configured is a run of a real config.
func configured(t testing.TB, st *store.Store, name string, sets ...string) *store.Run {
	t.Helper()
	c, err := config.Parse(name+".yaml", []byte("name: "+name+"\ntrain: {steps: 10}\n"), sets)
	check(t, err)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: c.Config.Name, Seed: c.Config.Seed, Process: c.Config.Process.Name,
		Dataset:    c.Config.Data.Name,
		ConfigHash: c.Hash, SourceYAML: string(c.Source), ResolvedYAML: string(c.YAML), Overrides: c.Overrides, Environment: map[string]any{}})
	check(t, err)
	return run
}

// TestTagsSurviveBeingSavedUnchanged: a tag may hold a space, so that the field has
// commas between them.
func TestTagsSurviveBeingSavedUnchanged(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "tagged", 0, 2)
	check(t, st.UpdateTags(t.Context(), run.ID, []string{"to check", "baseline"}, nil))
	address := serve(t, web.Options{Store: st})
	_, page := getPage(t, address+"/runs/"+run.Slug)
	_, rest, found := strings.Cut(page, `name="tags" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	if !found || value != "baseline, to check" {
		t.Fatalf("the field holds %q", value)
	}
	answer, text := request(t, "POST", address+"/runs/tags", "", url.Values{"run": {run.ID}, "tags": {value}}.Encode(), nil)
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	now, err := st.Run(t.Context(), run.ID)
	check(t, err)
	if !slices.Equal(now.Tags, []string{"baseline", "to check"}) {
		t.Errorf("the tags are %q", now.Tags)
	}
}

// TestASmoothedValueDoesNotDependOnTheZoom, whether the series is short or summed up in stretches.
func TestASmoothedValueDoesNotDependOnTheZoom(t *testing.T) {
	st := newStore(t)
	address := serve(t, web.Options{Store: st})
	for _, steps := range []int{400, 6000} {
		run := addRun(t, st, fmt.Sprintf("of-%d", steps), 1, steps)
		at := func(query string) map[float64]float64 {
			_, page := getPage(t, address+"/runs/"+run.Slug+"?smooth=0.9"+query)
			_, rest, _ := strings.Cut(page, `id="plot-loss"`)
			m := regexp.MustCompile(`data-values="([^"]*)"`).FindStringSubmatch(rest)
			if m == nil {
				t.Fatal("no values of the loss")
			}
			var plot struct{ Lines []struct{ X, Y []float64 } }
			check(t, json.Unmarshal([]byte(html.UnescapeString(m[1])), &plot))
			if len(plot.Lines) != 2 {
				t.Fatalf("%d lines, want the values and the smoothed ones", len(plot.Lines))
			}
			values := map[float64]float64{}
			for i, y := range plot.Lines[1].Y {
				values[plot.Lines[0].X[i]] = y
			}
			return values
		}
		whole, zoomed := at(""), at("&zoom=100-300")
		both := 0
		for step, v := range zoomed {
			if w, ok := whole[step]; ok {
				if both++; math.Abs(v-w) > 1e-9 {
					t.Errorf("%d steps: at step %v it is %v, and zoomed in %v", steps, step, w, v)
				}
			}
		}
		if both < 5 || steps == 400 && both < 200 {
			t.Errorf("%d steps: only %d steps are in both", steps, both)
		}
	}
}
