package web

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

// runsColumn is a column of the table of runs.
type runsColumn struct {
	Key, Title string
	Kind       runsColumnKind
	Numeric    bool // right-aligned
	Best       compare.Direction

	value func(*store.RunInfo) runsValue
}

// runsColumnKind says where the values of a column come from.
type runsColumnKind string

const (
	ofRun    runsColumnKind = "run"
	ofMetric runsColumnKind = "metric"
	ofConfig runsColumnKind = "config"
)

// runsLoss is the key of the latest loss.
const runsLoss = "loss"

// runsValue is a value of a run. What is not there is the zero value.
type runsValue struct {
	Text   string
	Number float64
	Is     valueKind
}

type valueKind int

// The kinds of values, in the order in which they are sorted; what is missing
// comes last in both directions.
const (
	noValue valueKind = iota
	numberValue
	textValue
)

func numberOf(v float64) runsValue {
	if math.IsNaN(v) {
		return runsValue{}
	}
	return runsValue{Number: v, Is: numberValue}
}

func textOf(s string) runsValue {
	if s == "" {
		return runsValue{}
	}
	return runsValue{Text: s, Is: textValue}
}

// runColumns are the columns that every run has, in the order of the chooser.
var runColumns = []runsColumn{
	{Key: "run", Title: "Run", value: func(r *store.RunInfo) runsValue { return textOf(r.Slug) }},
	{Key: "name", Title: "Name", value: func(r *store.RunInfo) runsValue { return textOf(r.Name) }},
	{Key: "status", Title: "Status", value: func(r *store.RunInfo) runsValue { return textOf(string(r.Status)) }},
	{Key: "seed", Title: "Seed", Numeric: true, value: func(r *store.RunInfo) runsValue {
		return runsValue{Text: strconv.FormatUint(r.Seed, 10), Number: float64(r.Seed), Is: numberValue}
	}},
	{Key: "step", Title: "Step", Numeric: true, value: func(r *store.RunInfo) runsValue { return numberOf(float64(r.LastStep)) }},
	{Key: runsLoss, Title: "Loss", Numeric: true, Best: compare.Lower, value: func(r *store.RunInfo) runsValue {
		if r.Loss == nil {
			return runsValue{}
		}
		return numberOf(r.Loss.Last)
	}},
	{Key: "created", Title: "Created", value: func(r *store.RunInfo) runsValue { return numberOf(float64(r.CreatedAt.UnixMilli())) }},
	{Key: "duration", Title: "Duration", Numeric: true, value: func(r *store.RunInfo) runsValue { return numberOf(runTime(r).Seconds()) }},
	{Key: "process", Title: "Process", value: func(r *store.RunInfo) runsValue { return textOf(r.Process) }},
	{Key: "dataset", Title: "Dataset", value: func(r *store.RunInfo) runsValue { return textOf(r.Dataset) }},
	{Key: "host", Title: "Host", value: func(r *store.RunInfo) runsValue { return textOf(r.Host) }},
	{Key: "memory", Title: "Memory", Numeric: true, value: func(r *store.RunInfo) runsValue {
		if r.PeakMemoryBytes == 0 {
			return runsValue{}
		}
		return numberOf(float64(r.PeakMemoryBytes))
	}},
	{Key: "tags", Title: "Tags", value: func(r *store.RunInfo) runsValue { return textOf(strings.Join(r.Tags, ", ")) }},
	{Key: "notes", Title: "Notes", value: func(r *store.RunInfo) runsValue { return textOf(r.Notes) }},
}

// usualColumns are shown unless others are chosen, with the metrics of quality
// before "created".
var usualColumns = []string{"run", "name", "status", "seed", "step", runsLoss, "created", "tags", "notes"}

// usualMetrics is how many metrics are shown unless others are chosen.
const usualMetrics = 3

// usual are the keys of the usual columns of a store.
func (s *runsSnapshot) usual() []string {
	var metrics []string
	for _, name := range s.Metrics {
		if m := compare.Describe(name); m.Kind == compare.Quality && !m.Detail && len(metrics) < usualMetrics {
			metrics = append(metrics, name)
		}
	}
	return slices.Insert(slices.Clone(usualColumns), slices.Index(usualColumns, "created"), metrics...)
}

