package storefile

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// TestOpeningCanBeGivenUpAtAnyPoint ends the context each time a little later.
func TestOpeningCanBeGivenUpAtAnyPoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "harness.db")
	if s, err := Open(t.Context(), path, Options{}); err != nil || s.Close() != nil {
		t.Fatal(err)
	}
	given := 0
	for n := int64(0); ; n++ {
		ctx := &expiring{left: n}
		ctx.Context, ctx.cancel = context.WithCancel(t.Context())
		s, err := Open(ctx, path, Options{})
		ctx.cancel()
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if ctx.asked.Load() < n {
				break // it was opened before its time was up
			}
			continue
		}
		given++
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d questions: %v", n, err)
		}
	}
	if given == 0 {
		t.Error("it was never given up")
	}
}

// expiring ends when it has been asked often enough whether it has.
type expiring struct {
	context.Context
	cancel context.CancelFunc
	left   int64
	asked  atomic.Int64
}

func (e *expiring) Done() <-chan struct{} {
	if e.asked.Add(1) > e.left {
		e.cancel()
	}
	return e.Context.Done()
}
