// Package catalog knows the runs of a store by their columns: what every run has, losses and other series, metrics, and the
// paths of configs. The page of runs and harness list choose columns, sort and filter by it, with the same names.
package catalog

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/suggest"
)

// Catalog holds in memory what is asked of all runs again and again, so that ten thousand of them are shown, sorted and
// grouped in a moment. It looks at the store whenever it is asked, and reads again what has changed.
type Catalog struct {
	store *store.Store
	watch *store.Watch

	mu      sync.Mutex
	version int64
	read    time.Time
	live    bool // some run is running
	state   store.CatalogState
	current *Snapshot

	keys knownKeys
}

// Snapshot is what all runs are at a moment. Its columns are read when they are first asked for.
type Snapshot struct {
	store   *store.Store
	Runs    []*store.RunInfo // newest first
	ByID    map[string]*store.RunInfo
	BySlug  map[string]*store.RunInfo
	Paths   []string // of configs, sorted
	Metrics []string // of evaluations, in the order of a comparison

	configs *cachedColumns[store.ConfigValue]
	metrics *cachedColumns[float64]
	series  *cachedColumns[float64] // latest values, and what is computed of losses
	keys    *knownKeys

	seriesNames func(context.Context) ([]string, error) // of any run, sorted
	everyRun    func(context.Context) ([]*store.RunInfo, error)
	chosen      []string // ids of the runs that series are read of; none: all
}

// cachedColumns are values of runs by id, by the name of the column.
type cachedColumns[V any] struct {
	mu   sync.Mutex
	read func(ctx context.Context, name string) (map[string]V, error)
	at   map[string]map[string]V
}

// knownKeys stand for the configs of runs, by id. A config never changes.
type knownKeys struct {
	mu sync.Mutex
	at map[string]store.ConfigKey
}

// ConfigValues returns what the configs of runs hold at a path, by run id. A path that no run has is an [*InvalidError].
func (s *Snapshot) ConfigValues(ctx context.Context, path string) (map[string]store.ConfigValue, error) {
	if !slices.Contains(s.Paths, path) {
		return nil, invalid("no run has the config path %q%s", path, s.suggest(ctx, path))
	}
	return s.configs.get(ctx, path)
}

// get reads a column unless it is known.
func (c *cachedColumns[V]) get(ctx context.Context, name string) (map[string]V, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if column, ok := c.at[name]; ok {
		return column, nil
	}
	column, err := c.read(ctx, name)
	if err == nil {
		c.at[name] = column
	}
	return column, err
}

func newCachedColumns[V any](read func(context.Context, string) (map[string]V, error)) *cachedColumns[V] {
	return &cachedColumns[V]{read: read, at: map[string]map[string]V{}}
}

// New returns a catalog of a store.
func New(st *store.Store) *Catalog { return &Catalog{store: st} }

// Follow has the catalog read again when watch has seen a change, before it is asked for the first time.
func (c *Catalog) Follow(watch *store.Watch) { c.watch = watch }

// Read reads the runs of a store once.
func Read(ctx context.Context, st *store.Store) (*Snapshot, error) {
	c := New(st)
	s := &Snapshot{}
	state, err := st.CatalogState(ctx)
	if err == nil {
		s, err = c.readRuns(ctx, state)
	}
	if err == nil {
		err = c.readNames(ctx, s, state)
	}
	return s, err
}

// Open reads what columns there are and no runs: [Snapshot.Choose] reads those that are asked for, and their values.
func Open(ctx context.Context, st *store.Store) (*Snapshot, error) {
	s := &Snapshot{store: st}
	c := New(st)
	if err := c.readNames(ctx, s, store.CatalogState{}); err != nil {
		return nil, err
	}
	s.series = newCachedColumns(func(ctx context.Context, key string) (map[string]float64, error) {
		return seriesColumn(ctx, st, key, s.chosen...)
	})
	return s, nil
}

// lifeEvery is how often it is looked whether the processes of runs live: one that dies changes nothing in the file.
const lifeEvery = 2 * time.Second

// Snapshot is the state of the runs now.
func (c *Catalog) Snapshot(ctx context.Context) (*Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	version, err := c.watch.Version(ctx)
	if err != nil {
		return nil, err
	}
	// A process that dies changes nothing in the file.
	if c.current != nil && version == c.version && !(c.live && time.Since(c.read) > lifeEvery) {
		return c.current, nil
	}
	now := time.Now()
	state, err := c.store.CatalogState(ctx)
	if err != nil {
		return nil, err
	}
	next, err := c.readRuns(ctx, state)
	if err == nil {
		err = c.readNames(ctx, next, state)
	}
	if err != nil {
		return nil, err
	}
	c.current, c.version, c.state, c.read = next, version, state, now
	c.live = slices.ContainsFunc(next.Runs, func(r *store.RunInfo) bool { return r.Status == record.StatusRunning })
	return next, nil
}

// readRuns reads all runs, or those that train if no others have changed.
func (c *Catalog) readRuns(ctx context.Context, state store.CatalogState) (*Snapshot, error) {
	next := &Snapshot{store: c.store, ByID: map[string]*store.RunInfo{}, BySlug: map[string]*store.RunInfo{}}
	filter := store.Filter{Shelf: store.ShelfAll}
	partly := c.current != nil && state.Settled == c.state.Settled && state.Runs == c.state.Runs
	if partly {
		filter.Status = []record.Status{record.StatusRunning, record.StatusCrashed}
	}
	list, err := c.store.ListRuns(ctx, filter)
	if err != nil {
		return nil, err
	}
	fresh := make(map[string]*store.RunInfo, len(list))
	for i := range list {
		fresh[list[i].ID] = &list[i]
		if !partly {
			next.Runs = append(next.Runs, &list[i])
		}
	}
	if partly {
		next.Runs = slices.Clone(c.current.Runs)
		for i, r := range next.Runs {
			if f := fresh[r.ID]; f != nil {
				next.Runs[i] = f
			}
		}
	}
	for _, r := range next.Runs {
		next.ByID[r.ID], next.BySlug[r.Slug] = r, r
	}
	return next, nil
}

