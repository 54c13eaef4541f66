package train

import (
	"os"
	"testing"

	"flowharness/harness/internal/backend"
)

// TestMain gives the tests the allocator of the program: training takes a quarter longer without.
func TestMain(m *testing.M) {
	backend.TuneAllocator()
	os.Exit(m.Run())
}
