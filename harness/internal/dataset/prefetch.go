package dataset

import (
	"context"
	"io"
	"sync"
	"time"
)

// Prefetcher makes values ahead of their use, in order.
type Prefetcher[T any] struct {
	ready  chan chan result[T] // one pending value each, in order
	cancel context.CancelFunc
	done   sync.WaitGroup
}

type result[T any] struct {
	value T
	err   error
}

// Prefetch calls produce(from), produce(from+1), … produce(to-1), up to depth of them
// ahead of [Prefetcher.Next] and each in its own goroutine, and delivers the
// values in order. All goroutines have ended when [Prefetcher.Close] returns.
func Prefetch[T any](ctx context.Context, from, to, depth int, produce func(step int) (T, error)) *Prefetcher[T] {
	ctx, cancel := context.WithCancel(ctx)
	p := &Prefetcher[T]{ready: make(chan chan result[T], depth), cancel: cancel}
	p.done.Add(1)
	go func() {
		defer p.done.Done()
		defer close(p.ready)
		for step := from; step < to; step++ {
			pending := make(chan result[T], 1)
			select {
			case p.ready <- pending:
			case <-ctx.Done():
				return
			}
			p.done.Add(1)
			go func() {
				defer p.done.Done()
				v, err := produce(step)
				pending <- result[T]{v, err}
			}()
		}
	}()
	return p
}

// Next returns the next value and how long it had to be waited for; the error
// is that of produce, io.EOF after the last value, or the context's.
func (p *Prefetcher[T]) Next() (value T, wait time.Duration, err error) {
	start := time.Now()
	pending, ok := <-p.ready
	if !ok {
		return value, time.Since(start), io.EOF
	}
	r := <-pending
	return r.value, time.Since(start), r.err
}

// Close stops making values and waits for those under way.
func (p *Prefetcher[T]) Close() {
	p.cancel()
	for range p.ready { // lets the producer go on to see the cancellation
	}
	p.done.Wait()
}
