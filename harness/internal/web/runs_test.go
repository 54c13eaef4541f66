package web_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// newRun is a run of the table's tests.
type newRun struct {
	name     string
	seed     uint64
	lr       float64
	process  string
	status   record.Status // "": finished
	loss     float64
	accuracy float64 // 0: not evaluated
	tags     []string
	notes    string
}

// addRuns records runs of one step each.
func addRuns(t testing.TB, st *store.Store, list ...newRun) []*store.Run {
	t.Helper()
	ctx := t.Context()
	var runs []*store.Run
	for _, n := range list {
		run, err := st.CreateRun(ctx, store.NewRun{Name: n.name, Seed: n.seed, Process: n.process, Dataset: "digits", Tags: n.tags,
			Notes: n.notes, ConfigHash: fmt.Sprint(n),
			ResolvedYAML: fmt.Sprintf("name: %s\nseed: %d\nprocess: {name: %s}\ntrain: {lr: %g, steps: 10}\n", n.name, n.seed, n.process,
				n.lr), Environment: map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := st.OpenWriter(ctx, run.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.Point("train/loss", 1, n.loss)
		w.Progress(1, 10)
		if n.accuracy != 0 {
			err = st.AddEvaluation(ctx, run.ID, store.EvaluationRecord{Dataset: "digits", Classifier: "c",
				Drawing: record.Drawing{Sampler: "euler", SamplerJSON: "{}", Steps: 10, Step: 1},
				Metrics: []store.Metric{{Name: "accuracy", Value: n.accuracy}}})
		}
		if err == nil && n.status != record.StatusRunning {
			err = w.Finish(ctx, cmpOr(n.status, record.StatusFinished), "")
		} else if err == nil {
			err = w.Flush(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	return runs
}

func cmpOr(a, b record.Status) record.Status {
	if a == "" {
		return b
	}
	return a
}

// tableOfRuns is what most tests look at.
var tableOfRuns = []newRun{
	{"fm_small", 0, 0.001, "flow_match", "", 0.25, 0.91, []string{"baseline"}, ""},
	{"fm_small", 1, 0.001, "flow_match", "", 0.27, 0.93, nil, "odd 100% curve"},
	{"fm_fast", 0, 0.002, "flow_match", record.StatusFailed, 0.5, 0, nil, ""},
	{"ddpm", 0, 0.001, "ddpm", "", 0.05, 0.8, []string{"to check", "baseline"}, ""},
	{"ddpm", 1, 0.001, "ddpm", record.StatusDiverged, 9, 0, nil, ""},
}

// get is the status and the text of a page.
func get(t testing.TB, address string) (int, string) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// post sends a form as a script does.
func post(t testing.TB, address string, fields url.Values) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "text/plain")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

var rowOfRun = regexp.MustCompile(`<a href="/runs/([a-z0-9-]+)" id="link-`)

// listedRuns are the indexes of the runs that a page lists, in its order.
func listedRuns(t testing.TB, page string, runs []*store.Run) []int {
	t.Helper()
	list := []int{}
	for _, m := range rowOfRun.FindAllStringSubmatch(page, -1) {
		list = append(list, slices.IndexFunc(runs, func(r *store.Run) bool { return r.Slug == m[1] }))
	}
	return list
}

func TestTheAddressSaysWhichRunsAreListedInWhatOrder(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, tableOfRuns...)
	address := serve(t, web.Options{Store: st})
	for _, test := range []struct {
		name, query string
		want        []int
	}{
		{"all, the newest first", "", []int{4, 3, 2, 1, 0}},
		{"a text in the name", "q=SMALL", []int{1, 0}},
		{"a text in the notes, with a sign that SQL knows", "q=100%25", []int{1}},
		{"a text in a tag", "q=to+check", []int{3}},
		{"one status", "status=failed", []int{2}},
		{"two statuses", "status=failed&status=diverged", []int{4, 2}},
		{"two statuses, with a comma", "status=failed,diverged", []int{4, 2}},
		{"a tag", "tag=baseline", []int{3, 0}},
		{"two tags", "tag=baseline&tag=to+check", []int{3}},
		{"a process", "process=ddpm", []int{4, 3}},
		{"a dataset", "dataset=mnist", []int{}},
		{"a pattern of the name", "name=fm_*", []int{2, 1, 0}},
		{"a number of the config", "where=train.lr%3E0.001", []int{2}},
		{"a text of the config", "where=process.name%3Dddpm", []int{4, 3}},
		{"the loss", "where=loss%3C0.1", []int{3}},
		{"a metric", "where=accuracy%3E0.9", []int{1, 0}},
		{"no equal metric, which a run must have", "where=accuracy%21%3D0.8", []int{1, 0}},
		{"a config path and a metric", "where=accuracy%3E0.7&where=process.name%3Dflow_match", []int{1, 0}},
		{"the steps", "where=step%3E%3D2", []int{}},
		{"the same but for the seed", "like=" + runs[1].Slug, []int{1, 0}},
		{"sorted by loss", "sort=loss", []int{3, 0, 1, 2, 4}},
		{"sorted by loss, the largest first", "sort=-loss", []int{4, 2, 1, 0, 3}},
		{"sorted by a metric: without a value last", "sort=accuracy", []int{3, 0, 1, 4, 2}},
		{"sorted by a metric, the largest first: without a value last", "sort=-accuracy", []int{1, 0, 3, 4, 2}},
		{"sorted by a config path", "sort=-train.lr", []int{2, 4, 3, 1, 0}},
		{"sorted by name", "sort=name", []int{4, 3, 2, 1, 0}},
		{"a page behind the last, of an old link", "page=7", []int{4, 3, 2, 1, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, page := get(t, address+"/?"+test.query)
			if got := listedRuns(t, page, runs); code != http.StatusOK || !slices.Equal(got, test.want) {
				t.Errorf("%d: %v, want %v", code, got, test.want)
			}
		})
	}
}

func TestAnAddressThatMakesNoSenseIsRefusedWithASentence(t *testing.T) {
	st := newStore(t)
	addRuns(t, st, tableOfRuns...)
	address := serve(t, web.Options{Store: st})
	for _, test := range []struct{ name, query, want string }{
		{"no operator", "where=train.lr", "has no operator; write it like train.lr&lt;=0.001"},
		{"no value", "where=train.lr%3C", "is not complete"},
		{"no name", "where=%3C1", "is not complete"},
		{"an unknown name", "where=lr%3C1", "no run has a column &#34;lr&#34;; did you mean train.lr?"},
		{"a text compared by size", "where=process.name%3Cddpm", "compares by size with something that is not a number"},
		{"a metric that is to be a text", "where=accuracy%3Dhigh", "accuracy is a number, and &#34;high&#34; is none"},
		{"an unknown status", "status=done", "there is no status &#34;done&#34;"},
		{"an unknown process", "process=flowmatch", "there is no process &#34;flowmatch&#34;; did you mean flow_match?"},
		{"an unknown dataset", "dataset=minst", "there is no dataset &#34;minst&#34;; did you mean mnist?"},
		{"a condition on an unknown status", "where=status%3Ddone", "there is no status &#34;done&#34;; use running, "},
		{"an unknown column", "cols=run,acuracy", "no run has a column &#34;acuracy&#34;; did you mean accuracy?"},
		{"an unknown order", "sort=speed", "no run has a column &#34;speed&#34;; did you mean seed?"},
		{"an unknown group", "group=optimizer.lr",
			"group=optimizer.lr: no run has the config path &#34;optimizer.lr&#34;; did you mean train.lr?"},
		{"a seed beside a path", "group=seed&group=train.lr", "cannot be joined with other paths"},
		{"an unknown shelf", "shelf=cellar", "there is no shelf &#34;cellar&#34;"},
		{"a page that is no number", "page=two", "page &#34;two&#34; is not a number from 1"},
		{"a page before the first", "page=0", "is not a number from 1"},
		{"a run that is not there", "like=no-run-1", "there is no such run"},
		{"an order of groups without groups", "sort=runs", "is for groups"},
		{"an escape that is none", "q=%25zz%zz", "the address cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if code, page := get(t, address+"/?"+test.query); code != http.StatusBadRequest || !strings.Contains(page, test.want) {
				t.Errorf("%d, without %q:\n%s", code, test.want, excerpt(page, "problem"))
			}
		})
	}
}

// excerpt is the line of a page that holds a word.
func excerpt(page, word string) string {
	for line := range strings.Lines(page) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return page[:min(len(page), 300)]
}

func TestATableSaysHowItIsSortedAndHasTheColumnsAskedFor(t *testing.T) {
	st := newStore(t)
	addRuns(t, st, tableOfRuns...)
	address := serve(t, web.Options{Store: st})
	_, page := get(t, address+"/?cols=run,train.lr,accuracy&sort=-accuracy")
	heads := regexp.MustCompile(`<th scope="col" class="(\w*)"(?: aria-sort="(\w+)")?><a href="([^"]*)" data-swap `+
		`id="sort-([\w./]+)"`).FindAllStringSubmatch(page, -1)
	var got []string
	for _, h := range heads {
		got = append(got, h[4]+" "+h[1]+" "+h[2])
	}
	if want := []string{"run  ", "train.lr number ", "accuracy number descending"}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if want := "/?sort=accuracy&amp;cols=run,train.lr,accuracy"; heads[2][3] != want {
		t.Errorf("a second click leads to %s, want %s", heads[2][3], want)
	}
	if !strings.Contains(page, `data-label="accuracy">0.9300<`) || !strings.Contains(page, `data-label="train.lr">0.002<`) {
		t.Error("the values are not written with the digits of their column")
	}
}

func TestRunsOfSeedsHaveTheMeansAndIntervalsOfAComparison(t *testing.T) {
	st := newStore(t)
	var list []newRun
	for seed := range uint64(4) {
		list = append(list, newRun{"fm", seed, 0.001, "flow_match", "", 0.25 + 0.01*float64(seed*seed), 0.9 + 0.011*float64(seed), nil, ""},
			newRun{"fm", seed, 0.002, "flow_match", "", 0.3, 0.8, nil, ""})
	}
	// Made again: only the latest of a seed counts.
	list = append([]newRun{{"fm", 3, 0.001, "flow_match", "", 5, 0.1, nil, ""}}, list...)
	runs := addRuns(t, st, list...)
	address := serve(t, web.Options{Store: st})

	var same []*store.Run
	for i, n := range list {
		if n.lr == 0.001 {
			run, err := st.Run(t.Context(), runs[i].ID)
			if err != nil {
				t.Fatal(err)
			}
			same = append(same, run)
		}
	}
	result, err := compare.Load(t.Context(), st, same)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"group=seed", "group=train.lr"} {
		code, page := get(t, address+"/?cols=status,accuracy,loss&"+query)
		if code != http.StatusOK || !strings.Contains(page, "2 groups of 9 runs") {
			t.Fatalf("%s: %d\n%s", query, code, excerpt(page, "total"))
		}
		for _, row := range result.Metrics {
			if row.Name != "accuracy" && row.Name != "train/loss" {
				continue
			}
			s := row.Groups[0]
			want := fmt.Sprintf("%.4f <small>[%.4f, %.4f]</small>", float64(s.Mean), float64(s.Low), float64(s.High))
			if !strings.Contains(page, want) {
				t.Errorf("%s: %s is not %s", query, row.Name, want)
			}
		}
		if !strings.Contains(page, `title="mean of 4, with the 95 % interval`) {
			t.Errorf("%s: the number of seeds is not told", query)
		}
	}
	_, page := get(t, address+"/?group=train.lr")
	for _, want := range []string{"lr=0.001", "lr=0.002", `href="/?where=train.lr%3D0.001"`} {
		if !strings.Contains(page, want) {
			t.Errorf("grouped by a path: no %q", want)
		}
	}
	_, page = get(t, address+"/?group=process.name&group=train.lr")
	if !strings.Contains(page, "name=flow_match lr=0.002") {
		t.Error("grouped by two paths: no label of both")
	}
	open := regexp.MustCompile(`href="([^"]*open=[^"]*)"`).FindStringSubmatch(page)
	if open == nil {
		t.Fatal("a group cannot be opened")
	}
	_, page = get(t, address+strings.ReplaceAll(open[1], "&amp;", "&"))
	if got := listedRuns(t, page, runs); len(got) != 4 && len(got) != 5 {
		t.Errorf("an open group shows the runs %v", got)
	}
}

func TestAnEmptyTableSaysWhy(t *testing.T) {
	st := newStore(t)
	address := serve(t, web.Options{Store: st})
	if _, page := get(t, address+"/"); !strings.Contains(page, "There are no runs yet") ||
		!strings.Contains(page, "harness run configs/quickstart.yaml") {
		t.Error("an empty store does not say what to type")
	}
	if _, err := os.Stat("../../../configs/quickstart.yaml"); err != nil {
		t.Error(err)
	}
	if code, _ := get(t, address+"/?where=train.lr%3C1&sort=accuracy&group=train.lr"); code != http.StatusOK {
		t.Errorf("a view of a store that is empty: %d", code)
	}
	if code, page := get(t, address+"/?where=train.lrr%3C1"); code != http.StatusBadRequest || !strings.Contains(page,
		"did you mean train.lr") {
		t.Errorf("an unknown name in a store that is empty: %d", code)
	}
	addRuns(t, st, tableOfRuns...)
	_, page := get(t, address+"/?status=failed&process=ddpm")
	for _, want := range []string{"No run passes these filters",
		`Without <code>status failed</code>: <a href="/?process=ddpm" data-swap>2 runs</a>`, `Without <code>process ddpm</code>: <a ` +
			`href="/?status=failed" data-swap>1 run</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if code, page := get(t, address+"/?tag=nope"); code != http.StatusOK || !strings.Contains(page, "no run has the tag &#34;nope&#34;") {
		t.Errorf("a tag that no run has: %d, and it is not said", code)
	}
	if _, page := get(t, address+"/?shelf=trash"); !strings.Contains(page, "The trash is empty") {
		t.Error("an empty trash does not say so")
	}
}

func TestTagsAndNotesAreEdited(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, tableOfRuns...)
	address := serve(t, web.Options{Store: st})
	edit := func(action string, fields url.Values, want int) string {
		t.Helper()
		code, text := post(t, address+action, fields)
		if code != want {
			t.Fatalf("%s %v: %d %s", action, fields, code, text)
		}
		return text
	}
	tags := func(i int) []string {
		t.Helper()
		run, err := st.Run(t.Context(), runs[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		return run.Tags
	}
	edit("/runs/tags", url.Values{"run": {runs[3].Slug}, "tags": {"to check, final , final"}}, http.StatusNoContent)
	if got := tags(3); !slices.Equal(got, []string{"final", "to check"}) {
		t.Errorf("tags %q", got)
	}
	edit("/runs/tags", url.Values{"run": {runs[3].Slug}, "tags": {""}}, http.StatusNoContent)
	if got := tags(3); len(got) != 0 {
		t.Errorf("tags %q after all were taken away", got)
	}
	edit("/runs/tags", url.Values{"run": {runs[0].Slug + "," + runs[1].Slug, runs[2].Slug}, "add": {"x"}}, http.StatusNoContent)
	for i := range 3 {
		if got := tags(i); !slices.Contains(got, "x") {
			t.Errorf("run %d has the tags %q", i, got)
		}
	}
	edit("/runs/notes", url.Values{"run": {runs[0].Slug}, "notes": {" <b>good</b> \n"}}, http.StatusNoContent)
	if _, page := get(t, address+"/"); !strings.Contains(page, "&lt;b&gt;good&lt;/b&gt;") || strings.Contains(page, "<b>good") {
		t.Error("notes are not shown as text")
	}
	edit("/runs/tags", url.Values{"run": {runs[0].Slug}}, http.StatusBadRequest)
	edit("/runs/tags", url.Values{"tags": {"x"}}, http.StatusBadRequest)
	edit("/runs/notes", url.Values{"run": {"no-run-1"}, "notes": {"x"}}, http.StatusNotFound)

	// Without a script one comes back to the page, and nowhere else.
	_, page := get(t, address+"/?q=100%25&where=train.lr%3C%3D0.001")
	action := regexp.MustCompile(`formaction="(/runs/archive\?[^"]*)"`).FindStringSubmatch(page)
	if action == nil {
		t.Fatal("there is no button that archives")
	}
	answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).
		PostForm(address+html.UnescapeString(action[1]), url.Values{"run": {runs[1].Slug}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.Header.Get("Location"); got != "/?q=100%25&where=train.lr%3C%3D0.001" {
		t.Errorf("the button leads back to %s", got)
	}
	for back, want := range map[string]string{"/?q=x": "/?q=x", "https://example.com/": "/", "//example.com": "/"} {
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		answer, err := client.PostForm(address+"/runs/archive?back="+url.QueryEscape(back), url.Values{"run": {runs[4].Slug}})
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("back to %s: %d %s", back, answer.StatusCode, got)
		}
	}
}

