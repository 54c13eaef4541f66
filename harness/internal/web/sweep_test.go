package web_test

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

const sweepSource = `base: base.yaml
matrix:
  train.lr: [0.1, 0.01]
  train.batch_size: [8, 16, 32]
seeds: [0, 1]
`

// addSweep records a sweep whose last variant waits, and the one before it failed.
func addSweep(t testing.TB, st *store.Store, name string) (runs []*store.Run) {
	t.Helper()
	if err := st.PutSweep(t.Context(), name, sweepSource); err != nil {
		t.Fatal(err)
	}
	var list []store.SweepRun
	for i, lr := range []string{"0.1", "0.01"} {
		for j, batch := range []string{"8", "16", "32"} {
			if i == 1 && j == 2 {
				continue
			}
			for seed := range 2 {
				k := trial{name: name, seed: uint64(seed), config: fmt.Sprintf("lr: %s\n  batch_size: %s", lr, batch), steps: 20, accuracy: 0.5 +
					0.1*float64(i) + 0.05*float64(j)}
				if i == 1 && j == 1 {
					k.status = record.StatusFailed
				}
				run := addTrial(t, st, k)
				runs = append(runs, run)
				list = append(list, store.SweepRun{RunID: run.ID, Variant: "lr=" + lr + " batch_size=" +
					batch, Values: map[string]string{"train.lr": lr, "train.batch_size": batch}})
			}
		}
	}
	if err := st.PutSweepRuns(t.Context(), name, list); err != nil {
		t.Fatal(err)
	}
	return runs
}

