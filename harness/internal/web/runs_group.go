package web

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/statistics"
	"flowharness/harness/internal/store"
)

// overSeeds as the only thing to group by means that runs which differ in nothing
// but their seed form a group; it is also the path of the seed.
const overSeeds = "seed"

// runsGroup is the runs that agree in what they are grouped by.
type runsGroup struct {
	Key   string // short, for the address
	Label string
	Where []string // conditions that its runs fulfil, if it is grouped by paths
	Runs  []*store.RunInfo
	// counted are the runs that count as independent: of several with equal config
	// and seed only the latest, as in a comparison.
	counted []*store.RunInfo
}

// groupRuns sorts runs into groups, in the order of their first runs.
func (s *runsSnapshot) groupRuns(ctx context.Context, runs []*store.RunInfo, by []string) ([]*runsGroup, error) {
	keys, err := s.ConfigKeys(ctx)
	if err != nil {
		return nil, err
	}
	columns := make([]map[string]store.ConfigValue, 0, len(by))
	if by[0] != overSeeds {
		for _, path := range by {
			values, err := s.ConfigValues(ctx, path)
			if err != nil {
				return nil, fmt.Errorf("group=%s: %w", path, err)
			}
			columns = append(columns, values)
		}
	}
	var groups []*runsGroup
	at := map[string]*runsGroup{}
	var key strings.Builder
	for _, r := range runs {
		key.Reset()
		if by[0] == overSeeds {
			k := keys[r.ID]
			key.Write(k[:])
		}
		for _, c := range columns {
			key.WriteString(c[r.ID].Text)
			key.WriteByte(0)
		}
		g := at[key.String()]
		if g == nil {
			h := fnv.New64a()
			h.Write([]byte(key.String()))
			g = &runsGroup{Key: hex.EncodeToString(h.Sum(nil))[:10], Label: groupLabel(r, by, columns)}
			for i, c := range columns {
				if v, ok := c[r.ID]; ok {
					g.Where = append(g.Where, by[i]+"="+catalog.PlainText(v.Text))
				}
			}
			at[key.String()] = g
			groups = append(groups, g)
		}
		g.Runs = append(g.Runs, r)
	}
	for _, g := range groups {
		g.count(keys)
	}
	return groups, nil
}

func groupLabel(r *store.RunInfo, by []string, columns []map[string]store.ConfigValue) string {
	if by[0] == overSeeds {
		return r.Name
	}
	parts := make([]string, len(by))
	for i, path := range by {
		value := "–"
		if v, ok := columns[i][r.ID]; ok {
			value = catalog.PlainText(v.Text)
		}
		if parts[i] = value; len(by) > 1 || !math.IsNaN(columns[i][r.ID].Number) || value == "–" { // a bare number says little
			parts[i] = catalog.LastPart(path) + "=" + value
		}
	}
	return strings.Join(parts, " ")
}

// count finds the runs that are observations of their own.
func (g *runsGroup) count(keys map[string]store.ConfigKey) {
	type identity struct {
		seed uint64
		key  store.ConfigKey
	}
	at := map[identity]int{}
	for _, r := range g.Runs {
		id := identity{r.Seed, keys[r.ID]}
		if i, ok := at[id]; ok {
			if r.ID > g.counted[i].ID {
				g.counted[i] = r
			}
			continue
		}
		at[id] = len(g.counted)
		g.counted = append(g.counted, r)
	}
}

// values are the numbers of a column, one a counted run that has it.
func (g *runsGroup) values(c catalog.Column) []float64 {
	var x []float64
	for _, r := range g.counted {
		if v := c.Value(r); v.Is == catalog.NumberValue {
			x = append(x, v.Number)
		}
	}
	return x
}

// mean is missing if no run has a value.
func (g *runsGroup) mean(c catalog.Column) catalog.Value {
	if x := g.values(c); len(x) > 0 {
		return catalog.NumberOf(statistics.Mean(x))
	}
	return catalog.Value{}
}

