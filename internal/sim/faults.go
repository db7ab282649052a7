package sim

import (
	"math"
	"math/rand/v2"
)

// cause is a kind of fault.
type cause int

const (
	memory cause = iota // row remaps, then an uncontained error
	detach              // the GPU falls off the bus
	nvlink              // link errors, then a link is lost
	fan                 // cooling of one GPU fails; heat does the rest
	gsp                 // the GPU's firmware stops answering
	hang                // the node stops answering
)

// profile says how often a cause begins and how it develops.
type profile struct {
	perFortnight float64 // onsets in a cluster of 24×8 GPUs under ordinary load
	lead         float64 // hours from beginning to strike, median, under full load
	spread       float64 // log-scale deviation of lead
	visible      float64 // share that announces itself
	fizzles      float64 // share of the visible that comes to nothing
}

var profiles = [...]profile{
	memory: {95, 14, 0.6, 0.75, 0.25},
	detach: {50, 7, 0.7, 0.5, 0.3},
	nvlink: {60, 9, 0.6, 0.7, 0.3},
	fan:    {34, 16, 0.5, 1, 0},
	gsp:    {40, 3, 0.6, 0.2, 0.2},
	hang:   {110, 4, 0.7, 0.6, 0.3},
}

// rackFaultsPerFortnight is how often cooling weakens in six racks.
const rackFaultsPerFortnight = 3

// referenceGPUs is the cluster that profiles are stated for.
const referenceGPUs = 24 * 8

// episode is a fault that develops. It strikes when progress reaches 1, or ends
// quietly at fizzle.
type episode struct {
	cause    cause
	gpu      *gpu // nil for hang
	progress float64
	lead     float64 // hours
	visible  bool
	fizzle   float64
}

// stress is how fast the GPU wears: 1 under ordinary full load, little when
// idle, more when hot.
func (g *gpu) stress() float64 {
	return (0.12 + 0.88*g.load()) * math.Exp(0.045*(g.temp-62))
}

// begin starts new episodes on a node. It draws the same numbers whatever the
// state of the node, so that a correction changes risks and not luck.
func (c *Cluster) begin(n *node, seconds float64) {
	chance := func(p cause) float64 {
		return profiles[p].perFortnight / referenceGPUs * seconds / (14 * 86400) * c.opts.FaultRate * n.frailty
	}
	for _, g := range n.gpus {
		for k := memory; k <= gsp; k++ {
			if u := n.fate.Float64(); u < chance(k)*clamp(g.stress(), 0, 4) && !g.detached && !n.has(k, g) {
				n.episodes = append(n.episodes, newEpisode(n.noise, k, g))
			}
		}
	}
	u := n.fate.Float64()
	if u < chance(hang)*float64(len(n.gpus))*(0.3+0.9*n.load()) && n.ready() && !n.has(hang, nil) {
		n.episodes = append(n.episodes, newEpisode(n.noise, hang, nil))
	}
}

func (n *node) has(k cause, g *gpu) bool {
	for _, e := range n.episodes {
		if e.cause == k && e.gpu == g {
			return true
		}
	}
	return false
}

func newEpisode(r *rand.Rand, k cause, g *gpu) *episode {
	p := profiles[k]
	e := &episode{cause: k, gpu: g, lead: logNormal(r, p.lead, p.spread), fizzle: math.Inf(1)}
	e.visible = r.Float64() < p.visible
	if e.visible && r.Float64() < p.fizzles {
		e.fizzle = between(r, 0.4, 0.9)
	}
	return e
}

// develop lets a node's episodes grow, shows what they show, and strikes.
func (c *Cluster) develop(n *node, seconds float64) {
	n.slow, n.gap = 0, 0
	for _, g := range n.gpus {
		g.fan = 1
		g.sbe += poisson(g.rng, seconds/86400*0.5) // a healthy GPU's own noise
		g.replays += poisson(g.rng, seconds/86400*0.7)
		g.crc += poisson(g.rng, seconds/86400*0.7)
		if g.rng.Float64() < seconds/86400/90 {
			g.correctable++
		}
	}
	kept := n.episodes[:0]
	for _, e := range n.episodes {
		wear := 0.25 + 0.9*n.load()
		if e.gpu != nil {
			wear = clamp(e.gpu.stress(), 0.1, 2)
		}
		e.progress += seconds / 3600 / e.lead * wear
		switch {
		case e.progress >= e.fizzle:
			continue
		case e.progress >= 1 && e.cause != fan:
			if n.ready() { // what is switched off breaks later
				c.strike(n, e)
				continue
			}
		case e.progress >= 1.5: // somebody notices and changes the fan
			continue
		}
		if e.visible {
			e.show(n, seconds)
		}
		kept = append(kept, e)
	}
	clear(n.episodes[len(kept):])
	n.episodes = kept
	if n.drained > 2*3600 && n.cordoned { // a cordoned, empty node is looked at and repaired
		n.episodes = nil
	}
}

// show is what an episode does to the metrics before it strikes.
func (e *episode) show(n *node, seconds float64) {
	grown, hours, g := math.Min(e.progress, 1), seconds/3600, e.gpu
	switch e.cause {
	case memory:
		g.sbe += poisson(g.rng, hours*(2+60*grown*grown))
		g.correctable += poisson(g.rng, hours*1.6*grown)
	case detach:
		g.replays += poisson(g.rng, hours*(1+80*grown*grown))
		n.slow += 1.5 * grown
		n.gap += 0.12 * grown * grown
	case nvlink:
		g.crc += poisson(g.rng, hours*(3+150*grown*grown))
	case fan:
		g.fan = 1 + 0.45*grown
	case gsp:
		n.slow += 1 * grown
	case hang:
		n.slow += 5 * grown * grown
		n.gap += 0.35 * grown * grown * grown
	}
}

// strike is the fault itself.
func (c *Cluster) strike(n *node, e *episode) {
	g, r := e.gpu, n.noise
	c.struck[e.cause]++
	switch e.cause {
	case memory:
		g.uncorrectable++
		g.pending = true
		code := []int{48, 63, 94, 95}[r.IntN(4)]
		if r.Float64() < 0.25 {
			g.failed, code = true, 64
		}
		g.fail(code, c.now)
		c.crash(g)
		c.book(n, g, between(r, 1, 4)*3600, g.failed)
	case detach:
		c.crash(g)
		g.detached, g.hidden = true, true
		if r.Float64() < 0.5 { // half of them get their XID out before they vanish
			g.hidden = false
			g.fail(79, c.now)
		}
		c.book(n, g, between(r, 1.5, 5)*3600, true)
	case nvlink:
		g.crc += between(r, 200, 2000)
		g.fail(74, c.now)
		c.crash(g)
		c.book(n, g, between(r, 2, 6)*3600, false)
	case gsp:
		g.fail([]int{119, 120}[r.IntN(2)], c.now)
		c.crash(g)
		c.book(n, g, between(r, 1, 4)*3600, true)
	case hang:
		n.down = between(r, 8, 50) * 60
	}
}

// slips are the XIDs that applications bring on themselves: noise.
func (c *Cluster) slips(n *node, seconds float64) {
	for _, g := range n.gpus {
		u := n.fate.Float64()
		if g.owner == nil || g.detached || u > seconds/86400*c.opts.FaultRate*0.05 {
			continue
		}
		code := []int{13, 31, 43, 45}[n.noise.IntN(4)]
		g.fail(code, c.now)
		if code != 45 {
			c.crash(g)
		}
	}
}