// column finds a column by its key: one that every run has, a metric or a path of
// the config. One that there is not is a requestError, but in an empty store,
// which cannot tell.
func (s *runsSnapshot) column(ctx context.Context, key string) (runsColumn, error) {
	if i := slices.IndexFunc(runColumns, func(c runsColumn) bool { return c.Key == key }); i >= 0 {
		c := runColumns[i]
		c.Kind = ofRun
		return c, nil
	}
	known := slices.Contains(s.Paths, key)
	if slices.Contains(s.Metrics, key) || !known && s.isMetric(key) {
		values, err := s.metrics.get(ctx, key)
		return runsColumn{Key: key, Title: key, Kind: ofMetric, Numeric: true, Best: compare.Describe(key).Better,
			value: func(r *store.RunInfo) runsValue {
				if v, ok := values[r.ID]; ok {
					return numberOf(v)
				}
				return runsValue{}
			}}, err
	}
	if !known && len(s.Runs) > 0 {
		return runsColumn{}, badRequest("no run has a config path or a metric %q; %s", key, s.suggest(key))
	}
	values, err := s.configs.get(ctx, key)
	numeric := false
	for _, v := range values {
		numeric = numeric || !math.IsNaN(v.Number)
	}
	return runsColumn{Key: key, Title: key, Kind: ofConfig, Numeric: numeric, value: func(r *store.RunInfo) runsValue {
		v, ok := values[r.ID]
		switch {
		case !ok:
			return runsValue{}
		case !math.IsNaN(v.Number):
			return runsValue{Text: v.Text, Number: v.Number, Is: numberValue}
		}
		return textOf(plainText(v.Text))
	}}, err
}

// isMetric tells whether a name is one of a metric that only no run has yet.
func (s *runsSnapshot) isMetric(key string) bool {
	return compare.Describe(key).Better != compare.Neither
}

// columns finds several.
func (s *runsSnapshot) columns(ctx context.Context, keys []string) ([]runsColumn, error) {
	list := make([]runsColumn, len(keys))
	for i, key := range keys {
		var err error
		if list[i], err = s.column(ctx, key); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// sortRuns sorts by a column. Among equals the newest comes first, as before.
func sortRuns(runs []*store.RunInfo, c runsColumn, descending bool) {
	type keyed struct {
		run   *store.RunInfo
		value runsValue
	}
	list := make([]keyed, len(runs))
	for i, r := range runs {
		list[i] = keyed{r, c.value(r)}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return compareValues(a.value, b.value, descending) })
	for i := range list {
		runs[i] = list[i].run
	}
}

// compareValues puts what is missing last in both directions.
func compareValues(a, b runsValue, descending bool) int {
	if a.Is == noValue || b.Is == noValue {
		return cmp.Compare(btoi(a.Is == noValue), btoi(b.Is == noValue))
	}
	order := cmp.Or(cmp.Compare(a.Is, b.Is), cmp.Compare(a.Number, b.Number), strings.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)))
	if descending {
		return -order
	}
	return order
}

// digits says how the numbers of a column are written: with as many decimals that
// a typical one has four digits that count, so that they can be compared by eye.
func digits(values []float64) func(float64) string {
	var sizes []float64
	whole := true
	for _, v := range values {
		if v != 0 && !math.IsInf(v, 0) {
			sizes = append(sizes, math.Abs(v))
			whole = whole && v == math.Trunc(v)
		}
	}
	if whole {
		return func(v float64) string {
			if math.Abs(v) < 1e15 && v == math.Trunc(v) {
				return count(int(v))
			}
			return number(v)
		}
	}
	slices.Sort(sizes)
	typical := sizes[len(sizes)/2]
	if typical < 1e-4 || typical >= 1e6 {
		return func(v float64) string { return strconv.FormatFloat(v, 'e', 3, 64) }
	}
	decimals := min(max(3-int(math.Floor(math.Log10(typical))), 0), 6)
	return func(v float64) string {
		if math.IsInf(v, 0) || math.Abs(v) >= 1e9 {
			return number(v)
		}
		return strconv.FormatFloat(v, 'f', decimals, 64)
	}
}

// plainText is a config value as people write it: text without quotes.
func plainText(value string) string {
	var text string
	if strings.HasPrefix(value, `"`) && json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

func lastPart(path string) string { return path[strings.LastIndexAny(path, "./")+1:] }

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
