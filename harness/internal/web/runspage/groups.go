package runspage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

func (t *runsTable) fillGroups(ctx context.Context, v *runsView, runs []*store.RunInfo, by catalog.Column, descending bool) error {
	groups, err := t.all.Groups(ctx, runs, t.query.Group)
	if err != nil {
		return fmt.Errorf("group=%s: %w", strings.Join(t.query.Group, "&group="), err)
	}
	v.Groups = len(groups)
	switch {
	case by.Known():
		catalog.SortGroups(groups, by, descending)
	case t.query.Sort != "":
		catalog.SortGroupsBySize(groups, descending)
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
	means := catalog.Means(ctx, page, t.columns)
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
			v.Rows = append(v.Rows, runsRow{ID: "more-" + g.Key, Note: &moreRuns{fmt.Sprintf("all %s runs of %s", shell.Count(len(g.Runs)), g.Label),
				t.groupAddress(g), len(v.Heads) + 1}})
		}
	}
	return nil
}

func (t *runsTable) groupRow(g *catalog.Group, means []compare.Summary) runsRow {
	open := slices.Contains(t.query.Open, g.Key)
	row := runsRow{ID: "group-" + g.Key, Group: true, Label: fmt.Sprintf("the %d runs of %s", len(g.Runs), g.Label),
		Pickable: len(g.Runs) <= pickableRuns}
	if row.Pickable {
		row.Picked = true
		for _, r := range g.Runs {
			row.Slugs = append(row.Slugs, r.Slug)
			row.Picked = row.Picked && slices.Contains(t.query.Selected, r.Slug)
		}
	}
	toggle := func(q *runsQuery) {
		q.Page = t.query.Page
		if q.Open = shell.Without(q.Open, g.Key); !open {
			q.Open = append(q.Open, g.Key)
		}
	}
	row.Cells = []runsCell{
		{Key: "group", Title: "Group", Text: g.Label, Open: open, Href: t.query.with(toggle), Hint: g.Key},
		{Key: "count", Title: "Runs", Class: "number", Text: shell.Count(len(g.Runs)), Href: t.groupAddress(g)},
	}
	for i, c := range t.columns {
		cell := runsCell{Key: "value", Title: c.Title}
		if c.Numeric {
			cell.Class = "number"
		}
		switch {
		case c.Averaged():
			t.writeMean(&cell, c, means[i], t.write[i])
		case c.Key == "status":
			cell.Key, cell.Counts = "counts", g.Statuses()
		case c.Key == "created":
			cell.Text, cell.Hint = shell.When(t.now, g.Runs[0].CreatedAt), "the latest, "+shell.Clock(g.Runs[0].CreatedAt)
		case c.Key == "notes", c.Key == "tags":
		default:
			cell.Text, cell.Hint = sharedValue(g, c, t.write[i])
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

func (t *runsTable) writeMean(cell *runsCell, c catalog.Column, m compare.Summary, write func(float64) string) {
	if m.N == 0 {
		return
	}
	switch c.Key {
	case "duration":
		write = func(v float64) string { return shell.Duration(time.Duration(v * float64(time.Second))) }
	case "memory":
		write = func(v float64) string { return shell.Bytes(int64(v)) }
	case "step":
		write = func(v float64) string { return shell.Count(int(math.Round(v))) }
	}
	cell.Text = write(float64(m.Mean))
	cell.Hint = fmt.Sprintf("mean of %d", m.N)
	if (c.Kind == catalog.OfMetric || c.Key == catalog.Loss) && !m.Low.Missing() && m.Low != m.High {
		cell.Interval = "[" + write(float64(m.Low)) + ", " + write(float64(m.High)) + "]"
		cell.Hint += ", with the 95 % interval of the mean over seeds"
	}
}

// sharedValue is what all runs of a group have, or how many values they have.
func sharedValue(g *catalog.Group, c catalog.Column, write func(float64) string) (text, hint string) {
	v, values := g.SharedValue(c)
	switch {
	case values > 1:
		return fmt.Sprintf("%d values", values), ""
	case v.Is == catalog.NumberValue && v.Text == "":
		return write(v.Number), ""
	default:
		return v.Text, ""
	}
}

// groupAddress is the table of a group's runs alone.
func (t *runsTable) groupAddress(g *catalog.Group) string {
	return t.query.with(func(q *runsQuery) {
		q.Group, q.Open, q.Sort = nil, nil, ""
		if t.query.Group[0] == catalog.OverSeeds {
			q.Like = g.Runs[0].Slug
		}
		q.Where = slices.Concat(q.Where, g.Where)
	})
}

// runsColumnOfGroups is the key that groups are sorted by for their size.
const runsColumnOfGroups = "runs"

// Sizes of what a group shows.
const (
	openedRuns   = 20 // of its runs
	pickableRuns = 50 // that one tick selects
)
