package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Column is a column of the table of runs.
type Column struct {
	Key, Title string
	Kind       ColumnKind
	Numeric    bool // right-aligned
	Best       compare.Direction

	value func(*store.RunInfo) Value
	parse func(string) (float64, error) // how people write a value; nil: as a number
	like  string                        // what parse takes
}

// Value is what a run has in the column.
func (c Column) Value(r *store.RunInfo) Value { return c.value(r) }

// Known reports whether it is a column, not the zero value.
func (c Column) Known() bool { return c.value != nil }

// ColumnKind says where the values of a column come from.
type ColumnKind string

const (
	OfRun    ColumnKind = "run"
	OfMetric ColumnKind = "metric"
	OfSeries ColumnKind = "series"
	OfConfig ColumnKind = "config"
)

// Keys of the columns of the training loss: its latest value, which is that of one batch, and the mean of the latest hundred.
const (
	Loss       = "loss"
	RecentLoss = "loss100"
)

const recentSteps = 100

// Value is a value of a run. What is not there is the zero value.
type Value struct {
	Text   string
	Number float64
	Is     ValueKind
}

type ValueKind int

// The kinds of values, in the order in which they are sorted; what is missing
// comes last in both directions.
const (
	NoValue ValueKind = iota
	NumberValue
	TextValue
)

func NumberOf(v float64) Value {
	if math.IsNaN(v) {
		return Value{}
	}
	return Value{Number: v, Is: NumberValue}
}

func TextOf(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Text: s, Is: TextValue}
}

// RunColumns are the columns that every run has, in the order of the chooser.
var RunColumns = []Column{
	{Key: "run", Title: "Run", value: func(r *store.RunInfo) Value { return TextOf(r.Slug) }},
	{Key: "name", Title: "Name", value: func(r *store.RunInfo) Value { return TextOf(r.Name) }},
	{Key: "status", Title: "Status", value: func(r *store.RunInfo) Value { return TextOf(string(r.Status)) }},
	{Key: "seed", Title: "Seed", Numeric: true, value: func(r *store.RunInfo) Value {
		return Value{Text: strconv.FormatUint(r.Seed, 10), Number: float64(r.Seed), Is: NumberValue}
	}},
	{Key: "step", Title: "Step", Numeric: true, value: func(r *store.RunInfo) Value { return NumberOf(float64(r.LastStep)) }},
	{Key: Loss, Title: "Loss", Numeric: true, Best: compare.Lower, value: func(r *store.RunInfo) Value {
		if r.Loss == nil {
			return Value{}
		}
		return NumberOf(r.Loss.Last)
	}},
	{Key: "created", Title: "Created", parse: parseTime, like: "a date such as 2026-03-31 or 2026-03-31T18:00",
		value: func(r *store.RunInfo) Value { return NumberOf(float64(r.CreatedAt.UnixMilli())) }},
	{Key: "duration", Title: "Duration", Numeric: true, parse: parseSeconds, like: "a time such as 90, 90s or 1h30m",
		value: func(r *store.RunInfo) Value { return NumberOf(RunTime(r).Seconds()) }},
	{Key: "process", Title: "Process", value: func(r *store.RunInfo) Value { return TextOf(r.Process) }},
	{Key: "dataset", Title: "Dataset", value: func(r *store.RunInfo) Value { return TextOf(r.Dataset) }},
	{Key: "host", Title: "Host", value: func(r *store.RunInfo) Value { return TextOf(r.Host) }},
	{Key: "memory", Title: "Memory", Numeric: true, value: func(r *store.RunInfo) Value {
		if r.PeakMemoryBytes == 0 {
			return Value{}
		}
		return NumberOf(float64(r.PeakMemoryBytes))
	}},
	{Key: "tags", Title: "Tags", value: func(r *store.RunInfo) Value { return TextOf(strings.Join(r.Tags, ", ")) }},
	{Key: "notes", Title: "Notes", value: func(r *store.RunInfo) Value { return TextOf(r.Notes) }},
}

