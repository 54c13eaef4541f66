package web

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

// sweepData are the variants of a sweep with what they came to.
type sweepData struct {
	variants []variant
	paths    []string // that vary
	metrics  []string // in the order of a comparison, those of the sweep's file first
	rows     map[string]compare.Row
	result   *compare.Result
}

func newSweepData(file *sweep.File, variants []variant, result *compare.Result) *sweepData {
	d := &sweepData{variants: variants, result: result, rows: map[string]compare.Row{}}
	if len(variants) > 0 {
		d.paths = settingPaths(variants)
	}
	if result == nil {
		return d
	}
	for _, row := range slices.Concat(result.Metrics, result.Cost) {
		d.rows[row.Name] = row
		d.metrics = append(d.metrics, row.Name)
	}
	if file != nil && file.Search != nil {
		d.prefer(file.Search.Objective.Metric)
	}
	return d
}

// prefer puts a metric first.
func (d *sweepData) prefer(name string) {
	if i := slices.Index(d.metrics, name); i > 0 {
		d.metrics = append([]string{name}, slices.Delete(d.metrics, i, i+1)...)
	}
}

// complete fills in what a query leaves open, and refuses what is not there.
func (d *sweepData) complete(q sweepQuery) (sweepQuery, error) {
	known := func(kind, value string, among []string) error {
		if value != "" && !slices.Contains(among, value) {
			return badRequest("the sweep has no %s %q; there are: %s", kind, value, strings.Join(among, ", "))
		}
		return nil
	}
	if err := known("setting", q.X, d.paths); err != nil {
		return q, err
	}
	if err := known("setting", q.Y, d.paths); err != nil {
		return q, err
	}
	if d.result != nil {
		if err := known("metric", q.Metric, d.metrics); err != nil {
			return q, err
		}
	}
	for path := range q.Fixed {
		if err := known("setting", path, d.paths); err != nil {
			return q, err
		}
	}
	if q.X != "" && q.X == q.Y {
		return q, badRequest("the two axes must be different settings")
	}
	for _, path := range d.paths {
		if q.X == "" && path != q.Y {
			q.X = path
		}
	}
	for _, path := range d.paths {
		if q.Y == "" && !q.noY && path != q.X && !d.follows(path, q.X) && !d.follows(q.X, path) {
			q.Y = path
		}
	}
	if q.Metric == "" && len(d.metrics) > 0 {
		q.Metric = d.metrics[0]
	}
	if err := known("sorting by", q.Sort, append([]string{"variant"}, d.metrics...)); err != nil && d.result != nil {
		return q, err
	}
	if q.Sort == "" {
		q.Sort = q.Metric
	}
	return q, nil
}

// follows tells whether the value of a path is decided by those of others.
func (d *sweepData) follows(path string, others ...string) bool {
	decided := map[string]string{}
	for _, v := range d.variants {
		var key []string
		for _, other := range others {
			key = append(key, v.Setting[other])
		}
		text := strings.Join(key, "\x00")
		if known, ok := decided[text]; ok && known != v.Setting[path] {
			return false
		}
		decided[text] = v.Setting[path]
	}
	return true
}

// values of a path, numbers by size, others as they come.
func (d *sweepData) values(path string) []string {
	var list []string
	numbers := true
	for _, v := range d.variants {
		value := v.Setting[path]
		if !slices.Contains(list, value) {
			list = append(list, value)
			_, ok := settingNumber(value)
			numbers = numbers && ok
		}
	}
	if numbers {
		slices.SortFunc(list, func(a, b string) int {
			x, _ := settingNumber(a)
			y, _ := settingNumber(b)
			return cmp.Compare(x, y)
		})
	}
	return list
}

// bare is a value without the brackets of a list of one.
func bare(value string) string {
	inner, ok := strings.CutPrefix(value, "[")
	if inner, end := strings.CutSuffix(inner, "]"); ok && end && !strings.ContainsAny(inner, ",[]{}") {
		return inner
	}
	if value == "" {
		return "–"
	}
	return value
}

