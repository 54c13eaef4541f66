package runspage

import (
	"context"
	"slices"
	"strings"
	"time"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
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
	Progress   *progress.Progress
	Counts     []catalog.StatusCount
	Open       bool
	Href       string
}

// runsTable makes the table of a page.
type runsTable struct {
	server *Pages
	all    *runsSnapshot
	query  runsQuery
	now    time.Time

	columns []catalog.Column
	write   []func(float64) string
}

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
		keys = shell.Without(keys, "run")
		if len(q.Columns) == 0 {
			keys = shell.Without(shell.Without(keys, "tags"), "notes")
		}
		if q.Group[0] == catalog.OverSeeds {
			keys = shell.Without(shell.Without(keys, "name"), catalog.OverSeeds)
		}
	}
	var err error
	if t.columns, err = t.all.Columns(ctx, keys); err != nil {
		return err
	}
	var by catalog.Column
	key, descending := strings.CutPrefix(q.Sort, "-")
	if key != "" && key != runsColumnOfGroups {
		if by, err = t.all.Column(ctx, key); err != nil {
			return err
		}
	}
	if len(q.Group) > 0 {
		return t.fillGroups(ctx, v, runs, by, descending)
	}
	v.Heads = t.heads()
	if key == runsColumnOfGroups {
		return shell.BadRequest("sort=%s is for groups", key)
	}
	if by.Known() {
		catalog.Sort(runs, by, descending)
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
			if v := c.Value(r); v.Is == catalog.NumberValue {
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
	row := runsRow{ID: "run-" + r.ID, Slugs: []string{r.Slug}, Label: r.Slug, Pickable: true,
		Picked: slices.Contains(t.query.Selected, r.Slug)}
	for i, c := range t.columns {
		cell := runsCell{Key: c.Key, Title: c.Title, Run: r, Editable: !t.server.ReadOnly}
		if c.Numeric {
			cell.Class = "number"
		}
		if c.Kind != catalog.OfRun {
			cell.Key = "value" // a config path may be called like a column
		}
		v := c.Value(r)
		switch c.Key {
		case "status":
			var err error
			if cell.Progress, err = t.server.runsProgress(ctx, r, t.now); err != nil {
				return row, err
			}
		case "created":
			cell.Text, cell.Hint = shell.When(t.now, r.CreatedAt), shell.Clock(r.CreatedAt)
		case "step":
			if cell.Text = shell.Count(r.LastStep); r.LastStep < r.TotalSteps {
				cell.Text += " / " + shell.Count(r.TotalSteps)
			}
		case "duration":
			cell.Text = shell.Duration(catalog.RunTime(r))
		case "memory":
			cell.Text = shell.Bytes(r.PeakMemoryBytes)
		default:
			cell.Text = v.Text
			if v.Is == catalog.NumberValue && v.Text == "" {
				cell.Text = t.write[i](v.Number)
			}
		}
		row.Cells = append(row.Cells, cell)
	}
	return row, nil
}
