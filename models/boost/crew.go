package boost

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// crew is how many goroutines share the work of one fit. What a task computes
// never depends on who computes it.
type crew int

func newCrew() crew { return crew(runtime.GOMAXPROCS(0)) }

// each does tasks 0…n−1, each once, and returns when all are done. The worker,
// below the size of the crew, lends a task its scratch memory.
func (c crew) each(n int, do func(worker, task int)) {
	workers := min(int(c), n)
	if workers <= 1 {
		for task := range n {
			do(0, task)
		}
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for {
				task := int(next.Add(1)) - 1
				if task >= n {
					return
				}
				do(worker, task)
			}
		})
	}
	wait.Wait()
}

// stretch is how many rows a task takes where work is shared out by rows.
const stretch = 1 << 14

// rows does stretches [lo, hi) of n rows.
func (c crew) rows(n int, do func(lo, hi int)) {
	c.each((n+stretch-1)/stretch, func(_, task int) {
		do(task*stretch, min((task+1)*stretch, n))
	})
}