func settingNumber(value string) (float64, bool) {
	v, err := strconv.ParseFloat(bare(value), 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// summary is a metric of a variant; false if none of its runs has a value.
func (d *sweepData) summary(v variant, metric string) (compare.Summary, bool) {
	row, ok := d.rows[metric]
	if !ok || v.Group < 0 {
		return compare.Summary{}, false
	}
	s := row.Groups[v.Group]
	return s, s.N > 0
}

// Bounds of what is drawn.
const (
	mostCells     = 40 // values of an axis of a heat map
	mostMaps      = 12
	mostLineAxes  = 10
	mostTableCols = 6
)

// heatMaps has one map for each combination of the settings that are neither an
// axis nor held, and do not follow from the axes.
func (d *sweepData) heatMaps(q sweepQuery) (maps []sweepMap, fixed []sweepFix, note string) {
	if q.X == "" {
		return nil, nil, "The sweep varies no setting."
	}
	axes := []string{q.X}
	if q.Y != "" {
		axes = append(axes, q.Y)
	}
	var open []string // paths to make maps of
	for _, path := range d.paths {
		if slices.Contains(axes, path) || d.follows(path, axes...) {
			continue
		}
		fixed = append(fixed, sweepFix{path, q.Fixed[path], d.values(path)})
		if q.Fixed[path] == "" {
			open = append(open, path)
		}
	}
	columns, rows := d.values(q.X), []string{""}
	if q.Y != "" {
		rows = d.values(q.Y)
	}
	if len(columns) > mostCells || len(rows) > mostCells {
		return nil, fixed, fmt.Sprintf("A map of %d × %d cells could not be read; the lines below show all variants.", len(columns), len(rows))
	}
	parts := map[string][]variant{}
	var order []string
	for _, v := range d.variants {
		if slices.ContainsFunc(fixed, func(f sweepFix) bool { return f.Value != "" && v.Setting[f.Path] != f.Value }) {
			continue
		}
		var words []string
		for _, path := range open {
			words = append(words, lastWord(path)+" "+bare(v.Setting[path]))
		}
		title := strings.Join(words, ", ")
		if _, ok := parts[title]; !ok {
			order = append(order, title)
		}
		parts[title] = append(parts[title], v)
	}
	if len(order) > mostMaps {
		note = fmt.Sprintf("%d of %d maps are shown; hold a setting to see others.", mostMaps, len(order))
		order = order[:mostMaps]
	}
	low, high := d.bounds(q.Metric)
	for _, title := range order {
		m := chart.HeatMap{Title: strings.TrimSpace(q.Metric + " " + title), XLabel: q.X, YLabel: q.Y, Low: low, High: high}
		for _, c := range columns {
			m.Columns = append(m.Columns, bare(c))
		}
		for _, r := range rows {
			if q.Y == "" {
				m.Rows = append(m.Rows, "")
			} else {
				m.Rows = append(m.Rows, bare(r))
			}
			var cells []chart.HeatCell
			for _, c := range columns {
				cells = append(cells, d.cell(q, parts[title], c, r))
			}
			m.Cells = append(m.Cells, cells)
		}
		maps = append(maps, sweepMap{title, template.HTML(m.SVG())}) // #nosec: chart escapes its texts
	}
	return maps, fixed, note
}

// bounds are the smallest and the largest mean of a metric; NaN without any.
func (d *sweepData) bounds(metric string) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range d.variants {
		if s, ok := d.summary(v, metric); ok && !math.IsInf(float64(s.Mean), 0) {
			low, high = min(low, float64(s.Mean)), max(high, float64(s.Mean))
		}
	}
	if low > high {
		return math.NaN(), math.NaN()
	}
	return low, high
}

// cell is that of the variants with the values of both axes: one, except where a
// search came to the same values twice; then it is the first that has ended.
func (d *sweepData) cell(q sweepQuery, variants []variant, x, y string) chart.HeatCell {
	c := chart.HeatCell{Value: math.NaN(), Text: "none", Title: "no such run is planned"}
	var found *variant
	for i, v := range variants {
		if v.Setting[q.X] == x && (q.Y == "" || v.Setting[q.Y] == y) && (found == nil || found.Group < 0) {
			found = &variants[i]
		}
	}
	if found == nil {
		return c
	}
	c.Text, c.Note, c.Title = "–", found.state(), found.Label+": "+found.state()
	if s, ok := d.summary(*found, q.Metric); ok {
		c.Value, c.Text = float64(s.Mean), s.Mean.Text()
		c.Title = fmt.Sprintf("%s: %s %s, %s", found.Label, q.Metric, meanAndInterval(s), found.state())
		if c.Note == "" {
			c.Note = runCount(s.N)
		}
	}
	c.Href = found.link()
	return c
}

func runCount(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}

// state says what of a variant is not finished, with a mark for what is under
// way; "" if all is.
func (v variant) state() string {
	counts := map[store.Status]int{}
	ended := 0
	for _, run := range v.Runs {
		counts[run.Status]++
		if run.Status == store.StatusFinished {
			ended++
		}
	}
	all := max(v.Planned, len(v.Runs))
	var words []string
	if n := counts[store.StatusRunning]; n > 0 {
		done, total := 0, 0
		for _, run := range v.Runs {
			if run.Status == store.StatusRunning {
				done, total = done+run.LastStep, total+run.TotalSteps
			}
		}
		words = append(words, fmt.Sprintf("▶ %d %%", 100*done/max(1, total)))
	}
	for _, status := range []store.Status{store.StatusFailed, store.StatusCrashed, store.StatusDiverged, store.StatusInterrupted} {
		if n := counts[status]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, status))
		}
	}
	if ended > 0 && ended < all {
		words = append([]string{fmt.Sprintf("%d of %d", ended, all)}, words...)
	}
	if len(v.Runs) == 0 {
		words = append(words, "waiting")
	}
	return strings.Join(words, ", ")
}

