package sim

import "time"

// Heat runs one GPU at a demand for a while and returns its state each minute.
func Heat(seed uint64, demand, inlet, fan float64, minutes int) (temps, powers, clocks []float64) {
	n := &node{rack: &rack{inlet: inlet}}
	g := newGPU(n, 0, newRand(seed, "gpu", 0), newRand(seed, "uuid", 0))
	g.fan, g.demand = fan, demand
	for range minutes {
		g.step(60)
		temps, powers, clocks = append(temps, g.temp), append(powers, g.power), append(clocks, g.clock)
	}
	return temps, powers, clocks
}

// Queue is one replica of a service.
type Queue struct {
	q queue
	s spec
}

func NewQueue() *Queue {
	return &Queue{queue{ttft: newHistogram(ttftBounds), e2e: newHistogram(e2eBounds), token: newHistogram(tokenBounds)}, specs[0]}
}

func (q *Queue) Serve(rate, speed, seconds float64) float64 {
	return q.q.serve(&q.s, rate, speed, seconds)
}
func (q *Queue) Capacity() float64  { return q.s.slots / q.s.seconds }
func (q *Queue) Waiting() float64   { return q.q.waiting }
func (q *Queue) Load() float64      { return q.q.load }
func (q *Queue) Buckets() []float64 { return q.q.ttft.buckets }
func (q *Queue) MeanTTFT() float64  { return q.q.ttft.sum / q.q.ttft.buckets[len(ttftBounds)] }

// Served is what all services finish, and could finish, in requests/s.
func (c *Cluster) Served() (served, capacity float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.services {
		served += s.served
		capacity += s.capacity
	}
	return served, capacity
}

// Ship rolls out an image of a service that is slower by the factor.
func (c *Cluster) Ship(name string, slowness float64, review time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.services {
		if s.name == name {
			s.stable = s.tag
			s.ship(s.tag+1, slowness)
			s.review = review.Seconds()
		}
	}
}

// Fell takes a node down for a while.
func (c *Cluster) Fell(name string, d time.Duration) error {
	return c.change(name, func(n *node) { n.down = d.Seconds() })
}

// Busy names the nodes by what runs on them.
func (c *Cluster) Busy() (serving, training []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		for _, g := range n.gpus {
			if g.owner != nil && g.owner.svc != nil {
				serving = append(serving, n.name)
				break
			}
			if g.owner != nil && g.owner.job != nil {
				training = append(training, n.name)
				break
			}
		}
	}
	return serving, training
}
