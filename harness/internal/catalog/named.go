package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/label"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/suggest"
	"flowharness/schedulers"
)

// tagsColumn is the key of the column of tags: it is equal to each tag that a run has.
const tagsColumn = "tags"

// named is a column that has one of the names that something gives.
type named struct {
	what  string
	names func() []string
	of    func(*store.RunInfo) string // runs may have names that nobody gives any more; nil: they have not
}

var (
	processes = named{"process", schedulers.ProcessNames, func(r *store.RunInfo) string { return r.Process }}
	datasets  = named{"dataset", dataset.Names, func(r *store.RunInfo) string { return r.Dataset }}
	statuses  = named{"status", func() (list []string) {
		for _, s := range record.Statuses() {
			list = append(list, string(s))
		}
		return list
	}, nil}
)

// namedColumns are those columns, and the paths of configs that say the same, by key.
var namedColumns = map[string]named{"process": processes, "process.name": processes, "dataset": datasets, "data.name": datasets,
	"status": statuses}

// checkNames is an [*InvalidError] if a value of such a column is not a name that something gives, nor one that a run has. The
// message begins with what is given.
func (s *Snapshot) checkNames(ctx context.Context, values map[string]string, begin string) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		column, ok := namedColumns[key]
		value := values[key]
		if !ok || value == "" || slices.Contains(column.names(), value) {
			continue
		}
		known := column.names()
		if column.of != nil {
			runs, err := s.everyRun(ctx)
			if err != nil {
				return err
			}
			for _, name := range valuesOf(runs, func(r *store.RunInfo) []string { return []string{column.of(r)} }) {
				if !slices.Contains(known, name) {
					known = append(known, name)
				}
			}
		}
		if slices.Contains(known, value) {
			continue
		}
		advice := didYouMean(suggest.Nearest(value, known))
		if advice == "" || column.of == nil {
			advice = "; use " + orList(known)
		}
		return invalid("%sthere is no %s %q%s", begin, column.what, value, advice)
	}
	return nil
}

// valuesOf are what runs have, each value once, in the order in which they appear.
func valuesOf(runs []*store.RunInfo, of func(*store.RunInfo) []string) (values []string) {
	known := map[string]bool{}
	for _, r := range runs {
		for _, value := range of(r) {
			if !known[value] && value != "" {
				known[value] = true
				values = append(values, value)
			}
		}
	}
	return values
}

// Tags lists the tags that runs have, sorted.
func (s *Snapshot) Tags(ctx context.Context) ([]string, error) {
	runs, err := s.everyRun(ctx)
	tags := valuesOf(runs, func(r *store.RunInfo) []string { return r.Tags })
	slices.Sort(tags)
	return tags, err
}

// mostValues is how many values of a column are listed.
const mostValues = 8

// Missing says of the tags and of the values that are asked for which of them no run of the store has, and what there is
// instead. It is for those who have found nothing.
func (s *Snapshot) Missing(ctx context.Context, f store.Filter, where []string) (said []string, err error) {
	runs, err := s.everyRun(ctx)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	tags, err := s.Tags(ctx)
	if err != nil {
		return nil, err
	}
	for _, tag := range f.Tags {
		if text := missingTag(tag, tags); text != "" {
			said = append(said, text)
		}
	}
	for _, text := range where {
		c, column, err := s.read(ctx, text)
		if err != nil {
			return nil, err
		}
		if c.Op == "!=" || !c.equality() {
			continue
		}
		if column.Key == tagsColumn {
			text = missingTag(c.Value, tags)
		} else if text, err = c.missing(column, runs); err != nil {
			return nil, err
		}
		if text != "" {
			said = append(said, text)
		}
	}
	return said, nil
}

func missingTag(tag string, tags []string) string {
	if slices.Contains(tags, label.Normal(tag)) {
		return ""
	}
	near := suggest.Nearest(tag, tags)
	if len(near) == 0 && len(tags) <= mostValues && len(tags) > 0 {
		return fmt.Sprintf("no run has the tag %q; %s", tag, thereAre(tags))
	}
	return fmt.Sprintf("no run has the tag %q%s", tag, didYouMean(near))
}

// missing says what runs have in a column if none has the value; "" if one has.
func (c condition) missing(column Column, runs []*store.RunInfo) (string, error) {
	test, err := c.test(column)
	if err != nil || slices.ContainsFunc(runs, test) {
		return "", err
	}
	values := valuesOf(runs, func(r *store.RunInfo) []string { return []string{plain(column.Value(r))} })
	if len(values) > mostValues {
		return fmt.Sprintf("no run has %s=%s%s", c.Name, c.Value, didYouMean(suggest.Nearest(c.Value, values))), nil
	}
	if len(values) == 0 {
		return fmt.Sprintf("no run has a value of %s", c.Name), nil
	}
	slices.Sort(values)
	return fmt.Sprintf("no run has %s=%s; %s", c.Name, c.Value, thereAre(values)), nil
}

// thereAre lists values, of which there is at least one.
func thereAre(values []string) string {
	last := len(values) - 1
	if last == 0 {
		return "there is only " + values[0]
	}
	return "there are " + strings.Join(values[:last], ", ") + " and " + values[last]
}

// plain is a value as a condition takes it.
func plain(v Value) string {
	switch v.Is {
	case TextValue:
		return v.Text
	case NumberValue:
		if v.Text != "" {
			return v.Text
		}
		return fmt.Sprintf("%.6g", v.Number)
	}
	return ""
}