// link leads to the runs of a variant: the one, or their comparison.
func (v variant) link() string {
	switch len(v.Runs) {
	case 0:
		return ""
	case 1:
		return "/runs/" + url.PathEscape(v.Runs[0].Slug)
	}
	return compareAddress("/compare", url.Values{"run": v.slugs()})
}

func (v variant) slugs() []string {
	list := make([]string, len(v.Runs))
	for i, run := range v.Runs {
		list[i] = run.Slug
	}
	return list
}

// meanAndInterval is a summary in the words of a comparison.
func meanAndInterval(s compare.Summary) string {
	text := s.Mean.Text()
	if !s.Low.Missing() && !s.High.Missing() {
		text += " [" + s.Low.Text() + ", " + s.High.Text() + "]"
	}
	return text
}

// lastWord is the end of a path that says what it is about.
func lastWord(path string) string {
	words := strings.Split(path, ".")
	if n := len(words); n > 1 && words[n-1] == "name" {
		return words[n-2]
	}
	return words[len(words)-1]
}

// parallel draws a line for each variant across settings and metrics.
func (d *sweepData) parallel(q sweepQuery) template.HTML {
	p := chart.Parallel{Title: "variants across settings and metrics"}
	metrics := append([]string{}, d.metrics...)
	if i := slices.Index(metrics, q.Metric); i > 0 {
		metrics = append([]string{q.Metric}, slices.Delete(metrics, i, i+1)...)
	}
	metrics = metrics[:min(len(metrics), max(2, mostLineAxes-len(d.paths)), 5)]
	for _, path := range d.paths {
		axis := chart.ParallelAxis{Label: lastWord(path)}
		values := d.values(path)
		low, high := math.Inf(1), math.Inf(-1)
		for _, value := range values {
			n, ok := settingNumber(value)
			if !ok || len(values) < 3 {
				axis.Categories = values
			}
			low, high = min(low, n), max(high, n)
		}
		axis.Log = axis.Categories == nil && low > 0 && high/low > 50
		p.Axes = append(p.Axes, axis)
	}
	for _, m := range metrics {
		p.Axes = append(p.Axes, chart.ParallelAxis{Label: m})
	}
	best := d.best(q.Metric)
	for i, v := range d.variants {
		line := chart.ParallelLine{Key: variantKey(i), Title: v.Label, Href: v.link(), Strong: i == best}
		for k, path := range d.paths {
			if c := p.Axes[k].Categories; c != nil {
				line.Values = append(line.Values, float64(slices.Index(c, v.Setting[path])))
			} else {
				n, _ := settingNumber(v.Setting[path])
				line.Values = append(line.Values, n)
			}
		}
		for _, m := range metrics {
			value := math.NaN()
			if s, ok := d.summary(v, m); ok {
				value = float64(s.Mean)
				line.Title += fmt.Sprintf("\n%s %s", m, meanAndInterval(s))
			}
			line.Values = append(line.Values, value)
		}
		p.Lines = append(p.Lines, line)
	}
	for i := range p.Axes {
		bareAll := make([]string, len(p.Axes[i].Categories))
		for k, c := range p.Axes[i].Categories {
			bareAll[k] = bare(c)
		}
		p.Axes[i].Categories = bareAll
	}
	return template.HTML(p.SVG()) // #nosec: chart escapes its texts
}

