package report

import (
	"context"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/compare/comparetest"
	"flowharness/harness/internal/store"
)

// sketch is a run to be made up for a test.
type sketch = comparetest.Run

var (
	tempStore = comparetest.TempStore
	makeRun   = comparetest.Make
	seeds     = comparetest.Seeds
)

func same(s string) string { return s }

func compared(t testing.TB, st *store.Store, o compare.Options, runs ...*store.Run) *compare.Result {
	t.Helper()
	data, err := compare.Read(context.Background(), st, runs)
	must(t, err)
	r, err := compare.Compare(data, o)
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rowOf(t testing.TB, r *compare.Result, metric string) compare.Row {
	t.Helper()
	for _, row := range slices.Concat(r.Metrics, r.Cost) {
		if row.Name == metric {
			return row
		}
	}
	t.Fatalf("no row of %s", metric)
	return compare.Row{}
}

func warned(t *testing.T, r *compare.Result, says string) {
	t.Helper()
	if !slices.ContainsFunc(r.Warnings, func(w compare.Warning) bool { return strings.Contains(w.Text, says) }) {
		t.Errorf("no warning says %q: %q", says, r.Warnings)
	}
}

// pageOf is the page of a comparison.
func pageOf(t testing.TB, st *store.Store, r *compare.Result) string {
	t.Helper()
	album, err := r.Album(t.Context(), st)
	must(t, err)
	page, err := HTML(r, album, same)
	must(t, err)
	return string(page)
}