// readNames finds out what columns there are, and keeps those that still hold.
func (c *Catalog) readNames(ctx context.Context, next *Snapshot, state store.CatalogState) error {
	st := c.store
	var err error
	next.keys = &c.keys
	next.series = newCachedColumns(func(ctx context.Context, key string) (map[string]float64, error) { return seriesColumn(ctx, st, key) })
	next.seriesNames = onceWell(st.SeriesNames)
	next.everyRun = onceWell(func(ctx context.Context) ([]*store.RunInfo, error) {
		if next.Runs != nil {
			return next.Runs, nil
		}
		list, err := st.ListRuns(ctx, store.Filter{Shelf: store.ShelfAll})
		return pointers(list), err
	})
	if c.current != nil && state.Runs == c.state.Runs {
		next.Paths, next.configs = c.current.Paths, c.current.configs
	} else {
		next.configs = newCachedColumns(st.ConfigValues)
		if next.Paths, err = st.ConfigPaths(ctx); err != nil {
			return err
		}
	}
	if len(next.Paths) == 0 { // in an empty store, they are those that runs will have
		next.Paths = slices.Sorted(slices.Values(config.Keys()))
	}
	if c.current != nil && state.Evaluations == c.state.Evaluations {
		next.Metrics, next.metrics = c.current.Metrics, c.current.metrics
		return nil
	}
	next.metrics = newCachedColumns(st.LatestMetric)
	if next.Metrics, err = st.MetricNames(ctx); err != nil {
		return err
	}
	compare.SortMetrics(next.Metrics)
	return nil
}

// seriesColumn reads what runs have of a series: those with these ids, or all if there are none.
func seriesColumn(ctx context.Context, st *store.Store, key string, ids ...string) (map[string]float64, error) {
	if key == RecentLoss {
		return st.MeanOfLast(ctx, record.TrainLoss, recentSteps, ids...)
	}
	return st.LastValues(ctx, key, ids...)
}

func pointers(list []store.RunInfo) []*store.RunInfo {
	runs := make([]*store.RunInfo, len(list))
	for i := range list {
		runs[i] = &list[i]
	}
	return runs
}

// onceWell reads what does not change until it could be read.
func onceWell[V any](read func(context.Context) (V, error)) func(context.Context) (V, error) {
	var mu sync.Mutex
	var known bool
	var value V
	return func(ctx context.Context) (V, error) {
		mu.Lock()
		defer mu.Unlock()
		if known {
			return value, nil
		}
		var err error
		value, err = read(ctx)
		known = err == nil
		return value, err
	}
}

// ConfigKeys stand for the configs of runs but for their seeds, and what does not
// change a result.
func (s *Snapshot) ConfigKeys(ctx context.Context) (map[string]store.ConfigKey, error) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	var missing []string
	for _, r := range s.Runs {
		if _, ok := s.keys.at[r.ID]; !ok {
			missing = append(missing, r.ID)
		}
	}
	if len(missing) == 0 {
		return s.keys.at, nil
	}
	// The map that others read is left as it is.
	keys := maps.Clone(s.keys.at)
	if len(missing) > len(s.Runs)/2 {
		keys, missing = map[string]store.ConfigKey{}, nil
	}
	read, err := s.store.ConfigKeys(ctx, append(config.Unhashed(), seedPath), missing...)
	if err != nil {
		return nil, err
	}
	maps.Copy(keys, read)
	for _, id := range missing {
		if _, ok := keys[id]; !ok {
			keys[id] = store.ConfigKey{} // it was deleted just now
		}
	}
	s.keys.at = keys
	return keys, nil
}

// seedPath is the config path in which the runs of a variant differ.
const seedPath = "seed"

// suggest names columns that are written alike.
func (s *Snapshot) suggest(ctx context.Context, name string) string {
	names, err := s.Names(ctx)
	if err != nil {
		return ""
	}
	found := suggest.NearestPart(name, names, LastPart)
	if last := LastPart(name); len(found) == 0 && len(name) > 1 {
		for _, known := range names {
			if LastPart(known) == last || hasPart(known, last) || hasPart(known, name) {
				found = append(found, known)
			}
		}
	}
	return didYouMean(found)
}

func didYouMean(found []string) string {
	if len(found) == 0 {
		return ""
	}
	return "; did you mean " + orList(found[:min(3, len(found))]) + "?"
}

// Series lists the series that some run has, sorted.
func (s *Snapshot) Series(ctx context.Context) ([]string, error) { return s.seriesNames(ctx) }

// Names lists all columns, each once: of every run, of losses and other series, of metrics, and of configs.
func (s *Snapshot) Names(ctx context.Context) ([]string, error) {
	var names []string
	for _, c := range RunColumns {
		names = append(names, c.Key)
	}
	series, err := s.seriesNames(ctx)
	if err != nil {
		return nil, err
	}
	if len(series) == 0 {
		series = record.EverySeries() // a store without any cannot tell
	}
	for _, more := range [][]string{{RecentLoss}, series, s.Metrics, s.Paths} {
		for _, name := range more {
			if !slices.Contains(names, name) { // seed is a path of configs, too
				names = append(names, name)
			}
		}
	}
	return names, nil
}
