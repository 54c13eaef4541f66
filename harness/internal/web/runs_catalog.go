package web

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/store"
)

// runsCatalog holds in memory what the page of runs reads of all runs, so that ten
// thousand of them are shown, sorted and grouped in a moment. It looks at the store
// whenever it is asked, and reads again what has changed.
type runsCatalog struct {
	store *store.Store
	watch *store.Watch // of the server

	mu      sync.Mutex
	version int64
	read    time.Time
	live    bool // some run is running
	state   store.CatalogState
	current *runsSnapshot

	keys      knownKeys
	intervals intervalCache
}

// runsSnapshot is what all runs are at a moment. Its columns are read when they
// are first asked for.
type runsSnapshot struct {
	store   *store.Store
	Runs    []*store.RunInfo // newest first
	ByID    map[string]*store.RunInfo
	BySlug  map[string]*store.RunInfo
	Paths   []string // of configs, sorted
	Metrics []string // of evaluations, in the order of a comparison

	configs *cachedColumns[store.ConfigValue]
	metrics *cachedColumns[float64]
	keys    *knownKeys
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

func newRunsCatalog(st *store.Store) *runsCatalog {
	return &runsCatalog{store: st, intervals: intervalCache{known: map[intervalKey][2]float64{}}}
}

// snapshot is the state of the runs now.
func (c *runsCatalog) snapshot(ctx context.Context) (*runsSnapshot, error) {
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
	c.live = slices.ContainsFunc(next.Runs, func(r *store.RunInfo) bool { return r.Status == store.StatusRunning })
	return next, nil
}

// readRuns reads all runs, or those that train if no others have changed.
func (c *runsCatalog) readRuns(ctx context.Context, state store.CatalogState) (*runsSnapshot, error) {
	next := &runsSnapshot{store: c.store, ByID: map[string]*store.RunInfo{}, BySlug: map[string]*store.RunInfo{}}
	filter := store.Filter{Shelf: store.ShelfAll}
	partly := c.current != nil && state.Settled == c.state.Settled && state.Runs == c.state.Runs
	if partly {
		filter.Status = []store.Status{store.StatusRunning, store.StatusCrashed}
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
func (c *runsCatalog) readNames(ctx context.Context, next *runsSnapshot, state store.CatalogState) error {
	st := c.store
	var err error
	next.keys = &c.keys
	if c.current != nil && state.Runs == c.state.Runs {
		next.Paths, next.configs = c.current.Paths, c.current.configs
	} else {
		next.configs = newCachedColumns(st.ConfigValues)
		if next.Paths, err = st.ConfigPaths(ctx); err != nil {
			return err
		}
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

// configKeys stand for the configs of runs but for their seeds, and what does not
// change a result.
func (s *runsSnapshot) configKeys(ctx context.Context) (map[string]store.ConfigKey, error) {
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
	read, err := s.store.ConfigKeys(ctx, append(config.Unhashed(), overSeeds), missing...)
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

// warm reads what the first view would wait for. What goes wrong, that view tells.
func (c *runsCatalog) warm(ctx context.Context) {
	all, err := c.snapshot(ctx)
	if err != nil {
		return
	}
	if _, err := all.columns(ctx, all.usual()); err == nil {
		_, _ = all.configKeys(ctx)
	}
}

// suggest names columns that are written alike.
func (s *runsSnapshot) suggest(name string) string {
	var found []string
	last := lastPart(name)
	for _, known := range slices.Concat([]string{runsLoss}, s.Metrics, s.Paths) {
		if lastPart(known) == last || len(name) > 1 && (hasPart(known, last) || hasPart(known, name)) {
			found = append(found, known)
		}
	}
	if len(found) == 0 {
		return "the list below the field has all of them"
	}
	return "did you mean " + orList(found[:min(3, len(found))]) + "?"
}

var errNoRunLike = errors.New("there is no such run")
