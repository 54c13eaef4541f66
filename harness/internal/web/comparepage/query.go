package comparepage

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/web/plot"
	"flowharness/harness/internal/web/shell"
)

// compareQuery is what the address of a comparison asks for: a comparison, and how the page shows it.
type compareQuery struct {
	compare.Request

	Lines bool                       // each run of a group is drawn, too
	Grid  string                     // key of the setting whose grids are shown; "": the one of most runs
	Every bool                       // grids of every run, not of the first of each group
	Spans map[compare.Axis]plot.Span // stretch of the charts by each axis; missing: all of it
}

// compareAxes are those that charts of a comparison have.
var compareAxes = []compare.Axis{compare.BySteps, compare.ByImages, compare.BySeconds}

// zoomKey is the query parameter that holds the stretch of an axis.
func zoomKey(axis compare.Axis) string { return "by-" + string(axis) }

// mostCompared is how many references a comparison takes.
const mostCompared = shell.MaxTopicRuns

// parseCompareQuery reads an address. What it could read is returned even if
// something else is wrong, so that the form can show it.
func parseCompareQuery(v url.Values) (compareQuery, error) {
	var q compareQuery
	var problem error
	wrong := func(format string, args ...any) {
		if problem == nil {
			problem = shell.BadRequest(format, args...)
		}
	}
	for _, text := range v["run"] {
		q.Runs = append(q.Runs, shell.Tags(text)...)
	}
	for _, text := range v["group-by"] {
		q.GroupBy = append(q.GroupBy, shell.Tags(text)...)
	}
	for _, text := range v["metric"] {
		q.Metrics = append(q.Metrics, shell.Tags(text)...)
	}
	for _, text := range v["target"] {
		q.Targets = append(q.Targets, shell.Tags(text)...)
	}
	q.Sampler, q.Baseline, q.Grid = v.Get("sampler"), strings.TrimSpace(v.Get("baseline")), v.Get("grid")
	q.Lines, q.Every = v.Get("lines") == "1", v.Get("every") == "1"
	if text := v.Get("steps"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			wrong("steps must be a whole number above 0, got %q", text)
		} else {
			q.Steps = n
		}
	}
	if text := v.Get("guidance"); text != "" {
		g, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(g) || math.IsInf(g, 0) {
			wrong("guidance must be a number, got %q", text)
		} else {
			q.Guidance = &g
		}
	}
	for _, axis := range compareAxes {
		stretch, err := plot.ParseSpan(v.Get(zoomKey(axis)))
		if err != nil {
			wrong("%s: %w", zoomKey(axis), err)
		}
		if !stretch.Whole() {
			if q.Spans == nil {
				q.Spans = map[compare.Axis]plot.Span{}
			}
			q.Spans[axis] = stretch
		}
	}
	if len(q.Runs) > mostCompared {
		wrong("at most %d runs can be compared on a page, got %d", mostCompared, len(q.Runs))
		q.Runs = q.Runs[:mostCompared]
	}
	return q, problem
}

// values are the query as an address has it.
func (q compareQuery) values() url.Values {
	v := q.asked()
	set := func(key, value string, when bool) {
		if when {
			v.Set(key, value)
		}
	}
	set("lines", "1", q.Lines)
	set("every", "1", q.Every)
	set("grid", q.Grid, q.Grid != "")
	for axis, stretch := range q.Spans {
		set(zoomKey(axis), stretch.String(), !stretch.Whole())
	}
	return v
}

// asked is the part of the query that decides the result.
func (q compareQuery) asked() url.Values {
	v := url.Values{}
	list := func(key string, values []string) {
		if len(values) > 0 {
			v[key] = values
		}
	}
	list("run", q.Runs)
	list("group-by", q.GroupBy)
	list("metric", q.Metrics)
	list("target", q.Targets)
	if q.Sampler != "" {
		v.Set("sampler", q.Sampler)
	}
	if q.Steps > 0 {
		v.Set("steps", strconv.Itoa(q.Steps))
	}
	if q.Guidance != nil {
		v.Set("guidance", shell.Digits(*q.Guidance))
	}
	if q.Baseline != "" {
		v.Set("baseline", q.Baseline)
	}
	return v
}

// address is where the page of the query is.
func (q compareQuery) address() string { return shell.AddressOf("/compare", q.values()) }

// without is the query less a run, and first with it as the first, which the
// others are compared with.
func (q compareQuery) without(run int) compareQuery {
	q.Runs = slices.Delete(slices.Clone(q.Runs), run, run+1)
	return q
}

func (q compareQuery) first(run int) compareQuery {
	ref := q.Runs[run]
	q.Runs = append([]string{ref}, q.without(run).Runs...)
	return q
}

// command is the line for a POSIX shell that makes the report of the query, in
// whatever folder it is typed.
func (q compareQuery) command(store string) string {
	words := []string{"harness", "compare"}
	flag := func(name string, values ...string) {
		for _, v := range values {
			words = append(words, "--"+name+"="+printable.ShellWord(v))
		}
	}
	for _, ref := range q.Runs {
		words = append(words, printable.ShellWord(ref))
	}
	flag("group-by", q.GroupBy...)
	flag("metric", q.Metrics...)
	if q.Sampler != "" {
		flag("sampler", q.Sampler)
	}
	if q.Steps > 0 {
		flag("steps", strconv.Itoa(q.Steps))
	}
	if q.Guidance != nil {
		flag("guidance", shell.Digits(*q.Guidance))
	}
	flag("target", q.Targets...)
	if q.Baseline != "" {
		flag("baseline", q.Baseline)
	}
	flag("store", store)
	return strings.Join(append(words, "--html", "report.html"), " ")
}

// settingKey names a setting in an address.
func settingKey(s compare.Setting) string {
	key, err := json.Marshal([]any{s.Sampler, s.Steps, s.Guidance})
	if err != nil {
		return "" // a guidance that is no number is not recorded
	}
	return string(key)
}

// GuidanceText is the guidance as the form shows it; "" for any.
func (q compareQuery) GuidanceText() string {
	if q.Guidance == nil {
		return ""
	}
	return shell.Digits(*q.Guidance)
}

// WithoutGrid are the values of a form that chooses grids.
func (q compareQuery) WithoutGrid() url.Values {
	q.Grid, q.Every = "", false
	return q.values()
}
