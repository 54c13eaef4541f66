package web_test

import (
	"fmt"
	"html"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// compareURL is the address of a comparison of runs.
func compareURL(address string, runs []*store.Run, more ...string) string {
	v := url.Values{}
	for _, run := range runs {
		v.Add("run", run.Slug)
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Add(more[i], more[i+1])
	}
	return address + "/compare?" + v.Encode()
}

func same(s string) string { return s }

func TestTheComparisonIsThatOfTheCommand(t *testing.T) {
	st := newStore(t)
	runs := twoGroups(t, st, 4, 40)
	address := serve(t, web.Options{Store: st})
	want, err := compare.Load(t.Context(), st, runs)
	if err != nil {
		t.Fatal(err)
	}
	status, body, _ := visit(t, compareURL(address, runs))
	if status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	body = html.UnescapeString(body)
	for _, table := range report.Tables(want, same) {
		if table.ID == "curves" || len(table.Rows) == 0 {
			continue
		}
		for _, row := range table.Rows {
			for _, cell := range row {
				if text := fmt.Sprint(cell); text != "" && !strings.Contains(body, ">"+text+"</t") {
					t.Errorf("table %s: the page has no cell %q", table.ID, text)
				}
			}
		}
	}
	for _, f := range report.Findings(want) {
		if !strings.Contains(body, f.Text) {
			t.Errorf("the page does not say %q", f.Text)
		}
	}
	if !strings.Contains(body, `<span class="badge better">better</span>`) {
		t.Error("no verdict is marked as better")
	}

	status, downloaded, header := visit(t, strings.Replace(compareURL(address, runs), "/compare?", "/compare/report?", 1))
	album, err := want.Album(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	page, err := report.HTML(want, album, same)
	if err != nil {
		t.Fatal(err)
	}
	if status != 200 || downloaded != string(page) {
		t.Errorf("status %d; the report is not that of harness compare --html", status)
	}
	if got := header.Get("Content-Disposition"); !strings.Contains(got, `attachment; filename="harness-compare.html"`) {
		t.Errorf("disposition %q", got)
	}
}

func TestAComparisonTakesTheOptionsOfTheCommand(t *testing.T) {
	st := newStore(t)
	runs := twoGroups(t, st, 2, 20)
	address := serve(t, web.Options{Store: st})
	for name, c := range map[string]struct {
		query url.Values
		want  string
	}{
		"names stand for runs where they are grouped": {url.Values{"run": {"slow", "quick"}, "group-by": {"train.lr"}}, "lr=0.0123"},
		"one metric": {url.Values{"run": {runs[0].Slug, runs[2].Slug}, "metric": {"accuracy"}}, "accuracy ↑"},
		"samples of few steps": {url.Values{"run": {runs[0].Slug, runs[2].Slug}, "steps": {"10"}},
			"samples: euler, 10 steps, guidance 2"},
		"a baseline":                   {url.Values{"run": {runs[0].Slug}, "baseline": {runs[2].Slug}}, "baseline " + runs[2].Slug},
		"several runs in a word":       {url.Values{"run": {runs[0].Slug + "," + runs[2].Slug}}, "too few seeds"},
		"single runs of a group":       {url.Values{"run": {"slow", "quick"}, "group-by": {"config"}, "lines": {"1"}}, "Hide single runs"},
		"a stretch of the images seen": {url.Values{"run": {runs[0].Slug, runs[2].Slug}, "by-images": {"5-10"}}, "Training loss by step"},
		"a stretch of the steps":       {url.Values{"run": {runs[0].Slug, runs[2].Slug}, "by-step": {"5-10"}}, "Training loss by step"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body, _ := visit(t, address+"/compare?"+c.query.Encode())
			if status != 200 || !strings.Contains(html.UnescapeString(body), c.want) {
				t.Errorf("status %d, and the page lacks %q", status, c.want)
			}
		})
	}
}

func TestRunsOfOtherBatchSizesAreShownByImagesSeen(t *testing.T) {
	st := newStore(t)
	a := addTrial(t, st, trial{name: "small", config: "batch_size: 32", steps: 40, accuracy: 0.5})
	b := addTrial(t, st, trial{name: "large", config: "batch_size: 64", steps: 20, accuracy: 0.6})
	address := serve(t, web.Options{Store: st})
	_, body, _ := visit(t, compareURL(address, []*store.Run{a, b}))
	for _, want := range []string{"Training loss by images seen", `data-zoom="by-images"`, "different batch sizes (32, 64)",
		"Losses after the same number of training images", "training images seen"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	values := regexp.MustCompile(`id="plot-loss-images"[^>]*data-values="[^"]*"`)
	status, zoomed, _ := visit(t, compareURL(address, []*store.Run{a, b}, "by-images", "600-1280"))
	whole, part := html.UnescapeString(values.FindString(body)), html.UnescapeString(values.FindString(zoomed))
	if status != 200 || !strings.Contains(whole, `"x":[32,64,`) || !strings.Contains(part, `"x":[608,640,`) {
		t.Errorf("status %d; the plot holds %s, and of a stretch %s", status, whole, part)
	}
}

func TestWhatCannotBeComparedIsSaidAndTheFormKept(t *testing.T) {
	st := newStore(t)
	runs := twoGroups(t, st, 1, 5)
	a, b := runs[0].Slug, runs[1].Slug
	address := serve(t, web.Options{Store: st})
	for name, c := range map[string]struct {
		query  url.Values
		status int
		want   string
	}{
		"a run twice":            {url.Values{"run": {a, a}}, 400, "is named twice"},
		"an unknown run":         {url.Values{"run": {a, "nobody-at-all"}}, 404, "nobody-at-all"},
		"an unknown key":         {url.Values{"run": {a, b}, "group-by": {"train.rl"}}, 400, "no run has this config key"},
		"an unknown metric":      {url.Values{"run": {a, b}, "metric": {"beauty"}}, 400, "no run has such a metric"},
		"a bad pattern":          {url.Values{"run": {a, b}, "metric": {"["}}, 400, "syntax error in pattern"},
		"samples of no sampler":  {url.Values{"run": {a, b}, "sampler": {"heun"}}, 400, "no evaluation fits"},
		"steps that are no step": {url.Values{"run": {a, b}, "steps": {"-3"}}, 400, "steps must be"},
		"guidance of words":      {url.Values{"run": {a, b}, "guidance": {"NaN"}}, 400, "guidance must be"},
		"a target of nothing":    {url.Values{"run": {a, b}, "target": {"beauty=1"}}, 400, "target"},
		"images seen backwards":  {url.Values{"run": {a, b}, "by-images": {"10-5"}}, 400, "by-images"},
		"a stretch backwards":    {url.Values{"run": {a, b}, "by-step": {"10-5"}}, 400, "by-step"},
		"too many":               {url.Values{"run": strings.Split(strings.Repeat(a+" ", 201), " ")}, 400, "at most 200"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body, _ := visit(t, address+"/compare?"+c.query.Encode())
			if status != c.status || !strings.Contains(html.UnescapeString(body), c.want) {
				t.Errorf("status %d, want %d with %q:\n%s", status, c.status, c.want, body)
			}
			if !strings.Contains(body, `name="run" value="`+a+`"`) {
				t.Error("the form has forgotten the run")
			}
		})
	}
	for _, path := range []string{"/compare/report", "/compare/report?run=" + a, "/compare/report?run=" + a + "&run=" + a} {
		if status, _, _ := visit(t, address+path); status != 400 {
			t.Errorf("%s: status %d", path, status)
		}
	}
	for _, path := range []string{"/compare/difference/x/y.png", "/compare/difference/x/y", "/compare/report?run=nobody-at-all"} {
		if status, _, _ := visit(t, address+path); status != 404 {
			t.Errorf("%s: status %d", path, status)
		}
	}
}

func TestWithoutRunsSomeCanBeChosen(t *testing.T) {
	st := newStore(t)
	runs := twoGroups(t, st, 1, 5)
	address := serve(t, web.Options{Store: st})
	if _, body, _ := visit(t, address+"/compare"); !strings.Contains(body, runs[0].Slug) || !strings.Contains(body, "Choose at least two") {
		t.Error("nothing can be chosen")
	}
	_, body, _ := visit(t, address+"/compare?run="+runs[0].Slug)
	if !strings.Contains(body, "One more run") || !strings.Contains(body, `name="run" value="`+runs[1].Slug+`"`) {
		t.Error("the other run cannot be chosen")
	}
}

func TestHostileTextsAreShownAsTheyAre(t *testing.T) {
	st := newStore(t)
	evil := `<script>alert(1)</script>`
	a := addTrial(t, st, trial{name: evil, config: "lr: 1", steps: 5, accuracy: 0.5, grids: []int{5}, notes: evil})
	b := addTrial(t, st, trial{name: `"><img src=x onerror=alert(1)>`, config: `lr: "</td><script>"`, steps: 5, accuracy: 0.5,
		grids: []int{5}})
	address := serve(t, web.Options{Store: st})
	for _, page := range []string{compareURL(address, []*store.Run{a, b}, "group-by", "train.lr"), address + "/compare?run=" +
		url.QueryEscape(evil), address + "/compare"} {
		if _, body, _ := visit(t, page); strings.Contains(body, "<script>") || strings.Contains(body, "<img src=x") {
			t.Errorf("%s holds the markup", page)
		}
	}
}

// TestTheCommandIsReadBackByAShell has a shell split the line, and compares its
// words with those of the query.
func TestTheCommandIsReadBackByAShell(t *testing.T) {
	st := newStore(t)
	a := addTrial(t, st, trial{name: "it's $HOME", config: "lr: 1", steps: 5, accuracy: 0.5})
	b := addTrial(t, st, trial{name: "b", config: "lr: 2", steps: 5, accuracy: 0.5})
	address := serve(t, web.Options{Store: st})
	_, body, _ := visit(t, compareURL(address, []*store.Run{a, b}, "metric", "acc*", "guidance", "2"))
	found := regexp.MustCompile(`(?s)<code id="compare-command"[^>]*>(.*?)</code>`).FindStringSubmatch(body)
	if found == nil {
		t.Fatal("the page has no command")
	}
	line := html.UnescapeString(found[1])
	out, err := exec.Command("sh", "-c", `harness() { printf '%s\n' "$@"; }; `+line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	want := []string{"compare", a.Slug, b.Slug, "--metric=acc*", "--guidance=2", "--store=" + st.Path(), "--html", "report.html"}
	if got := strings.Split(strings.TrimSpace(string(out)), "\n"); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the words are %q, want %q", got, want)
	}
}

func TestOneSliderMovesAllGrids(t *testing.T) {
	st := newStore(t)
	runs := twoGroups(t, st, 1, 40)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(compareURL(serve(t, web.Options{Store: st}), runs)), chromedp.WaitVisible("#grid-at"))
	const shown = `[...document.querySelectorAll("#grid-frames .grid-frame:not([hidden]) img.picture")].map((i) => i.src).join(" ")`
	last := value[string](t, tab, shown)
	if got := strings.Count(last, ".png"); got != 2 {
		t.Fatalf("%d grids are shown, want those of two runs", got)
	}
	do(t, tab, chromedp.Focus("#grid-at"), chromedp.KeyEvent(kb.ArrowLeft))
	eventually(t, tab, `document.getElementById("grid-step").textContent === "step 20"`, soon)
	for _, src := range strings.Fields(value[string](t, tab, shown)) {
		if strings.Contains(last, src) {
			t.Errorf("%s did not move", src)
		}
	}
	if !value[bool](t, tab, `document.querySelectorAll("#grid-frames .grid-frame:not([hidden]) .grid-difference img").length === 1`) {
		t.Error("the grids of one noise have no difference")
	}
	// Swipe: the divider is a slider, too.
	do(t, tab, chromedp.Click(`[data-mode="swipe"]`), chromedp.WaitVisible("#grid-split"), chromedp.Focus("#grid-split"),
		chromedp.KeyEvent(kb.ArrowRight))
	eventually(t, tab, `document.querySelector("#grid-pair .over").style.clipPath.includes("51%")`, soon)
	// Blink: the upper picture comes and goes, and stops.
	do(t, tab, chromedp.Click(`[data-mode="blink"]`))
	eventually(t, tab, `document.querySelector("#grid-pair .over").hidden === true`, soon)
	eventually(t, tab, `document.querySelector("#grid-pair .over").hidden === false`, soon)
	do(t, tab, chromedp.Click("#grid-blink"))
	eventually(t, tab, `document.getElementById("grid-blink").textContent === "Start blinking"`, soon)
}