func TestRunsAreArchivedDeletedAndBroughtBack(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, tableOfRuns...)
	address := serve(t, web.Options{Store: st})
	act := func(action string, want int, fields url.Values, which ...int) string {
		t.Helper()
		form := url.Values{}
		for k, v := range fields {
			form[k] = v
		}
		for _, i := range which {
			form.Add("run", runs[i].Slug)
		}
		code, text := post(t, address+"/runs/"+action, form)
		if code != want {
			t.Fatalf("%s: %d %s", action, code, text)
		}
		return text
	}
	shelf := func(query string, want ...int) {
		t.Helper()
		_, page := get(t, address+"/"+query)
		if got := listedRuns(t, page, runs); !slices.Equal(got, want) {
			t.Fatalf("%q lists %v, want %v", query, got, want)
		}
	}
	act("archive", http.StatusNoContent, nil, 0, 1)
	shelf("", 4, 3, 2)
	shelf("?shelf=archived", 1, 0)
	act("trash", http.StatusNoContent, nil, 1, 2)
	shelf("", 4, 3)
	shelf("?shelf=archived", 0)
	shelf("?shelf=trash", 2, 1)
	act("restore", http.StatusNoContent, nil, 1, 2)
	shelf("?shelf=archived", 1, 0)
	act("unarchive", http.StatusNoContent, nil, 0, 1)
	shelf("", 4, 3, 2, 1, 0)

	folder := checkpoint.RunDir(st.Path(), runs[2].ID)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "weights"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text := act("delete", http.StatusBadRequest, url.Values{"confirm": {"yes"}}, 2); !strings.Contains(text, "is not in the trash") {
		t.Error(text)
	}
	act("trash", http.StatusNoContent, nil, 2)
	if text := act("delete", http.StatusBadRequest, nil, 2); !strings.Contains(text, "must be confirmed") {
		t.Error(text)
	}
	shelf("?shelf=trash", 2)
	act("delete", http.StatusNoContent, url.Values{"confirm": {"yes"}}, 2)
	shelf("?shelf=trash")
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the checkpoints are still there: %v", err)
	}
	act("archive", http.StatusNotFound, nil, 2)
	act("archive", http.StatusBadRequest, nil)
}

