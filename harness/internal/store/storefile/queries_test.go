package storefile_test

import (
	"testing"

	"flowharness/harness/internal/store/storefile/storefiletest"
)

func TestEveryQueryFitsTheMigratedSchema(t *testing.T) {
	db, err := storefiletest.Open(t).Writing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := storefiletest.CheckQueries(t, db, nil); n < 8 {
		t.Errorf("found only %d queries", n)
	}
}
