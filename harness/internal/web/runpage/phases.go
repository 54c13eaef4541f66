package runpage

import (
	"context"
	"sync"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// phaseCache remembers the timing of long runs that are running. To rank their
// times takes as long as the rest of their page, which is asked for at each step.
type phaseCache struct {
	mu   sync.Mutex
	runs map[string]timedPhases
}

type timedPhases struct {
	phases []store.Phase
	at     time.Time
}

const (
	phasesAge    = 5 * time.Second // how old a remembered timing may be
	phasesLong   = 10_000          // times of all phases of a long run
	maxPhaseRuns = 32              // that are remembered at once
)

// readPhases is [store.Store.Phases]; of a long run that is running it is up to
// phasesAge old.
func (s *Pages) readPhases(ctx context.Context, run *store.Run) ([]store.Phase, error) {
	running := run.Status == record.StatusRunning
	if phases, ok := s.phases.get(run.ID, s.Now()); running && ok {
		return phases, nil
	}
	phases, err := s.Store.Phases(ctx, run.ID)
	if err != nil || !running {
		return phases, err
	}
	times := 0
	for _, p := range phases {
		times += p.Count
	}
	if times >= phasesLong {
		s.phases.put(run.ID, timedPhases{phases, s.Now()})
	}
	return phases, nil
}

func (c *phaseCache) get(id string, now time.Time) ([]store.Phase, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.runs[id]
	return t.phases, ok && now.Sub(t.at) < phasesAge
}

func (c *phaseCache) put(id string, t timedPhases) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other, old := range c.runs {
		if t.at.Sub(old.at) >= phasesAge {
			delete(c.runs, other)
		}
	}
	if c.runs == nil || len(c.runs) >= maxPhaseRuns {
		c.runs = map[string]timedPhases{}
	}
	c.runs[id] = t
}
