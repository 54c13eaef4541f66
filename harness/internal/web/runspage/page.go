package runspage

import (
	"net/http"
	"slices"
	"strings"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// runsView is what runs.html shows.
type runsView struct {
	Query    runsQuery
	ReadOnly bool
	Shelves  []shelfTab
	Stored   int // runs of the store, wherever they lie
	Matches  int
	Groups   int // 0: not grouped
	Chips    []runsChip
	Fields   runsFields
	Heads    []runsHead
	Rows     []runsRow
	Chooser  runsChooser
	Grouping []groupOption
	Pager    *runsPager
	Hidden   []string // slugs that are selected and not in sight
	Gone     []string // slugs that were selected and are not on this shelf any more
	Missing  []string // what is asked for and no run has
	Back     string
}

// shelfTab leads to the runs of a shelf.
type shelfTab struct {
	Label, Href string
	Runs        int
	Current     bool
}

// Active, Archived and Trash tell which shelf is shown.
func (v runsView) Active() bool   { return v.Query.Shelf == store.ShelfActive }
func (v runsView) Archived() bool { return v.Query.Shelf == store.ShelfArchived }
func (v runsView) Trash() bool    { return v.Query.Shelf == store.ShelfTrash }

// OnShelf is the number of runs of the shelf that is shown.
func (v runsView) OnShelf() int {
	for _, t := range v.Shelves {
		if t.Current {
			return t.Runs
		}
	}
	return 0
}

// State are the parameters that a form must keep, but for those that it sets.
func (v runsView) State(except ...string) []shell.Field {
	return v.Query.fields(append(except, "page")...)
}

// Cleared is the address without filters.
func (v runsView) Cleared() string {
	return v.Query.with(func(q *runsQuery) {
		*q = runsQuery{Shelf: q.Shelf, Sort: q.Sort, Columns: q.Columns, Group: q.Group, Selected: q.Selected, Page: 1}
	})
}

// Unpicked is the address without a selection.
func (v runsView) Unpicked() string {
	return v.Query.with(func(q *runsQuery) { q.Selected, q.Page = nil, v.Query.Page })
}

// runsPage is the table of runs.
func (s *Pages) runsPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := readRunsQuery(r)
	if err != nil {
		return err
	}
	state, err := s.State(ctx, shell.Everything)
	if err != nil {
		return err
	}
	all, err := s.runsNow(ctx)
	if err != nil {
		return err
	}
	matching, err := all.match(ctx, q)
	if err != nil {
		return err
	}
	var gone []string
	q.Selected, gone = all.stillThere(q)
	v := runsView{Query: q, Gone: gone, ReadOnly: s.ReadOnly, Shelves: all.shelves(q), Stored: len(all.Runs), Matches: len(matching),
		Chips:  q.chips(),
		Fields: all.fields(q), Back: q.String()}
	if len(matching) == 0 {
		if err := all.countWithout(ctx, v.Chips); err != nil {
			return err
		}
		if v.Missing, err = all.Missing(ctx, q.filter(), q.Where); err != nil {
			return err
		}
	}
	t := runsTable{server: s, all: all, query: q, now: s.Now()}
	if err := t.fill(ctx, &v, matching); err != nil {
		return err
	}
	for _, slug := range q.Selected {
		if !slices.ContainsFunc(v.Rows, func(row runsRow) bool { return slices.Contains(row.Slugs, slug) }) {
			v.Hidden = append(v.Hidden, slug)
		}
	}
	return s.Render(w, r, "runs.html", shell.PageData{Title: "Runs", Nav: "runs", Topic: string(shell.Everything), State: state, Body: v})
}

// stillThere parts the slugs that are selected: an address may be older than what
// was done with its runs.
func (s *runsSnapshot) stillThere(q runsQuery) (there, gone []string) {
	for _, slug := range q.Selected {
		if r := s.BySlug[slug]; r != nil && catalog.ShelfOf(r) == q.Shelf {
			there = append(there, slug)
		} else {
			gone = append(gone, slug)
		}
	}
	return there, gone
}

func (s *runsSnapshot) shelves(q runsQuery) []shelfTab {
	tabs := []shelfTab{{Label: "Active"}, {Label: "Archived"}, {Label: "Trash"}}
	on := map[store.Shelf]int{}
	for _, r := range s.Runs {
		on[catalog.ShelfOf(r)]++
	}
	for i, shelf := range []store.Shelf{store.ShelfActive, store.ShelfArchived, store.ShelfTrash} {
		tabs[i].Runs = on[shelf]
		tabs[i].Current = shelf == q.Shelf
		// What is selected is for actions of this shelf.
		tabs[i].Href = q.with(func(q *runsQuery) { q.Shelf, q.Selected, q.Open = shelf, nil, nil })
	}
	return tabs
}

// runsFields are what the fields of the filters offer.
type runsFields struct {
	Statuses                  []option
	Tags, Processes, Datasets []option
	Names                     []string // of columns: for completion
}

type option struct {
	Value    string
	Selected bool
}

func (s *runsSnapshot) fields(q runsQuery) runsFields {
	var f runsFields
	for _, status := range record.Statuses() {
		f.Statuses = append(f.Statuses, option{string(status), slices.Contains(q.Statuses, string(status))})
	}
	seen := [3]map[string]bool{{}, {}, {}}
	for _, r := range s.Runs {
		seen[0][r.Process], seen[1][r.Dataset] = true, true
		for _, t := range r.Tags {
			seen[2][t] = true
		}
	}
	f.Processes, f.Datasets, f.Tags = options(seen[0], q.Process), options(seen[1], q.Dataset), options(seen[2], q.Tags...)
	f.Names = slices.Concat([]string{catalog.Loss, catalog.RecentLoss, "step"}, s.Metrics, s.Paths)
	return f
}

// options are sorted; what is asked for is among them even if no run has it.
func options(values map[string]bool, asked ...string) []option {
	for _, a := range asked {
		if a != "" {
			values[a] = true
		}
	}
	list := make([]option, 0, len(values))
	for v := range values {
		list = append(list, option{v, slices.Contains(asked, v)})
	}
	slices.SortFunc(list, func(a, b option) int { return strings.Compare(a.Value, b.Value) })
	return list
}