// averaged tells whether a column says something as a mean over runs.
func averaged(c catalog.Column) bool {
	return c.Kind == catalog.OfMetric || c.Key == catalog.Loss || c.Key == "step" || c.Key == "duration" || c.Key == "memory"
}

// sortGroups sorts by the mean of a column; other columns by the first run's.
func sortGroups(groups []*runsGroup, c catalog.Column, descending bool) {
	type keyed struct {
		group *runsGroup
		value catalog.Value
	}
	list := make([]keyed, len(groups))
	for i, g := range groups {
		switch {
		case averaged(c):
			list[i] = keyed{g, g.mean(c)}
		case c.Key == "run" || c.Key == "name":
			list[i] = keyed{g, catalog.TextOf(g.Label)}
		default:
			list[i] = keyed{g, c.Value(g.Runs[0])}
		}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return catalog.CompareValues(a.value, b.value, descending) })
	for i := range list {
		groups[i] = list[i].group
	}
}

// statuses says how many runs of a group have which status.
func (g *runsGroup) statuses() []statusCount {
	n := map[store.Status]int{}
	for _, r := range g.Runs {
		n[r.Status]++
	}
	var list []statusCount
	for _, s := range store.Statuses() {
		if n[s] > 0 {
			list = append(list, statusCount{s, n[s]})
		}
	}
	return list
}

type statusCount struct {
	Status store.Status
	Runs   int
}

// intervalCache keeps intervals of means, each of which takes thousands of
// resamples.
type intervalCache struct {
	mu    sync.Mutex
	known map[intervalKey][2]float64
}

type intervalKey struct {
	metric string
	n      int
	values uint64 // hash
}

// maxIntervals is how many intervals are kept.
const maxIntervals = 20_000

// manyValues is the number of values from which on an interval is not resampled:
// there the bootstrap says what the normal approximation says.
const manyValues = 200

// interval is the 95 % interval of a mean over seeds, as a comparison computes it.
func (c *intervalCache) interval(metric string, x []float64) (low, high float64) {
	if len(x) < 2 || slices.ContainsFunc(x, func(v float64) bool { return math.IsInf(v, 0) }) {
		return math.NaN(), math.NaN()
	}
	if len(x) > manyValues {
		mean, half := statistics.Mean(x), 1.96*statistics.StdDev(x)/math.Sqrt(float64(len(x)))
		return mean - half, mean + half
	}
	h := fnv.New64a()
	for _, v := range x {
		fmt.Fprintf(h, "%x ", math.Float64bits(v))
	}
	key := intervalKey{metric, len(x), h.Sum64()}
	c.mu.Lock()
	known, ok := c.known[key]
	c.mu.Unlock()
	if ok {
		return known[0], known[1]
	}
	name := metric
	if metric == catalog.Loss {
		name = record.TrainLoss
	}
	low, high = statistics.MeanInterval(random.New(0, "compare/mean/"+name, 0), x)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxIntervals {
		c.known = map[intervalKey][2]float64{}
	}
	c.known[key] = [2]float64{low, high}
	return low, high
}

// groupMean is a mean over the runs of a group.
type groupMean struct {
	Values    []float64
	Mean      float64
	Low, High float64 // NaN below two values
}

// meansOf are the means of columns in groups: [group][column].
func (c *intervalCache) meansOf(ctx context.Context, groups []*runsGroup, columns []catalog.Column) [][]groupMean {
	means := make([][]groupMean, len(groups))
	work, _ := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, g := range groups {
		means[i] = make([]groupMean, len(columns))
		work.Go(func() error {
			for j, column := range columns {
				if !averaged(column) || ctx.Err() != nil {
					continue
				}
				m := groupMean{Values: g.values(column)}
				m.Mean = statistics.Mean(m.Values)
				m.Low, m.High = c.interval(column.Key, m.Values)
				means[i][j] = m
			}
			return nil
		})
	}
	_ = work.Wait() // nothing of it fails
	return means
}
