package runspage

import (
	"context"
	"errors"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// runsSnapshot are all runs now, as the page of runs needs them.
type runsSnapshot struct {
	*catalog.Snapshot
}

func (s *Pages) runsNow(ctx context.Context) (*runsSnapshot, error) {
	all, err := s.runs.Snapshot(ctx)
	return &runsSnapshot{all}, err
}

// warm reads what the first view would wait for. What goes wrong, that view tells.
func (s *Pages) warm(ctx context.Context) {
	all, err := s.runsNow(ctx)
	if err != nil {
		return
	}
	if _, err := all.Columns(ctx, all.usual()); err == nil {
		_, _ = all.ConfigKeys(ctx)
	}
}

// match lists the runs that pass the filters, newest first.
func (s *runsSnapshot) match(ctx context.Context, q runsQuery) ([]*store.RunInfo, error) {
	var tests []func(*store.RunInfo) bool
	if q.Like != "" {
		test, err := s.like(ctx, q.Like)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	return s.Match(ctx, q.filter(), q.Where, tests...)
}

// like tells which runs differ from one in nothing but their seed.
func (s *runsSnapshot) like(ctx context.Context, slug string) (func(*store.RunInfo) bool, error) {
	run := s.BySlug[slug]
	if run == nil {
		return nil, shell.BadRequest("like=%s: %w", slug, errNoRunLike)
	}
	keys, err := s.ConfigKeys(ctx)
	want := keys[run.ID]
	return func(r *store.RunInfo) bool { return keys[r.ID] == want }, err
}

// runsChip is a filter that can be taken away.
type runsChip struct {
	Label, Remove string
	Without       int // runs that would match without it; -1: not counted
	query         runsQuery
}

// chips are the filters in force, in words.
func (q runsQuery) chips() []runsChip {
	var list []runsChip
	add := func(label string, change func(*runsQuery)) {
		changed := q
		changed.Page = 1
		change(&changed)
		list = append(list, runsChip{label, changed.String(), -1, changed})
	}
	if q.Text != "" {
		add("“"+q.Text+"”", func(q *runsQuery) { q.Text = "" })
	}
	if len(q.Statuses) > 0 {
		for _, s := range q.Statuses {
			add("status "+s, func(q *runsQuery) { q.Statuses = shell.Without(q.Statuses, s) })
		}
	}
	for _, t := range q.Tags {
		add("tag "+t, func(q *runsQuery) { q.Tags = shell.Without(q.Tags, t) })
	}
	if q.Process != "" {
		add("process "+q.Process, func(q *runsQuery) { q.Process = "" })
	}
	if q.Dataset != "" {
		add("dataset "+q.Dataset, func(q *runsQuery) { q.Dataset = "" })
	}
	if q.Name != "" {
		add("name "+q.Name, func(q *runsQuery) { q.Name = "" })
	}
	if q.Like != "" {
		add("like "+q.Like+" but for the seed", func(q *runsQuery) { q.Like = "" })
	}
	for _, w := range q.Where {
		add(w, func(q *runsQuery) { q.Where = shell.Without(q.Where, w) })
	}
	return list
}

// countWithout says of each filter how many runs there would be without it.
func (s *runsSnapshot) countWithout(ctx context.Context, chips []runsChip) error {
	for i := range chips {
		runs, err := s.match(ctx, chips[i].query)
		if err != nil {
			return err
		}
		chips[i].Without = len(runs)
	}
	return nil
}

var errNoRunLike = errors.New("there is no such run")
