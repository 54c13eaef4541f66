package web

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/store"
)

// match lists the runs that pass the filters, newest first.
func (s *runsSnapshot) match(ctx context.Context, q runsQuery) ([]*store.RunInfo, error) {
	f := q.filter()
	var tests []func(*store.RunInfo) bool
	for _, text := range q.Where {
		c, err := readCondition(text)
		if err != nil {
			return nil, err
		}
		column, err := s.column(ctx, c.Name)
		if err != nil {
			return nil, err
		}
		if column.Kind == ofConfig || slices.Contains(s.Paths, c.Name) && column.Key != runsLoss {
			f.Where = append(f.Where, text) // as harness list --where
			continue
		}
		test, err := c.test(column)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	if err := f.Validate(); err != nil {
		return nil, badRequest("%w", err)
	}
	if q.Like != "" {
		test, err := s.like(ctx, q.Like)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	passes := func(r *store.RunInfo) bool { return shelfOf(r) == f.Shelf }
	if !reflect.DeepEqual(f, store.Filter{Shelf: f.Shelf}) {
		ids, err := s.store.MatchRuns(ctx, f)
		if err != nil {
			return nil, err
		}
		passes = func(r *store.RunInfo) bool { return ids[r.ID] }
	}
	var runs []*store.RunInfo
	for _, r := range s.Runs {
		if passes(r) && !slices.ContainsFunc(tests, func(test func(*store.RunInfo) bool) bool { return !test(r) }) {
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// condition is one such as accuracy>0.9.
type condition struct{ Text, Name, Op, Value string }

func readCondition(text string) (condition, error) {
	at := strings.IndexAny(text, "=!<>")
	if at < 0 {
		return condition{}, badRequest("condition %q has no operator; write it like train.lr<=0.001 or accuracy>0.9 (=, !=, <, <=, >, >=)", text)
	}
	c := condition{Text: text, Name: strings.TrimSpace(text[:at]), Op: text[at : at+1]}
	if rest := text[at+1:]; strings.HasPrefix(rest, "=") {
		c.Op += "="
	}
	c.Value = strings.TrimSpace(text[at+len(c.Op):])
	if c.Name == "" || c.Value == "" || c.Op == "!" {
		return c, badRequest("condition %q is not complete; write it like train.lr<=0.001 or accuracy>0.9 (=, !=, <, <=, >, >=)", text)
	}
	return c, nil
}

// test tells which runs have a value in a column that fulfils the condition. What
// is missing fulfils none.
func (c condition) test(column runsColumn) (func(*store.RunInfo) bool, error) {
	want, err := strconv.ParseFloat(c.Value, 64)
	if err != nil && column.Numeric {
		return nil, badRequest("condition %q: %s is a number, and %q is none", c.Text, c.Name, c.Value)
	}
	if err != nil && c.Op != "=" && c.Op != "==" && c.Op != "!=" {
		return nil, badRequest("condition %q compares by size with something that is not a number", c.Text)
	}
	numeric := err == nil
	return func(r *store.RunInfo) bool {
		v := column.value(r)
		if v.Is == noValue {
			return false
		}
		equal := v.Text == c.Value
		if numeric && v.Is == numberValue {
			equal = v.Number == want
		}
		switch c.Op {
		case "=", "==":
			return equal
		case "!=":
			return !equal
		case "<":
			return v.Is == numberValue && v.Number < want
		case "<=":
			return v.Is == numberValue && v.Number <= want
		case ">":
			return v.Is == numberValue && v.Number > want
		default:
			return v.Is == numberValue && v.Number >= want
		}
	}, nil
}

// like tells which runs differ from one in nothing but their seed.
func (s *runsSnapshot) like(ctx context.Context, slug string) (func(*store.RunInfo) bool, error) {
	run := s.BySlug[slug]
	if run == nil {
		return nil, badRequest("like=%s: %w", slug, errNoRunLike)
	}
	keys, err := s.configKeys(ctx)
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
	if len(q.Status) > 0 {
		for _, s := range q.Status {
			add("status "+s, func(q *runsQuery) { q.Status = without(q.Status, s) })
		}
	}
	for _, t := range q.Tags {
		add("tag "+t, func(q *runsQuery) { q.Tags = without(q.Tags, t) })
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
		add(w, func(q *runsQuery) { q.Where = without(q.Where, w) })
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