func TestASweepIsShown(t *testing.T) {
	st := newStore(t)
	runs := addSweep(t, st, "rates")
	address := serve(t, web.Options{Store: st})
	status, body, _ := visit(t, address+"/sweeps/rates?metric=accuracy")
	body = html.UnescapeString(body)
	if status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	// The first variant's mean and interval are those of harness compare.
	want, err := compare.Load(t.Context(), st, runs[:4])
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range want.Metrics {
		if s := row.Groups[0]; row.Name == "accuracy" {
			for _, text := range []string{">" + s.Mean.Text() + "</text>", ">" + s.Mean.Text() + " <span class=\"muted\">[" + s.Low.Text() + ", " +
				s.High.Text() + "]"} {
				if !strings.Contains(body, text) {
					t.Errorf("the page lacks %q", text)
				}
			}
		}
	}
	for _, text := range []string{"8 of 12", "2 waiting", ">waiting</text>", "2 failed", "it was stopped", "lr=0.01 batch_size=32",
		"/compare?run=" + runs[0].Slug + "&run=" + runs[1].Slug} {
		if !strings.Contains(body, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if status, body, _ := visit(t, address+"/sweeps"); status != 200 || !strings.Contains(body, `href="/sweeps/rates"`) ||
		!strings.Contains(body, "8 of 12") {
		t.Errorf("status %d; the list lacks the sweep", status)
	}
	for path, want := range map[string]int{"/sweeps/none": 404, "/sweeps/rates?x=train.rl": 400, "/sweeps/rates?metric=beauty": 400,
		"/sweeps/rates?x=train.lr&y=train.lr": 400,
		"/sweeps/rates?sort=beauty":           400, "/sweeps/rates?fix.train.rl=1": 400, "/sweeps/rates?y=-": 200,
		"/sweeps/rates?x=train.lr&y=-&fix.train.batch_size=8": 200, "/sweeps/rates?sort=variant": 200} {
		if status, _, _ := visit(t, address+path); status != want {
			t.Errorf("%s: status %d, want %d", path, status, want)
		}
	}
	_, body, _ = visit(t, address+"/sweeps/rates?x=train.lr&y=-")
	if n := strings.Count(body, `class="sweep-map"`); n != 3 {
		t.Errorf("of one axis there are %d maps, want one for each batch size", n)
	}
}

func TestASweepOfWhichNothingIsKnownIsShown(t *testing.T) {
	st := newStore(t)
	evil := `a"><script>alert(1)</script>`
	if err := st.PutSweep(t.Context(), evil, "no: [sweep"); err != nil {
		t.Fatal(err)
	}
	run := addTrial(t, st, trial{name: "x", config: "lr: 1", steps: 5})
	if err := st.PutSweepRuns(t.Context(), evil,
		[]store.SweepRun{{RunID: run.ID, Variant: evil, Values: map[string]string{evil: evil}}}); err != nil {
		t.Fatal(err)
	}
	address := serve(t, web.Options{Store: st})
	for _, path := range []string{"/sweeps", "/sweeps/a%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"} {
		if status, body, _ := visit(t, address+path); status != 200 || strings.Contains(body, "<script>") {
			t.Errorf("%s: status %d, or markup", path, status)
		}
	}
}

func TestASweepIsLiveAndItsAxesCanBeSwitched(t *testing.T) {
	st := newStore(t)
	addSweep(t, st, "rates")
	tab := browser(t, 400, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/sweeps/rates?metric=accuracy"), chromedp.WaitVisible("#sweep-maps svg"))
	if width := value[int](t, tab, `document.documentElement.scrollWidth`); width > 400 {
		t.Errorf("on a screen of 400 pixels the page is %d wide", width)
	}
	eventually(t, tab, `document.querySelectorAll("#sweep-maps svg .cell").length === 6`, soon)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`{ const y = document.getElementById("sweep-y"); y.value = "-"; `+
		`y.dispatchEvent(new Event("change", {bubbles: true})); }`))
	eventually(t, tab, `document.querySelectorAll("#sweep-maps svg").length > 1 && location.search.includes("y=-")`, soon)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, soon)
	run := addTrial(t, st, trial{name: "rates", config: "lr: 0.01\n  batch_size: 32", steps: 20, accuracy: 0.9})
	if err := st.PutSweepRuns(t.Context(), "rates", []store.SweepRun{{RunID: run.ID, Variant: "lr=0.01 batch_size=32",
		Values: map[string]string{"train.lr": "0.01", "train.batch_size": "32"}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, tab, `document.getElementById("sweep-state").textContent.includes("9 of 12")`, soon)
	eventually(t, tab, `document.getElementById("sweep-maps").textContent.includes("0.905")`, soon)
}

// TestABestVariantIsSaidWithEvidenceOnly: with enough seeds and a clear difference there is one; with two seeds, or where
// variants are alike, there is none.
func TestABestVariantIsSaidWithEvidenceOnly(t *testing.T) {
	st := newStore(t)
	source := "base: base.yaml\nmatrix:\n  train.lr: [0.1, 0.01]\n"
	for name, c := range map[string]struct {
		seeds  int
		better float64
	}{"clear": {6, 0.2}, "few": {2, 0.2}, "alike": {6, 0}} {
		check(t, st.PutSweep(t.Context(), name, source))
		var list []store.SweepRun
		for i, lr := range []string{"0.1", "0.01"} {
			for seed := range c.seeds {
				noise := 0.01 * float64((seed*7+i*3)%5)
				run := addTrial(t, st, trial{name: name, seed: uint64(seed), config: "lr: " + lr, steps: 5, accuracy: 0.5 + c.better*float64(i) +
					noise})
				list = append(list, store.SweepRun{RunID: run.ID, Variant: "lr=" + lr, Values: map[string]string{"train.lr": lr}})
			}
		}
		check(t, st.PutSweepRuns(t.Context(), name, list))
	}
	address := serve(t, web.Options{Store: st})
	for name, want := range map[string]struct {
		best, tied int
		says       string
	}{
		"clear": {1, 0, "By accuracy, lr=0.01 is better than every other variant."},
		"few":   {0, 2, "By accuracy, lr=0.01 has the best mean, but of one other it is not shown that it is worse."},
		"alike": {0, 2, "it is not shown that it is worse."},
	} {
		_, body, _ := visit(t, address+"/sweeps/"+name+"?metric=accuracy")
		best, tied := strings.Count(body, `<span class="badge">best</span>`), strings.Count(body, `<span class="badge unsure">tied</span>`)
		if best != want.best || tied != want.tied || !strings.Contains(html.UnescapeString(body), want.says) {
			t.Errorf("%s: %d best and %d tied; want %d and %d, and %q", name, best, tied, want.best, want.tied, want.says)
		}
	}
}
