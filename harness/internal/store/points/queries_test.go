package points

import (
	"testing"

	"flowharness/harness/internal/store/storefile/storefiletest"
)

func TestEveryQueryFitsTheMigratedSchema(t *testing.T) {
	db := get(storefiletest.Open(t).Writing(t.Context()))(t)
	n := storefiletest.CheckQueries(t, db, map[string]string{
		"queryInsertPoint": queryInsertPoint, "queryInsertPoints": queryInsertPoints,
		"queryLastValuesOf": queryLastValuesOf, "queryMeanOfLastOf": queryMeanOfLastOf,
		"queryInsertBlock": queryInsertBlock, "queryInsertBlocks": queryInsertBlocks,
	})
	if n < 30 {
		t.Errorf("found only %d queries", n)
	}
}
