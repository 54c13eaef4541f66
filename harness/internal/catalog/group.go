package catalog

import (
	"context"
	"encoding/hex"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// OverSeeds as the only thing to group by means that runs which differ in nothing but their seed form a group; it is also
// the config path of the seed.
const OverSeeds = seedPath

// Group is the runs that agree in what they are grouped by.
type Group struct {
	Key   string // short, for an address
	Label string
	Where []string // conditions that its runs fulfil, if it is grouped by paths
	Runs  []*store.RunInfo
	// Counted are the runs that count as independent, as in a comparison.
	Counted []*store.RunInfo
}

// Groups sorts runs into groups by config paths, or over seeds, in the order of their first runs. A path that no run has is
// an [*InvalidError].
func (s *Snapshot) Groups(ctx context.Context, runs []*store.RunInfo, by []string) ([]*Group, error) {
	if slices.Contains(by, OverSeeds) && len(by) > 1 {
		return nil, invalid("%s is everything but the seed: it cannot be joined with other paths", OverSeeds)
	}
	keys, err := s.ConfigKeys(ctx)
	if err != nil {
		return nil, err
	}
	var columns []map[string]store.ConfigValue
	if by[0] != OverSeeds {
		for _, path := range by {
			values, err := s.ConfigValues(ctx, path)
			if err != nil {
				return nil, err
			}
			columns = append(columns, values)
		}
	}
	var groups []*Group
	at := map[string]*Group{}
	var key strings.Builder
	for _, r := range runs {
		key.Reset()
		if by[0] == OverSeeds {
			k := keys[r.ID]
			key.Write(k[:])
		}
		for _, c := range columns {
			key.WriteString(c[r.ID].Text)
			key.WriteByte(0)
		}
		g := at[key.String()]
		if g == nil {
			g = newGroup(r, key.String(), by, columns)
			at[key.String()] = g
			groups = append(groups, g)
		}
		g.Runs = append(g.Runs, r)
	}
	for _, g := range groups {
		for _, i := range compare.Independent(len(g.Runs), func(i int) (store.ConfigKey, uint64, string) {
			r := g.Runs[i]
			return keys[r.ID], r.Seed, r.ID
		}) {
			g.Counted = append(g.Counted, g.Runs[i])
		}
	}
	return groups, nil
}

// newGroup is the group of a first run, without its runs.
func newGroup(r *store.RunInfo, key string, by []string, columns []map[string]store.ConfigValue) *Group {
	h := fnv.New64a()
	h.Write([]byte(key))
	g := &Group{Key: hex.EncodeToString(h.Sum(nil))[:10], Label: r.Name}
	if len(columns) == 0 {
		return g
	}
	values := make([]string, len(by))
	for i, path := range by {
		v, ok := columns[i][r.ID]
		values[i] = compare.Plain(v.Text)
		if ok {
			g.Where = append(g.Where, path+"="+PlainText(v.Text))
		}
	}
	g.Label = compare.GroupLabel(by, values, func(i int) bool {
		v, ok := columns[i][r.ID]
		return ok && math.IsNaN(v.Number)
	})
	return g
}

// Averaged tells whether a column says something as a mean over runs.
func (c Column) Averaged() bool {
	return c.Kind == OfMetric || c.Key == Loss || c.Key == "step" || c.Key == "duration" || c.Key == "memory"
}

// Mean is what a comparison says of the runs of a group: the mean of a column over those that count as independent, with its
// interval over seeds.
func (g *Group) Mean(c Column) compare.Summary {
	var values []compare.Value
	for _, r := range g.Counted {
		if v := c.Value(r); v.Is == NumberValue {
			values = append(values, compare.Value(v.Number))
		}
	}
	metric := c.Key
	if metric == Loss {
		metric = record.TrainLoss
	}
	return compare.MeanOver(metric, values)
}

// Means are those of the columns of groups that can be averaged: [group][column].
func Means(ctx context.Context, groups []*Group, columns []Column) [][]compare.Summary {
	means := make([][]compare.Summary, len(groups))
	work, _ := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, g := range groups {
		means[i] = make([]compare.Summary, len(columns))
		work.Go(func() error {
			for j, column := range columns {
				if column.Averaged() && ctx.Err() == nil {
					means[i][j] = g.Mean(column)
				}
			}
			return nil
		})
	}
	_ = work.Wait() // nothing of it fails
	return means
}

// SortGroups sorts by the mean of a column; by other columns, by the value of the first run.
func SortGroups(groups []*Group, c Column, descending bool) {
	sortGroups(groups, descending, func(g *Group) Value {
		switch {
		case c.Averaged():
			return g.average(c)
		case c.Key == "run" || c.Key == "name":
			return TextOf(g.Label)
		default:
			return c.Value(g.Runs[0])
		}
	})
}

// SortGroupsBySize sorts by the number of runs.
func SortGroupsBySize(groups []*Group, descending bool) {
	sortGroups(groups, descending, func(g *Group) Value { return NumberOf(float64(len(g.Runs))) })
}

func sortGroups(groups []*Group, descending bool, value func(*Group) Value) {
	type keyed struct {
		group *Group
		value Value
	}
	list := make([]keyed, len(groups))
	for i, g := range groups {
		list[i] = keyed{g, value(g)}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return CompareValues(a.value, b.value, descending) })
	for i := range list {
		groups[i] = list[i].group
	}
}

// average is the mean of a column without its interval, which takes time; missing if no run has a value.
func (g *Group) average(c Column) Value {
	var sum float64
	n := 0
	for _, r := range g.Counted {
		if v := c.Value(r); v.Is == NumberValue {
			sum, n = sum+v.Number, n+1
		}
	}
	if n == 0 {
		return Value{}
	}
	return NumberOf(sum / float64(n))
}

// SharedValue is what all runs of a group have in a column, and how many values they have.
func (g *Group) SharedValue(c Column) (value Value, values int) {
	seen := map[Value]bool{}
	for _, r := range g.Runs {
		seen[c.Value(r)] = true
	}
	return c.Value(g.Runs[0]), len(seen)
}

// StatusCount is how many runs have a status.
type StatusCount struct {
	Status record.Status
	Runs   int
}

// Statuses says how many runs of a group have which status.
func (g *Group) Statuses() []StatusCount {
	n := map[record.Status]int{}
	for _, r := range g.Runs {
		n[r.Status]++
	}
	var list []StatusCount
	for _, s := range record.Statuses() {
		if n[s] > 0 {
			list = append(list, StatusCount{s, n[s]})
		}
	}
	return list
}
