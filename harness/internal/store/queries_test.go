package store

import (
	"testing"

	"flowharness/harness/internal/store/storefile/storefiletest"
)

func TestEveryQueryFitsTheMigratedSchema(t *testing.T) {
	s := openTemp(t)
	get(writing(t, s).Exec(`ATTACH ? AS source`, openTemp(t).Path()))(t) // as merging does
	n := storefiletest.CheckQueries(t, writing(t, s), map[string]string{
		"querySelectRuns": querySelectRuns, "queryChooseRuns": queryChooseRuns, "queryMatchRuns": queryMatchRuns,
		"queryWholeState": queryWholeState, "queryProgressHere": queryProgressHere, "queryProgressThere": queryProgressThere,
	})
	if n < 40 {
		t.Errorf("found only %d queries", n)
	}
}
