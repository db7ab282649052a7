package sim

import (
	"math"
	"math/rand/v2"
)

// spec is what one vLLM service is.
type spec struct {
	name    string
	gpus    int     // tensor parallel size: GPUs a replica
	share   float64 // of the cluster's GPUs
	slots   float64 // sequences that a replica decodes at once
	seconds float64 // one request's service time in a full batch at full clock, c/throughput
	ttft    float64 // prefill of one request, s
	tokens  float64 // that a request's answer has
	cache   float64 // KV cache used by a full batch, 1 is all of it
	load    float64 // of capacity at an ordinary weekday's peak
	traffic traffic
}

// specs are the services of a cluster; 18 replicas in one of 24×8 GPUs.
var specs = []spec{
	{"chat-70b", 8, 0.17, 128, 18, 0.25, 400, 0.93, 0.62, traffic{hour: 14, swing: 0.75, weekend: 0.7, perDay: 1.2, schedule: -1}},
	{"code-34b", 4, 0.085, 64, 12, 0.20, 350, 0.98, 0.60, traffic{hour: 13, swing: 0.85, weekend: 0.35, perDay: 1.0, schedule: -1}},
	{"vision-11b", 4, 0.065, 48, 6, 0.30, 150, 0.80, 0.58, traffic{hour: 18, swing: 0.6, weekend: 1.1, perDay: 1.4, schedule: -1}},
	{"chat-8b", 2, 0.042, 192, 8, 0.08, 350, 0.90, 0.64, traffic{hour: 15, swing: 0.7, weekend: 0.8, perDay: 1.5, schedule: -1}},
	{"summary-8b", 2, 0.031, 128, 10, 0.12, 300, 0.95, 0.55, traffic{hour: 11, swing: 0.5, weekend: 0.5, perDay: 0.6, schedule: 2}},
}

// The buckets of vLLM's histograms, seconds.
var (
	ttftBounds  = []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	tokenBounds = []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	e2eBounds   = []float64{0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
)

// waitBounds are the buckets of Kueue's admission wait, seconds.
var waitBounds = []float64{1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120}

const patience = 20.0 // s that a client waits in the queue before it gives up

// service is a Deployment of vLLM replicas and its traffic.
type service struct {
	spec
	rng      *rand.Rand
	want     int // replicas
	pods     []*pod
	rate     float64 // requests/s offered
	served   float64 // requests/s finished
	capacity float64 // requests/s that the ready replicas could finish

	generation int
	tag        int     // of the image
	slowness   float64 // of the image: 1, or more after a bad rollout
	stable     int     // the tag to go back to
	review     float64 // seconds until somebody rolls a bad image back
	hash       string  // pod template hash
	columns    serviceColumns
}

// queue is the state of one replica's engine.
type queue struct {
	backlog     float64 // requests that wait because the replica is overloaded
	running     float64
	waiting     float64
	cache       float64
	load        float64 // of slots, 0 to 1
	preemptions float64
	stopped     float64 // requests finished
	aborted     float64 // given up by the client
	ttft, e2e   histogram
	token       histogram // between tokens
}

// serve lets seconds pass: requests arrive at rate (1/s), the replica works at
// speed (1 is nominal), and all that finishes is observed by its histograms.
// The wait is that of an M/M/c queue (Sakasegawa's approximation) below
// saturation, and a fluid backlog above it. It returns the requests finished.
func (q *queue) serve(s *spec, rate, speed, seconds float64) float64 {
	capacity := s.slots / s.seconds * speed
	offered := rate*seconds + q.backlog
	done := math.Min(offered, capacity*seconds)
	left := offered - done
	gone := math.Max(0, left-patience*capacity)
	mean := (q.backlog + left - gone) / 2 // of the backlog meanwhile
	q.backlog = left - gone

	rho := math.Min(done/seconds/capacity, 0.985)
	q.load = math.Min(0.55*rho/(1-0.45*rho), 1) // a fuller batch decodes slower
	wait := s.seconds / speed / s.slots * math.Pow(rho, math.Sqrt(2*(s.slots+1))-1) / (1 - rho)
	busy, tail := math.Pow(rho, math.Sqrt(2*(s.slots+1))-1), 4.0 // probability of waiting at all, and how widely waits spread
	if mean > 0 {
		wait, busy, tail = wait+mean/capacity, 1, 8 // all wait, and about as long
	}
	q.running = s.slots * q.load
	q.waiting = mean + done/seconds*wait
	q.cache = math.Min(s.cache*q.load*1.02, 1)
	q.preemptions += math.Max(0, q.cache-0.92) * q.running * 0.02 * seconds
	q.stopped += done
	q.aborted += gone

	first := s.ttft * (1 + 1.5*q.load) / speed
	whole := s.seconds * (0.55 + 0.45*q.load) / speed
	q.ttft.observe(done*(1-busy), first, 5)
	q.e2e.observe(done*(1-busy), first+whole, 3)
	q.ttft.observe(done*busy, first+wait/math.Max(busy, 0.05), tail)
	q.e2e.observe(done*busy, first+whole+wait/math.Max(busy, 0.05), 3)
	q.token.observe(done*s.tokens, whole/s.tokens, 5)
	return done
}

// histogram is a cumulative Prometheus histogram over shared bounds; the last
// bucket is +Inf, and equals the count.
type histogram struct {
	bounds  []float64
	logs    []float64 // of bounds
	buckets []float64
	sum     float64
}

func newHistogram(bounds []float64) histogram {
	h := histogram{bounds: bounds, logs: make([]float64, len(bounds)), buckets: make([]float64, len(bounds)+1)}
	for i, b := range bounds {
		h.logs[i] = math.Log(b)
	}
	return h
}

// observe adds n observations of a log-logistic law with the given median and
// shape > 1: F(x) = 1/(1+(median/x)^shape), mean median·(π/shape)/sin(π/shape).
func (h *histogram) observe(n, median, shape float64) {
	if n <= 0 {
		return
	}
	at := math.Log(median)
	for i, b := range h.logs {
		switch z := shape * (b - at); {
		case z > 16:
			h.buckets[i] += n
		case z > -16:
			h.buckets[i] += n / (1 + math.Exp(-z))
		}
	}
	h.buckets[len(h.bounds)] += n
	h.sum += n * median * (math.Pi / shape) / math.Sin(math.Pi/shape)
}

// add adds one observation.
func (h *histogram) add(v float64) {
	for i, b := range h.bounds {
		if v <= b {
			h.buckets[i]++
		}
	}
	h.buckets[len(h.bounds)]++
	h.sum += v
}

func (h *histogram) reset() {
	clear(h.buckets)
	h.sum = 0
}

// step lets seconds pass for the whole service: replicas that are ready share
// the requests, a little in favour of the faster ones.
func (s *service) step(t int64, seconds float64) {
	s.rate = s.traffic.rate(t, seconds)
	s.served, s.capacity = 0, 0
	var ready []*pod
	weights := 0.0
	for _, p := range s.pods {
		if p.serving(t) {
			ready = append(ready, p)
			weights += 0.5 + 0.5*p.speed()
		} else {
			p.engine.running, p.engine.waiting, p.engine.backlog, p.engine.cache, p.engine.load = 0, 0, 0, 0, 0
		}
	}
	for _, p := range ready {
		speed := p.speed()
		rate := s.rate * (0.5 + 0.5*speed) / weights
		done := p.engine.serve(&s.spec, rate, speed, seconds)
		s.served += done / seconds
		s.capacity += s.slots / s.seconds * speed
	}
}
