package sim

import (
	"fmt"
	"math"
)

// pod is a vLLM replica or one node's share of a training job.
type pod struct {
	namespace, name, container, image string
	hash                              string   // of its ReplicaSet
	svc                               *service // nil for training
	job                               *job     // nil for serving
	node                              *node
	gpus                              []*gpu
	readyAt                           int64   // Unix ms from which it serves
	restarts                          float64 // of its container
	tag                               int     // of its image
	slowness                          float64 // of its image
	replaces                          *pod    // that is deleted once this one is ready
	leaving                           bool    // another one is about to take its place
	unreachable                       float64 // seconds that its node has been NotReady
	engine                            *queue
	columns                           podColumns
}

const (
	evictAfter = 300.0 // s that pods of a NotReady node are waited for
	loadTime   = 240.0 // s that a replica takes to load its model
)

// serving says whether the pod takes requests.
func (p *pod) serving(t int64) bool {
	if p.node == nil || !p.node.ready() || t < p.readyAt {
		return false
	}
	for _, g := range p.gpus {
		if g.detached {
			return false
		}
	}
	return true
}

// speed is that of its slowest GPU, less the image's slowness.
func (p *pod) speed() float64 {
	speed := 1.0
	for _, g := range p.gpus {
		speed = math.Min(speed, g.speed())
	}
	return speed / p.slowness
}

// launch makes a new replica; it has no node yet.
func (c *Cluster) launch(s *service) *pod {
	p := &pod{
		namespace: servingNamespace, container: "vllm", svc: s, tag: s.tag, slowness: s.slowness, hash: s.hash,
		name:   s.name + "-" + s.hash + "-" + podSuffix(s.rng, 5),
		image:  imageOf(s.tag),
		engine: &queue{ttft: newHistogram(ttftBounds), e2e: newHistogram(e2eBounds), token: newHistogram(tokenBounds)},
	}
	s.pods = append(s.pods, p)
	return p
}

func imageOf(tag int) string { return fmt.Sprintf("registry.example/vllm-openai:v0.11.%d", tag) }

// place gives a pod a node: the fullest one that fits, so that whole nodes
// stay free for training; untainted before tainted, and not too many replicas
// of one service on one node. It reports whether there was one.
func (c *Cluster) place(p *pod, need int, onlyUntainted bool) bool {
	var best *node
	score := math.Inf(1)
	for _, n := range c.nodes {
		free := len(n.free())
		if !n.ready() || n.unschedulable() || free < need || (onlyUntainted && len(n.taints) > 0) {
			continue
		}
		s := float64(free)
		if len(n.taints) > 0 {
			s += 1000
		}
		if p.svc != nil {
			same := 0
			for _, other := range p.svc.pods {
				if other.node == n {
					same++
				}
			}
			s += 3 * float64(same) // rather a failure domain each
		}
		if s < score {
			best, score = n, s
		}
	}
	if best == nil {
		return false
	}
	c.bind(p, best, need)
	return true
}

func (c *Cluster) bind(p *pod, n *node, need int) {
	p.node, p.gpus = n, n.free()[:need]
	for _, g := range p.gpus {
		g.owner = p
	}
	p.readyAt = c.now + int64(1000*loadTime*between(n.noise, 0.8, 1.4))
}

// remove deletes a pod and frees its GPUs.
func (c *Cluster) remove(p *pod) {
	for _, g := range p.gpus {
		g.owner, g.demand = nil, 0
	}
	c.endPod(p)
	p.node, p.gpus = nil, nil
	if p.svc != nil {
		for i, other := range p.svc.pods {
			if other == p {
				p.svc.pods = append(p.svc.pods[:i], p.svc.pods[i+1:]...)
				break
			}
		}
	}
}

// crash restarts the container of whatever runs on a GPU.
func (c *Cluster) crash(g *gpu) {
	p := g.owner
	switch {
	case p == nil:
	case p.job != nil:
		c.interrupt(p.job)
	default:
		p.restarts++
		p.engine.backlog, p.engine.preemptions, p.engine.stopped, p.engine.aborted = 0, 0, 0, 0
		p.engine.ttft.reset()
		p.engine.e2e.reset()
		p.engine.token.reset()
		p.readyAt = c.now + int64(1000*loadTime*between(p.node.noise, 0.8, 1.4))
	}
}

// schedule is the control plane's pass: it evicts from lost nodes, moves pods
// off cordoned and tainted ones, finishes replacements, and binds what waits.
func (c *Cluster) schedule(seconds float64) {
	for _, s := range c.services {
		for _, p := range append([]*pod(nil), s.pods...) {
			switch {
			case p.node == nil:
			case c.lost(p, seconds):
				c.remove(p)
			case p.replaces != nil && p.serving(c.now):
				if p.replaces.node != nil {
					c.remove(p.replaces)
				}
				p.replaces = nil
			}
		}
		count := 0
		for _, p := range s.pods {
			if !p.leaving {
				count++
			}
		}
		for ; count < s.want; count++ {
			c.launch(s)
		}
		for _, p := range s.pods {
			if p.node == nil {
				c.place(p, s.gpus, false)
			}
		}
	}
	for _, n := range c.nodes {
		c.vacate(n, seconds)
	}
}

// lost says whether a pod's node or GPU is gone for so long that it is evicted.
func (c *Cluster) lost(p *pod, seconds float64) bool {
	for _, g := range p.gpus {
		if g.detached {
			return true
		}
	}
	if p.node.ready() {
		p.unreachable = 0
		return false
	}
	p.unreachable += seconds
	return p.unreachable > evictAfter
}

// vacate moves replicas off a node that is cordoned (every two minutes one) or
// tainted (every ten), starting the replacement first where there is room.
func (c *Cluster) vacate(n *node, seconds float64) {
	pause := int64(120_000)
	switch {
	case n.unschedulable():
	case len(n.taints) > 0:
		pause = 600_000
	default:
		n.drained = 0
		return
	}
	busy := false
	for _, g := range n.gpus {
		p := g.owner
		if p == nil {
			continue
		}
		busy = true
		if c.now-n.lastMove < pause || p.leaving {
			continue
		}
		if p.job != nil {
			if n.unschedulable() && c.now-p.job.saved < 120_000+int64(seconds*1000) { // it has just checkpointed
				c.requeue(p.job)
				n.lastMove = c.now
			}
			continue
		}
		next := c.launch(p.svc)
		if !c.place(next, p.svc.gpus, !n.unschedulable()) {
			c.remove(next)
			continue
		}
		next.replaces, p.leaving, n.lastMove = p, true, c.now
	}
	if busy || !n.unschedulable() {
		n.drained = 0
	} else {
		n.drained += seconds
	}
}
