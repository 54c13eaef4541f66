// Package results computes the comparisons that pages show, each once for all who look.
package results

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

// Results computes comparisons, each once for all who look at it, and remembers
// them as long as the runs stay as they are. What was read of a run is remembered
// by itself, so that a run that trains does not have the others read again.
type Results struct {
	store  *store.Store
	flight singleflight.Group

	mu      sync.Mutex
	records map[string]knownRecord // by id of the run
	known   map[string]*compare.Result
	order   []string // of known, latest use last
}

type knownRecord struct {
	state  string
	record compare.Record
}

// Bounds of what is remembered. A record takes some 100 kB.
const (
	mostRecords = 500
	mostResults = 16
)

// compareAtMost is how long a comparison may take that nobody waits for any more.
const compareAtMost = time.Minute

// New returns an empty cache of comparisons of a store.
func New(st *store.Store) *Results {
	return &Results{store: st, records: map[string]knownRecord{}, known: map[string]*compare.Result{}}
}

// Compare compares runs in their order. The result is shared: nobody changes it.
func (c *Results) Compare(ctx context.Context, runs []*store.Run, o compare.Options) (*compare.Result, error) {
	ids := make([]string, len(runs))
	for i, run := range runs {
		ids[i] = run.ID
	}
	return c.get(ctx, "compare", ids, o, compare.Compare)
}

// Judge compares the runs with these ids in their order, as [Results.Compare] does.
func (c *Results) Judge(ctx context.Context, ids []string, o compare.Options) (*compare.Result, error) {
	return c.get(ctx, "compare", ids, o, compare.Compare)
}

// Summarize groups the runs with these ids and judges nothing; see
// [compare.Summarize].
func (c *Results) Summarize(ctx context.Context, ids []string, o compare.Options) (*compare.Result, error) {
	return c.get(ctx, "summarize", ids, o, compare.Summarize)
}

func (c *Results) get(ctx context.Context, kind string, ids []string, o compare.Options,
	compute func(compare.Data, compare.Options) (*compare.Result, error)) (*compare.Result, error) {
	states, err := c.store.States(ctx, ids...)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal([]any{kind, ids, states, o})
	if err != nil {
		return nil, err
	}
	key := string(text)
	if r := c.find(key); r != nil {
		return r, nil
	}
	done := c.flight.DoChan(key, func() (any, error) {
		// It is for whoever waits, not for the first alone.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), compareAtMost)
		defer cancel()
		data, err := c.read(ctx, ids, states)
		if err != nil {
			return nil, err
		}
		r, err := compute(data, o)
		if err != nil {
			return nil, err
		}
		c.keep(key, r)
		return r, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case answer := <-done:
		if answer.Err != nil {
			return nil, answer.Err
		}
		return answer.Val.(*compare.Result), nil
	}
}

func (c *Results) read(ctx context.Context, ids []string, states map[string]string) (compare.Data, error) {
	records := make([]compare.Record, len(ids))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, id := range ids {
		c.mu.Lock()
		known, ok := c.records[id]
		c.mu.Unlock()
		if ok && known.state == states[id] {
			records[i] = known.record
			continue
		}
		g.Go(func() error {
			run, err := c.store.Run(gctx, id)
			if err != nil {
				return err
			}
			records[i], err = compare.ReadRecord(gctx, c.store, run)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return compare.Data{}, err
	}
	c.mu.Lock()
	if len(c.records)+len(records) > mostRecords {
		clear(c.records)
	}
	for _, r := range records[:min(len(records), mostRecords)] {
		c.records[r.ID] = knownRecord{states[r.ID], r}
	}
	c.mu.Unlock()
	return compare.WithReferences(ctx, c.store, records)
}

func (c *Results) find(key string) *compare.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.known[key]
	if r != nil {
		c.use(key)
	}
	return r
}

func (c *Results) keep(key string, r *compare.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[key] = r
	c.use(key)
	if len(c.order) > mostResults {
		delete(c.known, c.order[0])
		c.order = c.order[1:]
	}
}

// use puts a key at the end of the order.
func (c *Results) use(key string) {
	for i, k := range c.order {
		if k == key {
			c.order = append(c.order[:i], c.order[i+1:]...)
			break
		}
	}
	c.order = append(c.order, key)
}