// best is the variant of the best mean; -1 if that cannot be said.
func (d *sweepData) best(metric string) int {
	best := -1
	for i := range d.variants {
		if _, ok := d.summary(d.variants[i], metric); ok && d.rows[metric].Better != compare.Neither && (best < 0 || d.before(metric, i, best)) {
			best = i
		}
	}
	return best
}

// before orders variants by a metric, the better ones first and those without a
// value last.
func (d *sweepData) before(metric string, i, j int) bool {
	a, okA := d.summary(d.variants[i], metric)
	b, okB := d.summary(d.variants[j], metric)
	if !okA || !okB {
		return okA && !okB
	}
	if d.rows[metric].Better == compare.Lower {
		return a.Mean < b.Mean
	}
	return a.Mean > b.Mean
}

func variantKey(i int) string { return fmt.Sprintf("v%d", i) }

// sweepTable has a line for each variant.
type sweepTable struct {
	Columns []sweepColumn
	Rows    []sweepLine
}

type sweepColumn struct {
	Name, URL string
	Sorted    bool
}

type sweepLine struct {
	Key, Label, Link string
	Runs             string // values of the field run, for a comparison; "" without runs
	State            string
	Best             bool
	Cells            []sweepCell
}

type sweepCell struct{ Mean, Interval string }

func (d *sweepData) table(q sweepQuery) sweepTable {
	var t sweepTable
	metrics := append([]string{}, d.metrics...)
	if i := slices.Index(metrics, q.Metric); i > 0 {
		metrics = append([]string{q.Metric}, slices.Delete(metrics, i, i+1)...)
	}
	metrics = metrics[:min(len(metrics), mostTableCols)]
	for _, m := range metrics {
		name := m
		switch d.rows[m].Better {
		case compare.Higher:
			name += " ↑"
		case compare.Lower:
			name += " ↓"
		}
		t.Columns = append(t.Columns, sweepColumn{name, q.sorted(m), m == q.Sort})
	}
	order := make([]int, len(d.variants))
	for i := range order {
		order[i] = i
	}
	if q.Sort != "variant" {
		slices.SortStableFunc(order, func(i, j int) int {
			switch {
			case d.before(q.Sort, i, j):
				return -1
			case d.before(q.Sort, j, i):
				return 1
			}
			return 0
		})
	}
	best := d.best(q.Metric)
	for _, i := range order {
		v := d.variants[i]
		line := sweepLine{Key: variantKey(i), Label: v.Label, Link: v.link(), Runs: strings.Join(v.slugs(), ","), State: v.state(), Best: i == best}
		if line.State == "" {
			line.State = runCount(len(v.Runs))
		}
		for _, m := range metrics {
			s, ok := d.summary(v, m)
			cell := sweepCell{Mean: "–"}
			if ok {
				cell.Mean = s.Mean.Text()
				if !s.Low.Missing() && !s.High.Missing() {
					cell.Interval = "[" + s.Low.Text() + ", " + s.High.Text() + "]"
				}
			}
			line.Cells = append(line.Cells, cell)
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}
