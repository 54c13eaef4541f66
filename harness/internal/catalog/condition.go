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
	for _, text := range where {
		c, err := readCondition(text)
		if err != nil {
			return nil, err
		}
		column, err := s.Column(ctx, c.Name)
		if err != nil {
			return nil, err
		}
		if column.Kind == OfConfig || slices.Contains(s.Paths, c.Name) && column.Key != Loss {
			f.Where = append(f.Where, text) // the store compares configs
			continue
		}
		test, err := c.test(column)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	if err := CheckFilter(f); err != nil {
		return nil, err
	}
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
		if passes(r) && !slices.ContainsFunc(tests, func(test func(*store.RunInfo) bool) bool { return !test(r) }) {
			runs = append(runs, r)
		}
	}
	return runs, nil
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
	if err != nil && c.Op != "=" && c.Op != "==" && c.Op != "!=" {
		return nil, invalid("condition %q compares by size with something that is not a number", c.Text)
	}
	numeric := err == nil
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
