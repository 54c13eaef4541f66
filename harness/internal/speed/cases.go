package speed

import (
	"context"
	"fmt"

	"flowharness/harness/internal/backend"
)

// benchmark is a case before it is measured.
type benchmark struct {
	name, about string
	measures    []quantity
	// skip says why the case is not measured here; empty if it is.
	skip func(*session) string
	// run calls m.next and m.round until there are no more rounds.
	run func(ctx context.Context, s *session, m *meter) error
}

// quantity is what a round has a value of.
type quantity struct {
	name string
	unit Unit
}

// cases are all cases, in the order in which they are measured and printed.
var cases = []benchmark{
	trainingStep(32, skipOnGo),
	trainingStep(64, skipOnGo),
	trainingStep(256, skipUnlessFull("it takes gigabytes of memory, and seconds a step on a CPU")),
	sampling("guided", "44 images of the tutorial's model with guidance, a batch of 88", 4),
	sampling("unguided", "44 images of the tutorial's model without guidance", 1),
	firstStep(32, skipOnGo),
	firstStep(256, skipUnlessFull("it takes gigabytes of memory, and minutes on a CPU")),
	logging("one process", 1),
	logging("four processes", 4),
	recording,
	storeQueries(10_000, nil),
	storeQueries(100_000, nil),
	storeQueries(1_000_000, nil),
	storeQueries(10_000_000, skipUnlessFull("filling the store takes a minute")),
}

// skipUnlessFull skips what Options.Full asks for, but never in a test.
func skipUnlessFull(why string) func(*session) string {
	return func(s *session) string {
		if s.Full {
			return ""
		}
		return why + ": --full measures it"
	}
}

// skipOnGo skips what the pure-Go backend takes minutes for.
func skipOnGo(s *session) string {
	if s.backend.Info.Name != backend.Go || s.Brief {
		return ""
	}
	return skipUnlessFull(fmt.Sprintf("the backend %s takes minutes for it", backend.Go))(s)
}
