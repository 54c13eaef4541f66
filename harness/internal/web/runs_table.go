package web

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

// runsHead is the head of a column.
type runsHead struct {
	Key, Title, Class string
	Sorted            string // aria-sort
	Href              string // the table sorted by it
	Hint              string
}

// runsRow is a run or a group of runs.
type runsRow struct {
	ID       string // of the element
	Slugs    []string
	Label    string // what is selected, in words
	Pickable bool
	Picked   bool
	Group    bool
	Inner    bool // a run below its group
	Note     *moreRuns
	Cells    []runsCell
}

// moreRuns leads to the runs of a group that are not shown.
type moreRuns struct {
	Text, Href string
	Span       int
}

// runsCell is a value, or what stands for it.
type runsCell struct {
	Key, Title string // of its column
	Class      string
	Text, Hint string
	Interval   string
	Run        *store.RunInfo
	Editable   bool
	Progress   *runProgress
	Counts     []statusCount
	Open       bool
	Href       string
}

// runsTable makes the table of a page.
type runsTable struct {
	server *Server
	all    *runsSnapshot
	query  runsQuery
	now    time.Time

	columns []runsColumn
	write   []func(float64) string
}

// runsColumnOfGroups is the key that groups are sorted by for their size.
const runsColumnOfGroups = "runs"

// fill shows matching runs, newest first, as the query wants them.
func (t *runsTable) fill(ctx context.Context, v *runsView, runs []*store.RunInfo) error {
	q := t.query
	keys := q.Columns
	if len(keys) == 0 {
		keys = t.all.usual()
	}
	v.Chooser = t.all.chooser(q, keys)
	v.Grouping = t.all.grouping(q)
	if len(q.Group) > 0 {
		keys = without(keys, "run")
		if len(q.Columns) == 0 {
			keys = without(without(keys, "tags"), "notes")
		}
		if q.Group[0] == overSeeds {
			keys = without(without(keys, "name"), overSeeds)
		}
	}
	var err error
	if t.columns, err = t.all.columns(ctx, keys); err != nil {
		return err
	}
	var by runsColumn
	key, descending := strings.CutPrefix(q.Sort, "-")
	if key != "" && key != runsColumnOfGroups {
		if by, err = t.all.column(ctx, key); err != nil {
			return err
		}
	}
	if len(q.Group) > 0 {
		return t.fillGroups(ctx, v, runs, by, descending)
	}
	v.Heads = t.heads()
	if key == runsColumnOfGroups {
		return badRequest("sort=%s is for groups", key)
	}
	if by.value != nil {
		sortRuns(runs, by, descending)
	}
	page, pager, err := paged(runs, q)
	if err != nil {
		return err
	}
	v.Pager = pager
	t.setDigits(page)
	for _, r := range page {
		row, err := t.row(ctx, r)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, row)
	}
	return nil
}

// setDigits decides how the numbers of a page are written.
func (t *runsTable) setDigits(runs []*store.RunInfo) {
	t.write = make([]func(float64) string, len(t.columns))
	for i, c := range t.columns {
		var x []float64
		for _, r := range runs {
			if v := c.value(r); v.Is == numberValue {
				x = append(x, v.Number)
			}
		}
		t.write[i] = digits(x)
	}
}

func (t *runsTable) heads() []runsHead {
	heads := make([]runsHead, len(t.columns))
	for i, c := range t.columns {
		heads[i] = t.head(c.Key, c.Title, c.Numeric, c.Key == "created" || c.Key == "duration" || c.Key == "step" || c.Best == compare.Higher)
	}
	return heads
}

// head sorts by its column, or the other way round if it is sorted by it.
func (t *runsTable) head(key, title string, numeric, largestFirst bool) runsHead {
	h := runsHead{Key: key, Title: title}
	if numeric {
		h.Class = "number"
	}
	sort := key
	if largestFirst {
		sort = "-" + key
	}
	switch t.query.Sort {
	case key:
		h.Sorted, sort = "ascending", "-"+key
	case "-" + key:
		h.Sorted, sort = "descending", key
	case "":
		if key == "created" {
			h.Sorted, sort = "descending", key
		}
	}
	h.Href = t.query.with(func(q *runsQuery) { q.Sort = sort })
	return h
}

func (t *runsTable) row(ctx context.Context, r *store.RunInfo) (runsRow, error) {
	row := runsRow{ID: "run-" + r.ID, Slugs: []string{r.Slug}, Label: r.Slug, Pickable: true, Picked: slices.Contains(t.query.Selected, r.Slug)}
	for i, c := range t.columns {
		cell := runsCell{Key: c.Key, Title: c.Title, Run: r, Editable: !t.server.ReadOnly}
		if c.Numeric {
			cell.Class = "number"
		}
		if c.Kind != ofRun {
			cell.Key = "value" // a config path may be called like a column
		}
		v := c.value(r)
		switch c.Key {
		case "status":
			var err error
			if cell.Progress, err = t.server.runsProgress(ctx, r, t.now); err != nil {
				return row, err
			}
		case "created":
			cell.Text, cell.Hint = when(t.now, r.CreatedAt), clock(r.CreatedAt)
		case "step":
			if cell.Text = count(r.LastStep); r.LastStep < r.TotalSteps {
				cell.Text += " / " + count(r.TotalSteps)
			}
		case "duration":
			cell.Text = duration(runTime(r))
		case "memory":
			cell.Text = byteSize(r.PeakMemoryBytes)
		default:
			cell.Text = v.Text
			if v.Is == numberValue && v.Text == "" {
				cell.Text = t.write[i](v.Number)
			}
		}
		row.Cells = append(row.Cells, cell)
	}
	return row, nil
}

