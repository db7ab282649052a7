package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// rack is a cooling zone: its nodes breathe the same air.
type rack struct {
	rng   *rand.Rand
	inlet float64 // °C
	weak  float64 // °C added by weak cooling
	until float64 // hours of weak cooling left; ≤ 0: healthy or recovering
	worst float64 // °C that weak grows to
}

// node is a machine with its GPUs.
type node struct {
	name, address string
	rack          *rack
	gpus          []*gpu
	fate, noise   *rand.Rand
	frailty       float64 // multiplies the hazard of every fault; mostly near 0.6, a few lemons

	driver, kernel, kubelet string
	annotations             map[string]string
	taints                  map[string]bool // keys with effect PreferNoSchedule
	taintKeys               []string        // all there ever were, in order
	cordoned                bool            // by a person or a correction
	drained                 float64         // seconds that it has been cordoned and empty
	lastMove                int64           // when a pod was last moved away

	episodes   []*episode
	work       *work   // maintenance in progress
	down       float64 // seconds of NotReady left
	slow       float64 // share by which faults slow its scrapes
	gap        float64 // probability of a failed scrape from faults
	columns    nodeColumns
	restarting float64 // seconds that its exporter is still restarting
}

func (n *node) ready() bool { return n.down <= 0 }

func (n *node) unschedulable() bool { return n.cordoned || (n.work != nil && n.work.cordoned) }

// healthy says how many GPUs the device plugin offers.
func (n *node) healthy() int {
	count := 0
	for _, g := range n.gpus {
		if !g.detached {
			count++
		}
	}
	return count
}

// free returns the GPUs that a pod could have.
func (n *node) free() []*gpu {
	var free []*gpu
	for _, g := range n.gpus {
		if g.owner == nil && !g.detached {
			free = append(free, g)
		}
	}
	return free
}

// load is the mean share of dynamic power that the node's GPUs draw, 0 to 1.
func (n *node) load() float64 {
	sum := 0.0
	for _, g := range n.gpus {
		sum += g.load()
	}
	return sum / float64(len(n.gpus))
}

const nodesPerRack = 4

// The versions that the cluster starts with and is upgraded to.
var (
	drivers  = []string{"570.172.08", "580.95.05", "580.105.08", "580.126.09"}
	kernels  = []string{"6.8.0-79-generic", "6.8.0-85-generic", "6.8.0-90-generic", "6.8.0-94-generic"}
	kubelets = []string{"v1.34.1", "v1.34.2"}
)

func (c *Cluster) build() {
	seed := c.opts.Seed
	uuids := newRand(seed, "uuid", 0)
	for i := range c.opts.Nodes {
		if i%nodesPerRack == 0 {
			c.racks = append(c.racks, &rack{rng: newRand(seed, "rack", len(c.racks)), inlet: 25})
		}
		n := &node{
			name:        fmt.Sprintf("gpu-%02d", i+1),
			address:     fmt.Sprintf("10.0.%d.%d", 1+i/200, 10+i%200),
			rack:        c.racks[len(c.racks)-1],
			fate:        newRand(seed, "fate", i),
			noise:       newRand(seed, "noise", i),
			driver:      drivers[1],
			kernel:      kernels[1],
			kubelet:     kubelets[1],
			annotations: map[string]string{},
			taints:      map[string]bool{},
		}
		n.frailty = clamp(logNormal(n.noise, 0.6, 0.5), 0.2, 2)
		if i%8 == 2 { // a lemon in each group of eight
			n.frailty = between(n.noise, 3, 5)
		}
		if i%8 == 5 { // missed by the last driver upgrade
			n.driver, n.kernel = drivers[0], kernels[0]
			n.frailty *= 1.5
		}
		if i%16 == 11 {
			n.kubelet = kubelets[0]
		}
		for j := range c.opts.GPUsPerNode {
			n.gpus = append(n.gpus, newGPU(n, j, newRand(seed, "gpu", i*1000+j), uuids))
		}
		c.nodes = append(c.nodes, n)
		c.byName[n.name] = n
	}
}

// weather moves a rack's inlet temperature: a day's wave, and cooling that
// weakens for hours until somebody repairs it.
func (r *rack) weather(seconds float64, t int64, rate float64) {
	hours := seconds / 3600
	if r.until <= 0 {
		r.weak *= math.Exp(-hours)                                         // repaired: the air is cool again in hours
		if r.rng.Float64() < hours*rate*rackFaultsPerFortnight/(14*24)/6 { // six racks
			r.until = between(r.rng, 14, 36)
			r.worst = between(r.rng, 8, 15)
		}
	} else {
		r.until -= hours
		r.weak = math.Min(r.weak+1.2*hours, r.worst)
	}
	day := 2 * math.Pi * (float64(t%86_400_000)/86_400_000 - 16.0/24)
	r.inlet = 25 + 1.5*math.Cos(day) + r.weak
}
