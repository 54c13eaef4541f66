package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// everyComparison are comparisons of which each has something wrong with it.
func everyComparison(t *testing.T) map[string]*compare.Result {
	st := tempStore(t)
	a := seeds(t, st, 4, sketch{Name: "a", Accuracy: 0.95})
	none := makeRun(t, st, sketch{Name: "none", Config: "x: 1", Settings: []record.Drawing{}})
	long := makeRun(t, st, sketch{Name: "long", Config: "x: 2", Steps: 300, Accuracy: 0.9})
	diverged := makeRun(t, st, sketch{Name: "diverged", Config: "x: 3", Accuracy: 0.5, Status: record.StatusDiverged})
	running := makeRun(t, st, sketch{Name: "running", Config: "x: 4", Status: record.StatusRunning})
	failed := makeRun(t, st, sketch{Name: "failed", Config: "x: 5", Status: record.StatusFailed, Steps: 1})
	ddpm := makeRun(t, st, sketch{Name: "ddpm", Process: "ddpm", Accuracy: 0.9})
	nasty := makeRun(t, st, sketch{Name: "x<script>alert(1)</script>|@all", Config: "x: \"<b>&|*[y](z)\"",
		Notes: "<script>alert(2)</script>\n| *bold*"})
	empty, err := st.CreateRun(t.Context(), store.NewRun{Name: "empty", ResolvedYAML: "x: 9", Environment: nil})
	must(t, err)
	return map[string]*compare.Result{
		"one group":         compared(t, st, compare.Options{}, a...),
		"without metrics":   compared(t, st, compare.Options{}, a[0], none),
		"other step counts": compared(t, st, compare.Options{}, a[0], long),
		"diverged":          compared(t, st, compare.Options{}, a[0], diverged),
		"running":           compared(t, st, compare.Options{}, a[0], running),
		"failed":            compared(t, st, compare.Options{}, a[0], failed),
		"other processes":   compared(t, st, compare.Options{}, a[0], a[1], ddpm),
		"nasty texts":       compared(t, st, compare.Options{}, nasty, a[0]),
		"nothing recorded":  compared(t, st, compare.Options{}, empty, a[0]),
		"nothing at all":    compared(t, st, compare.Options{BaselineRuns: 1}, empty, none),
		"many": compared(t, st, compare.Options{Metrics: []string{"all"}, GroupBy: []string{"name"}},
			append(a, none, long, diverged, ddpm, nasty)...),
	}
}

func TestEveryComparisonIsRenderedWhateverIsWrong(t *testing.T) {
	st := tempStore(t) // the page asks it for pictures: it has none, which is an error but for no grids at all
	for name, r := range everyComparison(t) {
		t.Run(name, func(t *testing.T) {
			r.Samples = []compare.Sampling{}
			for _, width := range []int{0, 40, 80, 200} {
				for _, table := range Tables(r, same) {
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
			must(t, WriteMarkdown(&markdown, r, same))
			must(t, WriteCSV(&lines, r))
			if _, err := csv.NewReader(&lines).ReadAll(); err != nil {
				t.Error(err)
			}
			text, err := json.Marshal(JSON(r))
			must(t, err)
			album, err := r.Album(t.Context(), st)
			must(t, err)
			page, err := HTML(r, album, same)
			must(t, err)
			for what, text := range map[string]string{"page": string(page), "Markdown": markdown.String()} {
				if !utf8.ValidString(text) || strings.Contains(text, "<script>alert") || strings.Contains(text, "@all") ||
					strings.Contains(text, "NaN") {
					if what == "page" && !strings.Contains(text, "<script>alert") && !strings.Contains(text, "NaN") {
						continue // a mention means nothing there
					}
					t.Errorf("the %s holds what it should not", what)
				}
			}
			if bytes.Contains(text, []byte("NaN")) {
				t.Error("the JSON holds NaN")
			}
			if bytes.Contains(page, []byte("http://")) && !bytes.Contains(page, []byte(`xmlns="http://www.w3.org/2000/svg"`)) ||
				bytes.Contains(page, []byte("https://")) {
				t.Error("the page names a place on the network")
			}
		})
	}
}

func TestWarningsSayWhatIsWrong(t *testing.T) {
	all := everyComparison(t)
	for name, says := range map[string]string{
		"one group": "form one group", "other step counts": "different numbers of steps (100, 300)", "diverged": "is diverged after 100 of 100 " +
			"steps",
		"running": "is running after", "failed": "is failed after", "without metrics": "has no evaluation",
	} {
		warned(t, all[name], says)
	}
	if c := rowOf(t, all["diverged"], compare.TrainLoss).Comparisons[0]; c.Verdict != compare.NoValue ||
		!strings.Contains(Sentence(rowOf(t, all["diverged"], compare.TrainLoss), c), "has no value") {
		t.Errorf("the loss of a diverged run: %+v", c)
	}
}
