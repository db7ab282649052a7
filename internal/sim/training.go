package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// job is a training job: whole nodes, busy until its work is done.
type job struct {
	name  string
	team  *team
	nodes int     // wanted
	left  float64 // seconds of work
	since float64 // seconds since the last checkpoint: lost in a crash
	asked int64   // Unix ms since which it waits for admission
	saved int64   // Unix ms of the last checkpoint
	pods  []*pod
}

// team is a Kueue ClusterQueue with its quota.
type team struct {
	name    string
	rng     *rand.Rand
	quota   int // nodes
	used    int
	perDay  float64 // jobs submitted on a working day, per node of quota
	waiting []*job
	running []*job
	jobs    int
	waits   histogram // s, from submission to admission
	columns teamColumns
}

const checkpointEvery = 1800.0 // s

// train is the pass over the training jobs: submit, admit, work, checkpoint.
func (c *Cluster) train(t int64, seconds float64) {
	hour := float64(t%86_400_000) / 3_600_000
	day := (t/86_400_000 + 4) % 7
	office := 0.15
	if hour > 8 && hour < 19 && day != 0 && day != 6 {
		office = 2.4
	}
	for _, q := range c.teams {
		for range int(poisson(q.rng, q.perDay*float64(q.quota)*office*seconds/86400)) {
			q.jobs++
			size := min([]int{1, 1, 1, 2, 2, 4}[q.rng.IntN(6)], max(1, q.quota/2))
			q.waiting = append(q.waiting, &job{
				asked: t,
				name:  fmt.Sprintf("%s-%d", q.name, q.jobs), team: q, nodes: size,
				left: clamp(logNormal(q.rng, 6*3600, 0.8), 1800, 72*3600),
			})
		}
		for _, j := range append([]*job(nil), q.running...) {
			c.work(j, seconds)
		}
		q.waiting = slices.DeleteFunc(q.waiting, func(j *job) bool { // BestEffortFIFO: smaller ones overtake
			if !c.admit(j) {
				return false
			}
			q.running = append(q.running, j)
			q.waits.add(float64(t-j.asked) / 1000)
			return true
		})
	}
}

// work lets a job run on; it stops where one of its pods is lost.
func (c *Cluster) work(j *job, seconds float64) {
	for _, p := range j.pods {
		if c.lost(p, seconds) {
			c.interrupt(j)
			return
		}
	}
	stalled := false
	for _, p := range j.pods {
		stalled = stalled || !p.serving(c.now)
	}
	busy := 0.0
	if !stalled {
		j.left -= seconds
		j.since += seconds
		busy = 1 + 0.015*math.Sin(float64(c.now)/600_000)
		if j.since > checkpointEvery {
			j.since, j.saved = 0, c.now
			busy -= 0.4 * math.Min(1, 60/seconds) // the GPUs wait a minute while it is written
		}
	}
	for _, p := range j.pods {
		for _, g := range p.gpus {
			g.demand = busy
		}
	}
	if j.left <= 0 {
		c.stop(j)
	}
}

// admit starts a job where quota and whole nodes are free.
func (c *Cluster) admit(j *job) bool {
	if j.team.used+j.nodes > j.team.quota {
		return false
	}
	need := c.opts.GPUsPerNode
	for i := range j.nodes {
		p := &pod{
			namespace: trainingNamespace, container: "trainer", image: "registry.example/trainer:2.9", job: j, slowness: 1,
			name: fmt.Sprintf("%s-%d-%s", j.name, i, podSuffix(j.team.rng, 5)),
		}
		if !c.place(p, need, false) {
			for _, placed := range j.pods {
				c.remove(placed)
			}
			j.pods = nil
			return false
		}
		j.pods = append(j.pods, p)
	}
	j.team.used += j.nodes
	j.since, j.saved = 0, c.now
	return true
}

// stop frees what a job holds.
func (c *Cluster) stop(j *job) {
	for _, p := range j.pods {
		c.remove(p)
	}
	j.pods = nil
	j.team.used -= j.nodes
	for i, other := range j.team.running {
		if other == j {
			j.team.running = append(j.team.running[:i], j.team.running[i+1:]...)
			break
		}
	}
}

// requeue moves a job that has just checkpointed: it is next in its queue.
func (c *Cluster) requeue(j *job) {
	c.stop(j)
	j.asked = c.now
	j.team.waiting = append([]*job{j}, j.team.waiting...)
}

// interrupt is a crash: the work since the last checkpoint is lost. Where all
// nodes are still there the containers restart in place.
func (c *Cluster) interrupt(j *job) {
	j.left += j.since
	j.since = 0
	for _, p := range j.pods {
		if !p.node.ready() || p.node.healthy() < len(p.gpus) {
			c.requeue(j)
			return
		}
	}
	for _, p := range j.pods {
		p.readyAt = c.now + int64(1000*loadTime)
	}
}
