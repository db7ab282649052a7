package features

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers returns how many goroutines parallel takes for n pieces of work.
func workers(n int) int { return min(n, runtime.GOMAXPROCS(0)) }

// parallel calls work(worker, i) for every i in [0, n), each worker (numbered
// from 0 to below workers(n)) in a goroutine of its own, and returns when all
// are done.
func parallel(n int, work func(worker, i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers(n) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				work(w, int(i))
			}
		})
	}
	wg.Wait()
}
