package compare

import (
	"context"

	"flowharness/harness/internal/store"
)

// HTML is the comparison as one page.
func (r *Result) HTML(ctx context.Context, st *store.Store, clean func(string) string) ([]byte, error) {
	return nil, nil
}
