package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

// compareView is what compare.html shows.
type compareView struct {
	Query   compareQuery
	Problem string
	Chips   []compareChip
	Recent  []store.RunInfo // to choose from, where there is nothing to compare yet
	Names   []string        // of runs, to be typed
	Command string
	Report  string // address of the report

	Shown *compareShown // nil: there is nothing to compare
}

// compareShown is a comparison as the page shows it.
type compareShown struct {
	Paths     []string // config keys to group by
	Samplers  []string
	StepCount []int
	Guidances []string

	Groups      []compareGroup
	Findings    []compareFinding
	Warnings    []string
	Metrics     compare.Table
	Lead        []compare.Table // cost and targets
	Differences []compare.Table
	Rest        []compare.Table
	Frontiers   []plot
	Curves      []plot
	Several     bool // some group has several runs
	Grids       *compareGrids
	LinesURL    string // of the page with and without single runs
}

// compareChip is one of the runs in the form.
type compareChip struct {
	Ref, Name, Remove, First string
	Series                   int // of its group; -1 if it has none
	Baseline                 bool
}

type compareGroup struct {
	Label  string
	Series int
	Detail string
	Runs   []string // slugs
}

type compareFinding struct{ Verdict, Class, Text string }

// comparePage compares runs, or lets some be chosen.
func (s *Server) comparePage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, problem := parseCompareQuery(r.URL.Query())
	v := compareView{Query: q}
	if err := s.compareNames(ctx, r.URL.Query().Get("q"), &v); err != nil {
		return err
	}
	topic, state := topic(""), ""
	status := http.StatusOK
	var selected compare.Selection
	err := problem
	if err == nil && len(q.Runs) > 0 {
		if selected, err = s.selectCompared(ctx, q); err == nil {
			if topic, state, err = s.compareTopic(ctx, selected.Runs); err != nil {
				return err
			}
			if len(selected.Runs) > 1 {
				err = s.fillCompare(ctx, &v, selected)
			}
		}
	}
	if err != nil {
		if status = compareStatus(err); status == 0 {
			return err
		}
		v.Problem = err.Error()
	}
	v.chips()
	title := "Compare"
	if v.Shown != nil {
		var labels []string
		for _, g := range v.Shown.Groups {
			labels = append(labels, g.Label)
		}
		title = shortened(strings.Join(labels, " · "), 80)
	}
	return s.renderStatus(w, r, status, "compare.html", page{Title: title, Nav: "compare", Topic: string(topic), State: state, Body: v})
}

// compareStatus is that of an error that the reader can mend; 0 for others.
func compareStatus(err error) int {
	var bad *requestError
	var option *compare.OptionError
	var twice *compare.DuplicateError
	var several *store.AmbiguousError
	var none *store.NotFoundError
	switch {
	case errors.As(err, &none):
		return http.StatusNotFound
	case errors.As(err, &bad), errors.As(err, &option), errors.As(err, &twice), errors.As(err, &several):
		return http.StatusBadRequest
	}
	return 0
}

// compareNames fills in what can be chosen.
func (s *Server) compareNames(ctx context.Context, text string, v *compareView) error {
	const most = 50
	runs, err := s.Store.ListRuns(ctx, store.Filter{Text: text, Limit: most})
	if err != nil {
		return err
	}
	for _, run := range runs {
		if !slices.Contains(v.Query.Runs, run.Slug) {
			v.Recent = append(v.Recent, run)
		}
		for _, name := range []string{run.Slug, run.Name} {
			if !slices.Contains(v.Names, name) {
				v.Names = append(v.Names, name)
			}
		}
	}
	return nil
}

// selectCompared are the runs of a query, as harness compare takes them.
func (s *Server) selectCompared(ctx context.Context, q compareQuery) (compare.Selection, error) {
	refs := q.Runs
	if q.Baseline != "" {
		refs = append([]string{q.Baseline}, refs...)
	}
	return compare.Select(ctx, s.Store, refs, len(q.GroupBy) > 0)
}

// compareTopic is what a page about runs is about.
func (s *Server) compareTopic(ctx context.Context, runs []*store.Run) (topic, string, error) {
	ids := make([]string, len(runs))
	for i, run := range runs {
		ids[i] = run.ID
	}
	t := everything
	if len(ids) > 0 && len(ids) <= maxTopicRuns {
		t = runsTopic(ids...)
	}
	state, err := s.state(ctx, t)
	return t, state, err
}

// compared is the result of a query.
func (s *Server) compared(ctx context.Context, q compareQuery, selected compare.Selection) (*compare.Result, error) {
	o, err := q.options()
	if err != nil {
		return nil, err
	}
	o.Notes = selected.Notes
	if q.Baseline != "" {
		o.BaselineRuns, o.BaselineLabel = selected.First, "baseline "+q.Baseline
	}
	return s.results.compare(ctx, selected.Runs, o)
}

// compareReport is the page that harness compare --html writes.
func (s *Server) compareReport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := parseCompareQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if len(q.Runs) == 0 {
		return badRequest("name the runs to compare")
	}
	selected, err := s.selectCompared(ctx, q)
	if err != nil {
		return compareRefusal(err)
	}
	result, err := s.compared(ctx, q, selected)
	if err != nil {
		return compareRefusal(err)
	}
	report, err := result.HTML(ctx, s.Store, clean)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="harness-compare.html"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(report)
	return nil
}

// compareRefusal makes what the reader can mend an error of the request.
func compareRefusal(err error) error {
	if compareStatus(err) == http.StatusBadRequest {
		return badRequest("%w", err)
	}
	return err
}

