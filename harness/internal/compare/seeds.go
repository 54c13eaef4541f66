package compare

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/statistics"
)

// Independent returns the indexes of those of n runs that count as observations of their own: of several with equal
// config and seed only the latest, which has the greatest id. The config stands for everything but the seed and what
// does not change a result.
func Independent[C comparable](n int, of func(i int) (config C, seed uint64, id string)) []int {
	type identity struct {
		config C
		seed   uint64
	}
	var counted []int
	at := map[identity]int{}
	for i := range n {
		config, seed, id := of(i)
		key := identity{config, seed}
		k, ok := at[key]
		if !ok {
			at[key] = len(counted)
			counted = append(counted, i)
			continue
		}
		if _, _, other := of(counted[k]); id > other {
			counted[k] = i
		}
	}
	return counted
}

// GroupLabel names a group by the values, written for people, that its runs have at the paths they are grouped by. A number
// alone says little: it is named with the end of its path.
func GroupLabel(paths, values []string, isText func(i int) bool) string {
	parts := make([]string, len(paths))
	for i, path := range paths {
		parts[i] = values[i]
		if len(paths) > 1 || !isText(i) {
			parts[i] = path[strings.LastIndex(path, ".")+1:] + "=" + values[i]
		}
	}
	return strings.Join(parts, " ")
}

// MeanOver summarises the values that a metric has in runs that count as independent: their mean, their standard deviation
// and the 95 % interval of the mean over seeds. Missing values are left out; they must be in Values all the same.
func MeanOver(metric string, values []Value) Summary {
	x := numbers(values)
	s := Summary{Values: values, N: len(x), StdErr: missing}
	s.Mean, s.StdDev = Value(statistics.Mean(x)), Value(statistics.StdDev(x))
	low, high := intervals.of(metric, x)
	s.Low, s.High = Value(low), Value(high)
	return s
}

// intervalCache keeps intervals of means, each of which takes thousands of resamples.
type intervalCache struct {
	mu    sync.Mutex
	known map[intervalKey][2]float64
}

// intervals are those of all comparisons: an interval depends on nothing but its key.
var intervals intervalCache

type intervalKey struct {
	metric string
	n      int
	values uint64 // hash
}

// mostIntervals is how many intervals are kept.
const mostIntervals = 20_000

// manyValues is the number of values above which an interval is not resampled: there the bootstrap and the normal
// approximation agree.
const manyValues = 200

// of is the 95 % interval of a mean over seeds; NaN below two values, or where some are infinite.
func (c *intervalCache) of(metric string, x []float64) (low, high float64) {
	if len(x) < 2 || slices.ContainsFunc(x, func(v float64) bool { return math.IsInf(v, 0) }) {
		return math.NaN(), math.NaN()
	}
	x = slices.Sorted(slices.Values(x)) // or it would depend on the order in which runs are named
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
	low, high = statistics.MeanInterval(random.New(0, "compare/mean/"+metric, 0), x)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= mostIntervals {
		c.known = map[intervalKey][2]float64{}
	}
	c.known[key] = [2]float64{low, high}
	return low, high
}
