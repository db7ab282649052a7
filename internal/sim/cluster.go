package sim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Options are what a Cluster is made from. The zero value of each field but
// Start means its default.
type Options struct {
	Nodes       int           // 24
	GPUsPerNode int           // 8
	Seed        uint64        // every cluster of one seed has the same fate
	Start       time.Time     // the time of the first scrape
	Interval    time.Duration // between scrapes, and the step of the simulation; 1m, at most 5m
	FaultRate   float64       // factor on all fault rates; 1, which is already accelerated; negative: no faults
	Batch       time.Duration // how much is recorded before it goes to the Sink; 1h
}

func (o *Options) validate() error {
	if o.Nodes == 0 {
		o.Nodes = 24
	}
	if o.GPUsPerNode == 0 {
		o.GPUsPerNode = 8
	}
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	if o.Batch == 0 {
		o.Batch = time.Hour
	}
	switch {
	case o.FaultRate == 0:
		o.FaultRate = 1
	case o.FaultRate < 0:
		o.FaultRate = 0
	}
	switch {
	case o.Nodes < 4 || o.Nodes > 5000:
		return fmt.Errorf("simulated nodes %d: want 4 to 5000", o.Nodes)
	case o.GPUsPerNode < 4 || o.GPUsPerNode > 16:
		return fmt.Errorf("simulated gpus per node %d: want 4 to 16", o.GPUsPerNode)
	case o.Start.IsZero():
		return fmt.Errorf("simulated start: want a time")
	case o.Interval < 5*time.Second || o.Interval > 5*time.Minute:
		return fmt.Errorf("simulated interval %s: want 5s to 5m", o.Interval)
	}
	return nil
}

// The namespaces of the simulated workloads.
const (
	servingNamespace  = "serving"
	trainingNamespace = "training"
)

// Cluster is the simulated cluster. All methods are safe for concurrent use.
type Cluster struct {
	opts Options

	advancing sync.Mutex // one Advance at a time; guards recorder
	recorder  recorder

	mu          sync.Mutex // guards the state below, a step at a time
	now         int64      // Unix ms of the last step
	next        int64      // Unix ms of the next step
	rng         *rand.Rand
	racks       []*rack
	nodes       []*node
	byName      map[string]*node
	services    []*service
	teams       []*team
	rollout     driverRollout
	pods        int // series of pods opened so far: their addresses
	struck      [len(profiles)]int
	regressions int
}

// New makes a cluster that has not lived yet.
func New(o Options) (*Cluster, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &Cluster{
		opts:     o,
		recorder: recorder{byName: map[string]*metric{}},
		next:     o.Start.UnixMilli(),
		rng:      newRand(o.Seed, "cluster", 0),
		byName:   map[string]*node{},
		rollout:  driverRollout{release: 1, next: 4 * 86400},
	}
	c.now = c.next
	c.build()
	c.nodes[len(c.nodes)-1].annotations[OptOut] = "true"
	gpus := float64(o.Nodes * o.GPUsPerNode)
	for i, p := range specs {
		p.gpus = min(p.gpus, o.GPUsPerNode)
		s := &service{spec: p, rng: newRand(o.Seed, "service", i), generation: 1, tag: 1, stable: 1, slowness: 1}
		s.want = max(2, int(math.Round(p.share*gpus/float64(p.gpus))))
		s.traffic.rng = newRand(o.Seed, "traffic", i)
		s.traffic.peak = p.load * float64(s.want) * p.slots / p.seconds
		s.hash = podSuffix(s.rng, 10)
		c.services = append(c.services, s)
	}
	for i, name := range []string{"research", "production"} {
		c.teams = append(c.teams, &team{
			name: name, rng: newRand(o.Seed, "team", i), perDay: 1.05, waits: newHistogram(waitBounds),
			quota: max(1, int(math.Round(float64(o.Nodes)*[]float64{0.25, 0.15}[i]))),
		})
	}
	return c, nil
}

// Now is the time of the last step.
func (c *Cluster) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.UnixMilli(c.now).UTC()
}

// Advance lets the cluster live up to and including to, a step at a time, and
// appends what its scrapes bring to sink. It returns the number of samples
// that sink took. After an error the recorded samples are kept and go to the
// sink with the next Advance.
func (c *Cluster) Advance(ctx context.Context, to time.Time, sink Sink) (int, error) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	total := 0
	batch := max(1, int(c.opts.Batch/c.opts.Interval))
	for steps := 1; c.step(to.UnixMilli()); steps++ {
		if steps%batch != 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := c.recorder.flush(ctx, sink, 0, 1)
		total += n
		if err != nil {
			return total, err
		}
	}
	n, err := c.recorder.flush(ctx, sink, 0, 1)
	return total + n, err
}

// step is one step of the whole cluster; it reports false where the next one
// would be after to.
func (c *Cluster) step(to int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next > to {
		return false
	}
	t, seconds := c.next, c.opts.Interval.Seconds()
	c.now, c.next = t, t+c.opts.Interval.Milliseconds()

	c.upgrade(seconds)
	for _, n := range c.nodes {
		c.maintain(n, seconds)
	}
	for _, s := range c.services {
		c.deploy(s, seconds)
	}
	c.schedule(seconds)
	c.train(t, seconds)
	for _, s := range c.services {
		s.step(t, seconds)
		for _, p := range s.pods {
			for _, g := range p.gpus {
				g.demand = 0
				if p.engine.load > 0 {
					g.demand = 0.25 + 0.70*p.engine.load
				}
			}
		}
	}
	for _, r := range c.racks {
		r.weather(seconds, t, c.opts.FaultRate)
	}
	for _, n := range c.nodes {
		for _, g := range n.gpus {
			if !n.ready() || g.detached {
				g.demand = 0
			}
			g.step(seconds)
			g.util = clamp(1-math.Exp(-6*g.demand), 0, 1)
		}
		c.begin(n, seconds)
		c.develop(n, seconds)
		c.slips(n, seconds)
	}
	c.scrape(t)
	return true
}

// Faults counts what has struck so far, by cause: what a real cluster's people
// would only learn from their tickets.
func (c *Cluster) Faults() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := [...]string{memory: "memory", detach: "detach", nvlink: "nvlink", fan: "fan", gsp: "gsp", hang: "hang"}
	faults := map[string]int{"bad-rollout": c.regressions}
	for k, n := range c.struck {
		if n > 0 {
			faults[names[k]] = n
		}
	}
	return faults
}

// Nodes returns the names of the nodes, sorted.
func (c *Cluster) Nodes() []string {
	names := make([]string, 0, len(c.nodes)) // never changes after New
	for _, n := range c.nodes {
		names = append(names, n.name)
	}
	slices.Sort(names)
	return names
}
