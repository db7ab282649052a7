package features

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls work(worker, i) for every i in [0, n), each worker from one
// goroutine of its own, and returns when all calls have. Workers number below
// GOMAXPROCS.
func parallel(n int, work func(worker, i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				work(w, int(i))
			}
		})
	}
	wg.Wait()
}
