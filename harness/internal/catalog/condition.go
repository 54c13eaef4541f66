package catalog

import (
	"context"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/label"
	"flowharness/harness/internal/store"
)

// InvalidError says what is wrong with what was asked of a catalog: a column that there is not, a condition that cannot be read.
type InvalidError struct{ err error }

func (e *InvalidError) Error() string { return e.err.Error() }
func (e *InvalidError) Unwrap() error { return e.err }

// Fault is [fault.Invalid].
func (e *InvalidError) Fault() fault.Kind { return fault.Invalid }

func invalid(format string, args ...any) error { return &InvalidError{fmt.Errorf(format, args...)} }

// Match lists the runs that pass a filter, whose order and limit do not matter, fulfil conditions such as accuracy>0.9, and pass
// tests; newest first.
func (s *Snapshot) Match(ctx context.Context, f store.Filter, where []string, tests ...func(*store.RunInfo) bool) ([]*store.RunInfo,
	error) {
	f, more, err := s.compile(ctx, f, where)
	if err != nil {
		return nil, err
	}
	tests = append(tests, more...)
	passes := func(r *store.RunInfo) bool { return ShelfOf(r) == f.Shelf }
	if !reflect.DeepEqual(f, store.Filter{Shelf: f.Shelf}) {
		ids, err := s.store.MatchRuns(ctx, f)
		if err != nil {
			return nil, err
		}
		passes = func(r *store.RunInfo) bool { return ids[r.ID] }
	}
	var runs []*store.RunInfo
	for _, r := range s.Runs {
		if passes(r) && passesAll(r, tests) {
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// Order says which runs come first, and how many are wanted.
type Order struct {
	By         Column // the zero value: the newest first
	Descending bool
	Limit      int // 0: all
}

// Choose reads the runs that pass a filter, whose own order and limit do not matter, and fulfil conditions such as accuracy>0.9,
// in an order. Where the store can tell which come first, no others are read. Series are read of these runs from then on.
func (s *Snapshot) Choose(ctx context.Context, f store.Filter, where []string, o Order) ([]*store.RunInfo, error) {
	f, tests, err := s.compile(ctx, f, where)
	if err != nil {
		return nil, err
	}
	ordered := !o.By.Known() || o.By.Kind == OfRun && slices.Contains(store.SortKeys(), o.By.Key)
	if ordered && o.By.Known() {
		f.Sort, f.Desc = o.By.Key, o.Descending
	}
	if ordered && len(tests) == 0 {
		f.Limit = o.Limit
	}
	list, err := s.store.ListRuns(ctx, f)
	if err != nil {
		return nil, err
	}
	runs := slices.DeleteFunc(pointers(list), func(r *store.RunInfo) bool { return !passesAll(r, tests) })
	if !ordered {
		Sort(runs, o.By, o.Descending)
	}
	if o.Limit > 0 {
		runs = runs[:min(len(runs), o.Limit)]
	}
	s.chosen = nil
	for _, r := range runs {
		s.chosen = append(s.chosen, r.ID)
	}
	return runs, nil
}

func passesAll(r *store.RunInfo, tests []func(*store.RunInfo) bool) bool {
	return !slices.ContainsFunc(tests, func(test func(*store.RunInfo) bool) bool { return !test(r) })
}

// compile parts conditions into those that the store compares, which join the filter, and tests of runs. It refuses what makes
// no sense, and what is not the name of anything.
func (s *Snapshot) compile(ctx context.Context, f store.Filter, where []string) (store.Filter, []func(*store.RunInfo) bool, error) {
	var tests []func(*store.RunInfo) bool
	if err := s.checkNames(ctx, map[string]string{"process": f.Process, "dataset": f.Dataset}, ""); err != nil {
		return f, nil, err
	}
	f.Where = slices.Clone(f.Where)
	for _, text := range where {
		c, column, err := s.read(ctx, text)
		if err != nil {
			return f, nil, err
		}
		if column.Kind == OfConfig || slices.Contains(s.Paths, c.Name) && column.Key != Loss && column.Key != tagsColumn {
			f.Where = append(f.Where, text) // the store compares configs
			continue
		}
		test, err := c.test(column)
		if err != nil {
			return f, nil, err
		}
		tests = append(tests, test)
	}
	return f, tests, CheckFilter(f)
}

// read reads a condition, and finds its column.
func (s *Snapshot) read(ctx context.Context, text string) (condition, Column, error) {
	c, err := readCondition(text)
	if err != nil {
		return c, Column{}, err
	}
	column, err := s.Column(ctx, c.Name)
	if err == nil && c.equality() {
		err = s.checkNames(ctx, map[string]string{c.Name: c.Value}, fmt.Sprintf("condition %q: ", text))
	}
	return c, column, err
}

// CheckFilter says what is wrong with a filter, whatever the store holds.
func CheckFilter(f store.Filter) error {
	if err := f.Validate(); err != nil {
		return &InvalidError{err}
	}
	// SQLite takes a pattern that cannot be read for one that nothing matches.
	if _, err := path.Match(f.Name, ""); err != nil {
		return invalid("the pattern %q of names has no end: close its [ with ], or write [[] for the letter itself", f.Name)
	}
	return nil
}

// ShelfOf is where a run lies.
func ShelfOf(r *store.RunInfo) store.Shelf {
	switch {
	case !r.DeletedAt.IsZero():
		return store.ShelfTrash
	case !r.ArchivedAt.IsZero():
		return store.ShelfArchived
	default:
		return store.ShelfActive
	}
}

// condition is one such as accuracy>0.9.
type condition struct{ Text, Name, Op, Value string }

func readCondition(text string) (condition, error) {
	at := strings.IndexAny(text, "=!<>")
	if at < 0 {
		return condition{}, invalid("condition %q has no operator; write it like train.lr<=0.001 or accuracy>0.9 (=, !=, <, <=, >, >=)", text)
	}
	c := condition{Text: text, Name: strings.TrimSpace(text[:at]), Op: text[at : at+1]}
	if rest := text[at+1:]; strings.HasPrefix(rest, "=") {
		c.Op += "="
	}
	c.Value = strings.TrimSpace(text[at+len(c.Op):])
	if c.Name == "" || c.Value == "" || c.Op == "!" {
		return c, invalid("condition %q is not complete; write it like train.lr<=0.001 or accuracy>0.9 (=, !=, <, <=, >, >=)", text)
	}
	return c, nil
}

// equality tells whether the condition names a value, which runs have or have not.
func (c condition) equality() bool { return c.Op == "=" || c.Op == "==" || c.Op == "!=" }

// test tells which runs have a value in a column that fulfils the condition. What
// is missing fulfils none.
func (c condition) test(column Column) (func(*store.RunInfo) bool, error) {
	parse := column.parse
	if parse == nil {
		parse = func(text string) (float64, error) { return strconv.ParseFloat(text, 64) }
	}
	want, err := parse(c.Value)
	if err != nil && column.like != "" {
		return nil, invalid("condition %q: %s is compared with %s, not with %q", c.Text, c.Name, column.like, c.Value)
	}
	if err != nil && column.Numeric {
		return nil, invalid("condition %q: %s is a number, and %q is none", c.Text, c.Name, c.Value)
	}
	if err != nil && !c.equality() {
		return nil, invalid("condition %q compares by size with something that is not a number", c.Text)
	}
	numeric := err == nil
	if column.Key == tagsColumn && c.equality() {
		return func(r *store.RunInfo) bool { return slices.Contains(r.Tags, label.Normal(c.Value)) == (c.Op != "!=") }, nil
	}
	return func(r *store.RunInfo) bool {
		v := column.Value(r)
		if v.Is == NoValue {
			return false
		}
		equal := v.Text == c.Value
		if numeric && v.Is == NumberValue {
			equal = v.Number == want
		}
		switch c.Op {
		case "=", "==":
			return equal
		case "!=":
			return !equal
		case "<":
			return v.Is == NumberValue && v.Number < want
		case "<=":
			return v.Is == NumberValue && v.Number <= want
		case ">":
			return v.Is == NumberValue && v.Number > want
		default:
			return v.Is == NumberValue && v.Number >= want
		}
	}, nil
}

// parseTime reads a moment, which is local where it does not say otherwise, as milliseconds since 1970.
func parseTime(text string) (float64, error) {
	var err error
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", time.DateTime,
		time.RFC3339} {
		var at time.Time
		if at, err = time.ParseInLocation(layout, text, time.Local); err == nil {
			return float64(at.UnixMilli()), nil
		}
	}
	return 0, err
}

// parseSeconds reads a number of seconds, or a duration as Go writes it.
func parseSeconds(text string) (float64, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return seconds, nil
	}
	d, err := time.ParseDuration(text)
	return d.Seconds(), err
}