// Column finds a column by its key: one that every run has, a metric or a path of
// the config. One that there is not is an [*InvalidError]; in an empty store, one
// that no run will have.
func (s *Snapshot) Column(ctx context.Context, key string) (Column, error) {
	if i := slices.IndexFunc(RunColumns, func(c Column) bool { return c.Key == key }); i >= 0 {
		c := RunColumns[i]
		c.Kind = OfRun
		return c, nil
	}
	known := slices.Contains(s.Paths, key)
	measured := slices.Contains(s.Metrics, key)
	if !known && !measured {
		if c, err := s.seriesColumn(ctx, key); err != nil || c.Known() {
			return c, err
		}
	}
	if measured || !known && s.isMetric(key) {
		values, err := s.metrics.get(ctx, key)
		return Column{Key: key, Title: key, Kind: OfMetric, Numeric: true, Best: compare.Describe(key).Better,
			value: func(r *store.RunInfo) Value {
				if v, ok := values[r.ID]; ok {
					return NumberOf(v)
				}
				return Value{}
			}}, err
	}
	if !known {
		return Column{}, invalid("no run has a column %q%s", key, s.suggest(ctx, key))
	}
	values, err := s.configs.get(ctx, key)
	numeric := false
	for _, v := range values {
		numeric = numeric || !math.IsNaN(v.Number)
	}
	return Column{Key: key, Title: key, Kind: OfConfig, Numeric: numeric, value: func(r *store.RunInfo) Value {
		v, ok := values[r.ID]
		switch {
		case !ok:
			return Value{}
		case !math.IsNaN(v.Number):
			return Value{Text: v.Text, Number: v.Number, Is: NumberValue}
		}
		return TextOf(PlainText(v.Text))
	}}, err
}

// seriesColumn is a column of the latest values of a series, or of the recent losses; the zero value if no run has such a
// series, nor will have it.
func (s *Snapshot) seriesColumn(ctx context.Context, key string) (Column, error) {
	names, err := s.seriesNames(ctx)
	if err != nil || key != RecentLoss && !slices.Contains(names, key) && !slices.Contains(record.EverySeries(), key) {
		return Column{}, err
	}
	values, err := s.series.get(ctx, key)
	best := compare.Describe(key).Better
	if key == RecentLoss {
		best = compare.Lower
	}
	return Column{Key: key, Title: key, Kind: OfSeries, Numeric: true, Best: best, value: func(r *store.RunInfo) Value {
		if v, ok := values[r.ID]; ok {
			return NumberOf(v)
		}
		return Value{}
	}}, err
}

// isMetric tells whether a name is one of a metric that only no run has yet.
func (s *Snapshot) isMetric(key string) bool {
	return compare.Describe(key).Better != compare.Neither
}

// Columns finds several.
func (s *Snapshot) Columns(ctx context.Context, keys []string) ([]Column, error) {
	list := make([]Column, len(keys))
	for i, key := range keys {
		var err error
		if list[i], err = s.Column(ctx, key); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Sort sorts by a column. Among equals the newest comes first, as before.
func Sort(runs []*store.RunInfo, c Column, descending bool) {
	type keyed struct {
		run   *store.RunInfo
		value Value
	}
	list := make([]keyed, len(runs))
	for i, r := range runs {
		list[i] = keyed{r, c.value(r)}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return CompareValues(a.value, b.value, descending) })
	for i := range list {
		runs[i] = list[i].run
	}
}

// CompareValues puts what is missing last in both directions.
func CompareValues(a, b Value, descending bool) int {
	if a.Is == NoValue || b.Is == NoValue {
		return cmp.Compare(btoi(a.Is == NoValue), btoi(b.Is == NoValue))
	}
	order := cmp.Or(cmp.Compare(a.Is, b.Is), cmp.Compare(a.Number, b.Number),
		strings.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)))
	if descending {
		return -order
	}
	return order
}

// PlainText is a config value as people write it: text without quotes.
func PlainText(value string) string {
	var text string
	if strings.HasPrefix(value, `"`) && json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// LastPart is what a path or a name ends with: lr of train.lr.
func LastPart(path string) string { return path[strings.LastIndexAny(path, "./")+1:] }

func hasPart(s, part string) bool { return part != "" && strings.Contains(s, part) }

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// RunTime is how long a run has been going, or went, since it was last started.
func RunTime(r *store.RunInfo) time.Duration {
	end := r.EndedAt
	if end.IsZero() {
		end = r.HeartbeatAt
	}
	return max(0, end.Sub(r.StartedAt))
}
