package metrics

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// forRows calls f(0) … f(n-1), in parallel. Each call must write only what is
// its own row's, so that the result does not depend on who did which when.
func forRows(n int, f func(row int)) {
	const chunk = 16
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk) {
		workers.Go(func() {
			for {
				from := int(next.Add(chunk)) - chunk
				if from >= n {
					return
				}
				for row := from; row < min(from+chunk, n); row++ {
					f(row)
				}
			}
		})
	}
	workers.Wait()
}
