package sim

// work is maintenance of one node by the people who run the cluster: they wait
// for a free hour, cordon, let it drain, reset or reboot, and uncordon.
type work struct {
	wait     float64 // seconds until they begin
	patience float64 // seconds that they let the node drain
	duration float64 // seconds of the work itself
	reboot   bool    // NotReady meanwhile
	cordoned bool
	begun    bool
	gpus     []*gpu // to be reset, or replaced where failed
	driver   string // to be installed with kernel, where not empty
	kernel   string
}

// book asks for work on a GPU; one visit serves all of a node's GPUs.
func (c *Cluster) book(n *node, g *gpu, wait float64, reboot bool) {
	if n.work == nil {
		n.work = &work{wait: wait, patience: 3600, duration: between(n.noise, 8, 20) * 60}
	}
	n.work.gpus = append(n.work.gpus, g)
	n.work.reboot = n.work.reboot || reboot
}

// maintain lets a node's outage and maintenance run on.
func (c *Cluster) maintain(n *node, seconds float64) {
	if n.down > 0 {
		n.down -= seconds
		if n.down <= 0 {
			c.boot(n)
		}
	}
	w := n.work
	if w == nil {
		return
	}
	switch {
	case w.wait > 0:
		w.wait -= seconds
	case !w.cordoned:
		w.cordoned = true
	case !w.begun:
		w.patience -= seconds
		if n.drained > 0 || w.patience <= 0 {
			w.begun = true
			if w.driver != "" {
				n.driver, n.kernel = w.driver, w.kernel
			}
			if w.reboot {
				n.down = w.duration
			}
		}
	default:
		w.duration -= seconds
		if w.duration > 0 || !n.ready() {
			return
		}
		for _, g := range w.gpus {
			if g.owner != nil {
				c.crash(g)
			}
			if g.failed {
				g.replace()
			}
			g.reset()
		}
		n.work = nil
	}
}

// boot is what a reboot does to a node: its GPUs come back, its pods restart.
func (c *Cluster) boot(n *node) {
	for _, g := range n.gpus {
		if g.owner != nil {
			c.crash(g)
		}
		if !g.failed {
			g.reset()
		}
	}
}

// upgrade rolls a new driver through the cluster every week, a node every few
// hours; each time it stalls before the last nodes, and stays so for days.
func (c *Cluster) upgrade(seconds float64) {
	u := &c.rollout
	u.next -= seconds
	if u.next > 0 {
		return
	}
	if u.target == "" {
		if u.release+1 >= len(drivers) {
			u.next = 1e12
			return
		}
		u.release++
		u.target = drivers[u.release]
	}
	var behind []*node
	for _, n := range c.nodes {
		if n.driver != u.target {
			behind = append(behind, n)
		}
	}
	if len(behind) <= len(c.nodes)/6 { // stalled: nobody looks after the rest
		u.target, u.next = "", 5*86400
		return
	}
	u.next = between(c.rng, 1.5, 3) * 3600
	for _, n := range behind {
		if n.work == nil && n.ready() {
			n.work = &work{patience: 2 * 3600, duration: 900, reboot: true, driver: u.target, kernel: kernels[u.release]}
			return
		}
	}
}

// driverRollout is the state of the cluster-wide driver upgrades.
type driverRollout struct {
	release int    // index into drivers
	target  string // empty between upgrades
	next    float64
}

// deploy lets a service's owners ship images: some are slow, and are rolled
// back hours later. Pods are replaced one by one, a new one first.
func (c *Cluster) deploy(s *service, seconds float64) {
	for _, p := range s.pods {
		if p.replaces != nil || p.leaving || p.node == nil {
			return // one at a time
		}
	}
	for _, p := range s.pods {
		if p.tag != s.tag {
			next := c.launch(s)
			if c.place(next, s.gpus, false) {
				next.replaces, p.leaving = p, true
			} else {
				c.remove(next)
			}
			return
		}
	}
	if s.slowness > 1 {
		if s.review -= seconds; s.review <= 0 {
			s.ship(s.stable, 1)
		}
		return
	}
	if s.rng.Float64() < seconds/86400*c.opts.FaultRate*0.45 {
		s.stable = s.tag
		if s.rng.Float64() < 0.3 {
			s.ship(s.tag+1, between(s.rng, 1.25, 1.7))
			s.review = between(s.rng, 5, 14) * 3600
			c.regressions++
		} else {
			s.ship(s.tag+1, 1)
		}
	}
}

// ship changes the image of a service.
func (s *service) ship(tag int, slowness float64) {
	s.tag, s.slowness = tag, slowness
	s.generation++
	s.hash = podSuffix(s.rng, 10)
}