// Sizes of what a group shows.
const (
	openedRuns   = 20 // of its runs
	pickableRuns = 50 // that one tick selects
)

func (t *runsTable) fillGroups(ctx context.Context, v *runsView, runs []*store.RunInfo, by runsColumn, descending bool) error {
	groups, err := t.all.groupRuns(ctx, runs, t.query.Group)
	if err != nil {
		return err
	}
	v.Groups = len(groups)
	switch {
	case by.value != nil:
		sortGroups(groups, by, descending)
	case t.query.Sort != "":
		slices.SortStableFunc(groups, func(a, b *runsGroup) int {
			return compareValues(numberOf(float64(len(a.Runs))), numberOf(float64(len(b.Runs))), descending)
		})
	}
	page, pager, err := paged(groups, t.query)
	if err != nil {
		return err
	}
	v.Pager = pager
	v.Heads = append([]runsHead{t.head("name", "Group", false, false), t.head(runsColumnOfGroups, "Runs", true, true)}, t.heads()...)
	var shown []*store.RunInfo
	for _, g := range page {
		shown = append(shown, g.Runs...)
	}
	t.setDigits(shown)
	means := t.server.runs.intervals.meansOf(ctx, page, t.columns)
	for i, g := range page {
		v.Rows = append(v.Rows, t.groupRow(g, means[i]))
		if !slices.Contains(t.query.Open, g.Key) {
			continue
		}
		for _, r := range g.Runs[:min(openedRuns, len(g.Runs))] {
			row, err := t.row(ctx, r)
			if err != nil {
				return err
			}
			row.Inner = true
			row.Cells = append([]runsCell{{Key: "run", Title: "Run", Run: r}, {Key: "none", Title: "Runs"}}, row.Cells...)
			v.Rows = append(v.Rows, row)
		}
		if len(g.Runs) > openedRuns {
			v.Rows = append(v.Rows, runsRow{ID: "more-" + g.Key, Note: &moreRuns{fmt.Sprintf("all %s runs of %s", count(len(g.Runs)), g.Label), t.groupAddress(g), len(v.Heads) + 1}})
		}
	}
	return nil
}

