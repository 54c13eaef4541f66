package shell

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"flowharness/harness/internal/store"
)

// Times of the live updates. A new point is written within 250 ms by whoever
// records it, and seen here within another 250.
const (
	lookEvery = 250 * time.Millisecond
	lifeEvery = 2 * time.Second  // a process that dies changes nothing in the file
	pingEvery = 15 * time.Second // so that both ends learn of a broken connection
)

// Topic is what a page shows: everything, or some runs.
type Topic string

const Everything Topic = "all"

// RunsTopic is about runs with these ids.
func RunsTopic(ids ...string) Topic { return Topic("runs:" + strings.Join(ids, ",")) }

// ids of the runs of a topic; none: all runs.
func (t Topic) ids() []string {
	list, ok := strings.CutPrefix(string(t), "runs:")
	if !ok || list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// MaxTopicRuns is how many runs a topic may name; a page of more is about all.
const MaxTopicRuns = 200

// State is a text that changes when what a topic shows changes. Pages carry it,
// so that a page that has slept through changes knows.
func (s *Server) State(ctx context.Context, t Topic) (string, error) {
	return s.Store.State(ctx, t.ids()...)
}

// live tells the open pages when what they show has changed.
type live struct {
	store *store.Store

	mu     sync.Mutex
	topics map[Topic]*subject
	woken  chan struct{} // somebody has subscribed
}

// subject is a topic with those who look at it.
type subject struct {
	state   string
	viewers map[chan string]struct{}
}

func newLive(st *store.Store) *live {
	return &live{store: st, topics: map[Topic]*subject{}, woken: make(chan struct{}, 1)}
}

// run looks at the store as long as somebody looks at a page.
func (l *live) run(ctx context.Context, watch *store.Watch) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var seen int64
	var looked time.Time
	for {
		changed := false
		select {
		case <-ctx.Done():
			return nil
		case <-l.woken:
			changed = true
		case <-tick.C:
		}
		if !l.watched() {
			continue
		}
		version, err := watch.Version(ctx)
		if err != nil {
			continue // the file may be busy; the next look tells
		}
		if !changed && version == seen && time.Since(looked) < lifeEvery {
			continue
		}
		seen, looked = version, time.Now()
		l.tell(ctx)
	}
}

func (l *live) watched() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.topics) > 0
}

// tell sends the states that are new.
func (l *live) tell(ctx context.Context) {
	l.mu.Lock()
	topics := make([]Topic, 0, len(l.topics))
	for t := range l.topics {
		topics = append(topics, t)
	}
	l.mu.Unlock()
	for _, t := range topics {
		state, err := l.store.State(ctx, t.ids()...)
		if err != nil {
			continue
		}
		l.mu.Lock()
		if s := l.topics[t]; s != nil && s.state != state {
			s.state = state
			for viewer := range s.viewers {
				offer(viewer, state)
			}
		}
		l.mu.Unlock()
	}
}

// offer replaces what a slow viewer has not read yet.
func offer(viewer chan string, state string) {
	select {
	case <-viewer:
	default:
	}
	viewer <- state
}

func (l *live) subscribe(t Topic) (states chan string, leave func()) {
	states = make(chan string, 1)
	l.mu.Lock()
	s := l.topics[t]
	if s == nil {
		s = &subject{viewers: map[chan string]struct{}{}}
		l.topics[t] = s
	} else if s.state != "" {
		states <- s.state
	}
	s.viewers[states] = struct{}{}
	l.mu.Unlock()
	select {
	case l.woken <- struct{}{}:
	default:
	}
	return states, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(s.viewers, states)
		if len(s.viewers) == 0 && l.topics[t] == s {
			delete(l.topics, t)
		}
	}
}

// stream sends the state of ?topic= at once, and whenever it changes, as
// server-sent events.
func (l *live) stream(w http.ResponseWriter, r *http.Request) {
	t := Topic(r.URL.Query().Get("topic"))
	if t != Everything && (!strings.HasPrefix(string(t), "runs:") || len(t.ids()) == 0 || len(t.ids()) > MaxTopicRuns) {
		refuse(w, http.StatusBadRequest, "topic must be all, or runs: and ids")
		return
	}
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // or nginx waits for more than an event
	states, leave := l.subscribe(t)
	defer leave()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	if _, err := fmt.Fprint(w, "retry: 1000\n\n"); err != nil || out.Flush() != nil {
		return
	}
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case state := <-states:
			_, err = fmt.Fprintf(w, "event: state\ndata: %s\n\n", state)
		case <-ping.C:
			_, err = fmt.Fprint(w, "event: ping\ndata:\n\n")
		}
		if err != nil || out.Flush() != nil {
			return
		}
	}
}
