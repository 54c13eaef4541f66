package compare

import (
	"context"
	"testing"

	"flowharness/harness/internal/compare/comparetest"
	"flowharness/harness/internal/store"
)

const classifier = comparetest.Classifier

// sketch is a run to be made up for a test.
type sketch = comparetest.Run

var (
	tempStore = comparetest.TempStore
	makeRun   = comparetest.Make
	seeds     = comparetest.Seeds
	gridOf    = comparetest.Grid
)

func compared(t testing.TB, st *store.Store, o Options, runs ...*store.Run) *Result {
	t.Helper()
	data, err := Read(context.Background(), st, runs)
	must(t, err)
	r, err := Compare(data, o)
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rowOf(t testing.TB, r *Result, metric string) Row {
	t.Helper()
	for _, row := range append(append([]Row{}, r.Metrics...), r.Cost...) {
		if row.Name == metric {
			return row
		}
	}
	t.Fatalf("no row of %s", metric)
	return Row{}
}
