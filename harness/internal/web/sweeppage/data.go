package sweeppage

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/web/shell"
)

// sweepData are the variants of a sweep with what they came to.
type sweepData struct {
	base     string // before addresses in charts
	variants []variant
	paths    []string // that vary
	metrics  []string // in the order of a comparison, those of the sweep's file first
	rows     map[string]compare.Row
	result   *compare.Result

	best int   // the variant of which it is shown that it is the best; -1 if there is none
	tied []int // without a best, those that may be it
}

func newSweepData(file *sweep.File, variants []variant, result *compare.Result) *sweepData {
	d := &sweepData{variants: variants, result: result, rows: map[string]compare.Row{}, best: -1}
	if len(variants) > 0 {
		d.paths = variedPaths(variants)
	}
	if result == nil {
		return d
	}
	for _, row := range slices.Concat(result.Metrics, result.Cost) {
		d.rows[row.Name] = row
		d.metrics = append(d.metrics, row.Name)
	}
	if file != nil && file.Search != nil {
		d.metrics = movedFirst(d.metrics, file.Search.Objective.Metric)
	}
	return d
}

// movedFirst is a list with one of its values, if it has it, put first.
func movedFirst(list []string, value string) []string {
	if !slices.Contains(list, value) {
		return list
	}
	return append([]string{value}, shell.Without(list, value)...)
}

// complete fills in what a query leaves open, and refuses what is not there.
func (d *sweepData) complete(q sweepQuery) (sweepQuery, error) {
	known := func(kind, value string, among []string) error {
		if value != "" && !slices.Contains(among, value) {
			return shell.BadRequest("the sweep has no %s %q; there are: %s", kind, value, strings.Join(among, ", "))
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
		return q, shell.BadRequest("the two axes must be different settings")
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
			key = append(key, v.Values[other])
		}
		text := strings.Join(key, "\x00")
		if known, ok := decided[text]; ok && known != v.Values[path] {
			return false
		}
		decided[text] = v.Values[path]
	}
	return true
}

// values of a path, numbers by size, others as they come.
func (d *sweepData) values(path string) []string {
	var list []string
	numbers := true
	for _, v := range d.variants {
		value := v.Values[path]
		if !slices.Contains(list, value) {
			list = append(list, value)
			_, ok := valueNumber(value)
			numbers = numbers && ok
		}
	}
	if numbers {
		slices.SortFunc(list, func(a, b string) int {
			x, _ := valueNumber(a)
			y, _ := valueNumber(b)
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

func valueNumber(value string) (float64, bool) {
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

// meanAndInterval is a summary in the words of a comparison.
func meanAndInterval(s compare.Summary) string {
	return strings.TrimSpace(s.Mean.Text() + " " + intervalText(s))
}

// intervalText is "" if there is no interval.
func intervalText(s compare.Summary) string {
	if s.Low.Missing() || s.High.Missing() {
		return ""
	}
	return "[" + s.Low.Text() + ", " + s.High.Text() + "]"
}

// leading is the variant of the best mean; -1 if there is none.
func (d *sweepData) leading(metric string) int {
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