func TestALiveRunShowsHowFarItIsAndIsNotDeleted(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, newRun{name: "done", process: "ddpm"}, newRun{name: "live", process: "ddpm", status: record.StatusRunning})
	w, err := st.OpenWriter(t.Context(), runs[1].ID)
	if err == nil {
		w.Point("time/step", 4, 30)
		w.Progress(4, 10)
		err = w.Flush(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	address := serve(t, web.Options{Store: st})
	_, page := get(t, address+"/")
	if !regexp.MustCompile(`<progress value="4" max="10">40 %</progress> 40 % · (3 min 0 s|2 min 5\d s) left`).MatchString(page) {
		t.Errorf("progress: %s", excerpt(page, "<progress"))
	}
	code, text := post(t, address+"/runs/trash", url.Values{"run": {runs[0].Slug, runs[1].Slug}})
	if code != http.StatusConflict || !strings.Contains(text, runs[1].Slug) || !strings.Contains(text, "stop process") {
		t.Errorf("deleting a live run: %d %s", code, text)
	}
	_, page = get(t, address+"/")
	if got := listedRuns(t, page, runs); len(got) != 2 {
		t.Errorf("half of it was done: %v", got)
	}
}

func TestAServerThatOnlyShowsHasNoControlsAndRefuses(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, tableOfRuns...)
	address := serve(t, web.Options{Store: st, ReadOnly: true})
	_, page := get(t, address+"/?sel="+runs[0].Slug)
	for _, control := range []string{"/runs/archive", "/runs/trash", "/runs/tags", "/runs/notes", "Add tag", "<textarea"} {
		if strings.Contains(page, control) {
			t.Errorf("there is %q", control)
		}
	}
	for _, action := range []string{"tags", "notes", "archive", "unarchive", "trash", "restore", "delete"} {
		code, text := post(t, address+"/runs/"+action, url.Values{"run": {runs[0].Slug}, "tags": {"x"}, "notes": {"x"}, "confirm": {"yes"}})
		if code != http.StatusForbidden || !strings.Contains(text, "does not change it") {
			t.Errorf("%s: %d %s", action, code, text)
		}
	}
}

func TestLongListsHavePages(t *testing.T) {
	st := newStore(t)
	var list []newRun
	for i := range 103 {
		list = append(list, newRun{name: "many", seed: uint64(i), process: "ddpm", loss: float64(i)})
	}
	runs := addRuns(t, st, list...)
	address := serve(t, web.Options{Store: st})
	_, page := get(t, address+"/?sort=loss&page=2&sel="+runs[0].Slug)
	if got := listedRuns(t, page, runs); !slices.Equal(got, []int{100, 101, 102}) {
		t.Errorf("the second page lists %v", got)
	}
	for _, want := range []string{"103 runs", "101–103 of 103", `rel="prev"`, `value="` + runs[0].Slug + `" data-elsewhere`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(page, `rel="next"`) {
		t.Error("the last page leads on")
	}
}
