package speed

import (
	"context"
	"fmt"
	"math"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// storedRuns is the number of runs that a generated store holds.
const storedRuns = 20

// storeQueries is what stands behind list, show and compare, on a store of so
// many points that is open and was read before.
func storeQueries(points int, skip func(*session) string) benchmark {
	c := benchmark{
		name:  fmt.Sprintf("store/10^%.0f points", math.Log10(float64(points))),
		about: fmt.Sprintf("queries of a store of %d runs", storedRuns),
		skip:  skip,
		run: func(ctx context.Context, s *session, m *meter) error {
			n := points
			if s.Brief {
				n = 1000
			}
			s.progress("%s: filling the store", m.name)
			st, err := s.store(ctx)
			if err != nil {
				return err
			}
			defer st.Close()
			if err := fill(ctx, st, storedRuns, n); err != nil {
				return err
			}
			for {
				if more, err := m.next(); !more {
					return err
				}
				values := make([]float64, len(queries))
				for i, q := range queries {
					if values[i], err = s.timeQuery(ctx, st, q); err != nil {
						return fmt.Errorf("%s: %w", q.name, err)
					}
				}
				if err := m.round(values...); err != nil {
					return err
				}
			}
		},
	}
	for _, q := range queries {
		c.measures = append(c.measures, quantity{q.name, Seconds})
	}
	return c
}

// query is one of the things that a command asks a store.
type query struct {
	name string
	do   func(ctx context.Context, st *store.Store) error
}

// queries are what is measured of a store.
var queries = []query{
	{"list", func(ctx context.Context, st *store.Store) error {
		_, err := st.ListRuns(ctx, store.Filter{})
		return err
	}},
	{"show", show},
	{"curve of 1000 points", func(ctx context.Context, st *store.Store) error {
		run, err := st.Resolve(ctx, "@1")
		if err != nil {
			return err
		}
		_, err = st.Series(ctx, run.ID, record.TrainLoss, store.SeriesOptions{MaxPoints: 1000})
		return err
	}},
	{"compare 2 runs", compareRuns(2)},
	{fmt.Sprintf("compare %d runs", storedRuns), compareRuns(storedRuns)},
}

// show reads what harness show prints.
func show(ctx context.Context, st *store.Store) error {
	run, err := st.Resolve(ctx, "@1")
	if err != nil {
		return err
	}
	if _, err := st.Summaries(ctx, run.ID); err != nil {
		return err
	}
	if _, err := st.Phases(ctx, run.ID); err != nil {
		return err
	}
	if _, err := st.Samples(ctx, run.ID); err != nil {
		return err
	}
	_, err = st.Evaluations(ctx, run.ID)
	return err
}

// compareRuns compares the last runs.
func compareRuns(n int) func(context.Context, *store.Store) error {
	return func(ctx context.Context, st *store.Store) error {
		runs := make([]*store.Run, n)
		for i := range runs {
			var err error
			if runs[i], err = st.Resolve(ctx, fmt.Sprintf("@%d", i+1)); err != nil {
				return err
			}
		}
		_, err := compare.Load(ctx, st, runs)
		return err
	}
}

// timeQuery repeats a query for a fifth of a round, and returns the time of one.
func (s *session) timeQuery(ctx context.Context, st *store.Store, q query) (float64, error) {
	begun := time.Now()
	for n := 1; ; n++ {
		if err := q.do(ctx, st); err != nil {
			return 0, err
		}
		if took := time.Since(begun); took >= s.roundTime()/5 {
			return took.Seconds() / float64(n), nil
		}
	}
}