func TestARunIsAddedWithoutLeavingThePage(t *testing.T) {
	st := newStore(t)
	runs := twoGroups(t, st, 1, 10)
	tab := browser(t, 400, 800)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/compare?run="+runs[0].Slug), chromedp.WaitVisible(".compare-add input"),
		chromedp.SendKeys(".compare-add input", runs[1].Slug+kb.Enter))
	eventually(t, tab, `document.querySelectorAll(".compare-run").length === 2 && document.querySelector("#compare-command") !== null`, soon)
	if value[string](t, tab, `document.querySelector(".compare-add input").value`) != "" {
		t.Error("the field still holds the run")
	}
	eventually(t, tab, `document.querySelectorAll("#grid-frames img").length > 0`, soon)
	if width := value[int](t, tab, `document.documentElement.scrollWidth`); width > 400 {
		t.Errorf("on a screen of 400 pixels the page is %d wide", width)
	}
	do(t, tab, chromedp.Click(`[aria-label="make `+runs[1].Slug+` the baseline"]`))
	eventually(t, tab, `document.querySelector(".compare-run input").value === "`+runs[1].Slug+`"`, soon)
	do(t, tab, chromedp.Click("[data-copy-of]"))
	eventually(t, tab, `!document.getElementById("toast").hidden`, soon)
}