func (s *Server) fillCompare(ctx context.Context, v *compareView, selected compare.Selection) error {
	result, err := s.compared(ctx, v.Query, selected)
	if err != nil {
		return err
	}
	q := v.Query
	v.Command, v.Report = q.command(s.Options.Store.Path()), compareAddress("/compare/report", q.asked())
	c := &compareShown{Warnings: result.Warnings}
	v.Shown = c
	c.choices(result)
	for i, g := range result.Groups {
		group := compareGroup{Label: g.Label, Series: i % len(chart.Palette)}
		for _, run := range g.Runs {
			group.Runs = append(group.Runs, result.Runs[run].Slug)
		}
		group.Detail = fmt.Sprintf("%d runs", len(g.Runs))
		if len(g.Runs) == 1 {
			group.Detail = result.Runs[g.Runs[0]].Name
		}
		c.Groups = append(c.Groups, group)
		c.Several = c.Several || len(g.Counted) > 1
	}
	for _, f := range result.Findings() {
		c.Findings = append(c.Findings, compareFinding{string(f.Verdict), compare.VerdictClass(f.Verdict), f.Text})
	}
	for _, t := range result.Tables(clean) {
		if len(t.Rows) == 0 {
			continue
		}
		switch t.ID {
		case "metrics":
			c.Metrics = t
		case "cost", "targets":
			c.Lead = append(c.Lead, t)
		case "config", "environment":
			c.Differences = append(c.Differences, t.ForPage())
		case "curves": // they are drawn
		default:
			c.Rest = append(c.Rest, t.ForPage())
		}
	}
	c.plots(result, q)
	other := q
	other.Lines = !q.Lines
	c.LinesURL = other.address()
	c.Grids = newCompareGrids(result, q)
	return nil
}

// choices are those of the form.
func (c *compareShown) choices(result *compare.Result) {
	c.Paths = append([]string{compare.ByConfig}, result.ConfigPaths()...)
	for _, s := range result.AllSettings() {
		c.Samplers = append(c.Samplers, s.Sampler)
		c.StepCount = append(c.StepCount, s.Steps)
		c.Guidances = append(c.Guidances, formatFloat(s.Guidance))
	}
	slices.Sort(c.StepCount)
	c.Samplers, c.StepCount = slices.Compact(c.Samplers), slices.Compact(c.StepCount)
	slices.Sort(c.Guidances)
	c.Guidances = slices.Compact(c.Guidances)
}

func (c *compareShown) plots(result *compare.Result, q compareQuery) {
	for _, f := range result.Figures(compare.ChartOptions{Clean: clean, Means: true, Runs: q.Lines}) {
		frontier := strings.HasPrefix(f.ID, "frontier-")
		drawn, zoom, zoomed := f.Chart, "", false
		switch {
		case frontier:
		case strings.Contains(f.ID, "-time"):
			drawn, zoom, zoomed = q.Span.cut(drawn), "by-time", !q.Span.whole()
		default:
			drawn, zoom, zoomed = q.BySpan.cut(drawn), "by-step", !q.BySpan.whole()
		}
		p := newPlot(f.ID, drawn)
		p.Note, p.ZoomKey, p.Zoomed = f.Note, zoom, zoomed
		p.Legend = nil
		for _, g := range f.Groups {
			p.Legend = append(p.Legend, legend{c.Groups[g].Label, c.Groups[g].Series})
		}
		if frontier {
			c.Frontiers = append(c.Frontiers, p)
		} else {
			c.Curves = append(c.Curves, p)
		}
	}
}

// chips are the references of the form, each with its group.
func (v *compareView) chips() {
	for i, ref := range v.Query.Runs {
		chip := compareChip{Ref: ref, Remove: v.Query.without(i).address(), Series: -1, Baseline: i == 0 && v.Query.Baseline == ""}
		if i > 0 || v.Query.Baseline != "" {
			first := v.Query.first(i)
			first.Baseline = ""
			chip.First = first.address()
		}
		if v.Shown != nil {
			for _, g := range v.Shown.Groups {
				if slices.Contains(g.Runs, ref) {
					chip.Series, chip.Name = g.Series, g.Label
				}
			}
		}
		v.Chips = append(v.Chips, chip)
	}
}

// cellClass is the class of a table's cell: that of a verdict, or of a number.
func cellClass(cell any) string {
	if class := compare.VerdictClass(cell); class != "" {
		return class
	}
	if numeric.MatchString(fmt.Sprint(cell)) {
		return "number"
	}
	return ""
}

// numeric is a number of a comparison's tables, with its spread or error, an
// interval, or the dash that stands for a missing one.
var numeric = regexp.MustCompile(`^(-|[-+]?(\d[\d.e+-]*|Inf)( ± \S+| \(se \S+\))?( \*)?|\[\S+, \S+\])$`)

// tableHeader is the head of a column.
type tableHeader struct {
	Title any
	Class string // "number" above numbers
}

func tableHeaders(t compare.Table) []tableHeader {
	list := make([]tableHeader, len(t.Header))
	for i, title := range t.Header {
		list[i].Title = title
		numbers, others := 0, 0
		for _, row := range t.Rows {
			switch {
			case i >= len(row) || fmt.Sprint(row[i]) == "":
			case cellClass(row[i]) == "number":
				numbers++
			default:
				others++
			}
		}
		if numbers > others {
			list[i].Class = "number"
		}
	}
	return list
}

// clean shows what could not be seen: control characters have no place in a page.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return '·'
		}
		return r
	}, text)
}

func shortened(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