func (t *runsTable) groupRow(g *runsGroup, means []groupMean) runsRow {
	open := slices.Contains(t.query.Open, g.Key)
	row := runsRow{ID: "group-" + g.Key, Group: true, Label: fmt.Sprintf("the %d runs of %s", len(g.Runs), g.Label), Pickable: len(g.Runs) <= pickableRuns}
	if row.Pickable {
		row.Picked = true
		for _, r := range g.Runs {
			row.Slugs = append(row.Slugs, r.Slug)
			row.Picked = row.Picked && slices.Contains(t.query.Selected, r.Slug)
		}
	}
	toggle := func(q *runsQuery) {
		q.Page = t.query.Page
		if q.Open = without(q.Open, g.Key); !open {
			q.Open = append(q.Open, g.Key)
		}
	}
	row.Cells = []runsCell{
		{Key: "group", Title: "Group", Text: g.Label, Open: open, Href: t.query.with(toggle), Hint: g.Key},
		{Key: "count", Title: "Runs", Class: "number", Text: count(len(g.Runs)), Href: t.groupAddress(g)},
	}
	for i, c := range t.columns {
		cell := runsCell{Key: "value", Title: c.Title}
		if c.Numeric {
			cell.Class = "number"
		}
		switch {
		case c.averaged():
			t.writeMean(&cell, c, means[i], t.write[i])
		case c.Key == "status":
			cell.Key, cell.Counts = "counts", g.statuses()
		case c.Key == "created":
			cell.Text, cell.Hint = when(t.now, g.Runs[0].CreatedAt), "the latest, "+clock(g.Runs[0].CreatedAt)
		case c.Key == "notes", c.Key == "tags":
		default:
			cell.Text, cell.Hint = sharedValue(g, c, t.write[i])
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

func (t *runsTable) writeMean(cell *runsCell, c runsColumn, m groupMean, write func(float64) string) {
	if len(m.Values) == 0 {
		return
	}
	switch c.Key {
	case "duration":
		write = func(v float64) string { return duration(time.Duration(v * float64(time.Second))) }
	case "memory":
		write = func(v float64) string { return byteSize(int64(v)) }
	case "step":
		write = func(v float64) string { return count(int(math.Round(v))) }
	}
	cell.Text = write(m.Mean)
	cell.Hint = fmt.Sprintf("mean of %d", len(m.Values))
	if (c.Kind == ofMetric || c.Key == runsLoss) && !math.IsNaN(m.Low) && m.Low != m.High {
		cell.Interval = "[" + write(m.Low) + ", " + write(m.High) + "]"
		cell.Hint += ", with the 95 % interval of the mean over seeds"
	}
}

// sharedValue is what all runs of a group have, or how many values they have.
func sharedValue(g *runsGroup, c runsColumn, write func(float64) string) (text, hint string) {
	seen := map[runsValue]bool{}
	for _, r := range g.Runs {
		seen[c.value(r)] = true
	}
	v := c.value(g.Runs[0])
	switch {
	case len(seen) > 1:
		return fmt.Sprintf("%d values", len(seen)), ""
	case v.Is == numberValue && v.Text == "":
		return write(v.Number), ""
	default:
		return v.Text, ""
	}
}

// groupAddress is the table of a group's runs alone.
func (t *runsTable) groupAddress(g *runsGroup) string {
	return t.query.with(func(q *runsQuery) {
		q.Group, q.Open, q.Sort = nil, nil, ""
		if t.query.Group[0] == overSeeds {
			q.Like = g.Runs[0].Slug
		}
		q.Where = slices.Concat(q.Where, g.Where)
	})
}

// runsPager leads to the other pages.
type runsPager struct {
	From, To, All  int
	Previous, Next string
}

// paged is the part of a list that is on the query's page; the pager is nil if
// there is only one.
func paged[T any](list []T, q runsQuery) ([]T, *runsPager, error) {
	if len(list) <= runsPageSize && q.Page == 1 {
		return list, nil, nil
	}
	// An address that was sent may be of a time when there were more.
	page := min(q.Page, max(1, (len(list)+runsPageSize-1)/runsPageSize))
	from, to := (page-1)*runsPageSize, min(page*runsPageSize, len(list))
	if len(list) <= runsPageSize {
		return list, nil, nil
	}
	p := &runsPager{From: from + 1, To: to, All: len(list)}
	if page > 1 {
		p.Previous = q.with(func(q *runsQuery) { q.Page = page - 1 })
	}
	if to < len(list) {
		p.Next = q.with(func(q *runsQuery) { q.Page = page + 1 })
	}
	return list[from:to], p, nil
}

// runsChooser chooses columns.
type runsChooser struct {
	Chosen []chosenColumn
	More   []columnSection
	Usual  string // the address with the usual columns; "": they are shown
}

type chosenColumn struct {
	Key, Left, Right string // addresses with it moved; "" at the ends
}

type columnSection struct {
	Title string
	Keys  []string
}

func (s *runsSnapshot) chooser(q runsQuery, keys []string) runsChooser {
	var c runsChooser
	move := func(i, by int) string {
		if i+by < 0 || i+by >= len(keys) {
			return ""
		}
		return q.with(func(q *runsQuery) {
			q.Columns = slices.Clone(keys)
			q.Columns[i], q.Columns[i+by] = q.Columns[i+by], q.Columns[i]
		})
	}
	for i, key := range keys {
		c.Chosen = append(c.Chosen, chosenColumn{key, move(i, -1), move(i, 1)})
	}
	more := func(title string, all []string) {
		section := columnSection{Title: title}
		for _, key := range all {
			if !slices.Contains(keys, key) {
				section.Keys = append(section.Keys, key)
			}
		}
		if len(section.Keys) > 0 {
			c.More = append(c.More, section)
		}
	}
	var builtin, main []string
	for _, column := range runColumns {
		builtin = append(builtin, column.Key)
	}
	// Metrics of single classes are many; they can be typed.
	for _, name := range s.Metrics {
		if !compare.Describe(name).Detail {
			main = append(main, name)
		}
	}
	more("Of the run", builtin)
	more("Metrics", main)
	if len(q.Columns) > 0 {
		c.Usual = q.with(func(q *runsQuery) { q.Columns = nil })
	}
	return c
}

// groupOption is a way of grouping.
type groupOption struct {
	Label, Href string
	Current     bool
}

func (s *runsSnapshot) grouping(q runsQuery) []groupOption {
	by := func(label string, group ...string) groupOption {
		return groupOption{label, q.with(func(q *runsQuery) {
			q.Group, q.Open = group, nil
			if len(group) == 0 && strings.TrimPrefix(q.Sort, "-") == runsColumnOfGroups {
				q.Sort = ""
			}
		}), slices.Equal(q.Group, group)}
	}
	list := []groupOption{by("Not grouped"), by("Over seeds", overSeeds)}
	if len(q.Group) > 0 && q.Group[0] != overSeeds {
		list = append(list, by("By "+strings.Join(q.Group, ", "), q.Group...))
	}
	return list
}

// runTime is how long a run has been going, or went, since it was last started.
func runTime(r *store.RunInfo) time.Duration {
	end := r.EndedAt
	if end.IsZero() {
		end = r.HeartbeatAt
	}
	return max(0, end.Sub(r.StartedAt))
}
