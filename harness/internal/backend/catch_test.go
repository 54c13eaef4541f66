package backend_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"flowharness/harness/internal/backend"
)

func TestCatch(t *testing.T) {
	t.Run("an error is passed through", func(t *testing.T) {
		if err := backend.Catch(func() error { return io.EOF }); err != io.EOF {
			t.Errorf("got %v", err)
		}
		if err := backend.Catch(func() error { return nil }); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a panic with an error can be recognised", func(t *testing.T) {
		err := backend.Catch(func() error { panic(io.EOF) })
		if !errors.Is(err, io.EOF) || err.Error() != "EOF" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a graph that cannot be built is an error with a stack", func(t *testing.T) {
		b := open(t, backend.Options{Name: backend.Go})
		err := backend.Catch(func() error {
			MustExecOnce(b.Backend, func(x, y *Node) *Node { return Add(x, y) }, []float32{1, 2}, []float32{1, 2, 3})
			return nil
		})
		var caught *backend.PanicError
		if !errors.As(err, &caught) || !strings.Contains(string(caught.Stack), "TestCatch") || len(err.Error()) == 0 {
			t.Errorf("got %v", err)
		}
	})
}
