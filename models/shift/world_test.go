package shift_test

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/models/shift"
)

var start = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

const minutes = 1
const hours = 60 * minutes
const days = 24 * hours

// world makes latency as a service has it: a level, autocorrelated noise (φ =
// 0.7), and what the load does to it.
type world struct {
	n     int
	seed  uint64
	noise float64                 // of log latency
	load  func(i int) float64     // requests/s
	cost  func(x float64) float64 // what a load does to latency, a factor
	shift func(i int) float64     // a factor; 1 is no shift
}

func (w world) series() shift.Series {
	rng := rand.New(rand.NewPCG(w.seed, 1))
	s := shift.Series{Start: start, Step: time.Minute, Latency: make([]float64, w.n), Load: make([]float64, w.n)}
	if w.noise == 0 {
		w.noise = 0.05
	}
	ar := 0.0
	for i := range w.n {
		ar = 0.7*ar + w.noise*math.Sqrt(1-0.49)*rng.NormFloat64()
		s.Latency[i], s.Load[i] = 0.2*math.Exp(ar), 10*math.Exp(0.1*rng.NormFloat64())
		if w.load != nil {
			s.Load[i] *= w.load(i)
		}
		if w.cost != nil {
			s.Latency[i] *= w.cost(s.Load[i])
		}
		if w.shift != nil {
			s.Latency[i] *= w.shift(i)
		}
	}
	return s
}

// from is a factor from a step on, until another (0: for good).
func from(at, until int, factor float64) func(int) float64 {
	return func(i int) float64 {
		if i >= at && (until == 0 || i < until) {
			return factor
		}
		return 1
	}
}

func observed(name string, s shift.Series) shift.Observed {
	return shift.Observed{Subject: collector.Subject{Kind: "service", Namespace: "serving", Name: name}, Series: s,
		Labels: collector.Labels{{Name: "namespace", Value: "serving"}, {Name: "service", Value: name}}}
}

// rollout is a change of a deployment's generation.
func rollout(name string, at int) shift.Change {
	return shift.Change{Signal: "deployment_generation", At: start.Add(time.Duration(at) * time.Minute), From: 3, To: 4,
		Labels: collector.Labels{{Name: "namespace", Value: "serving"}, {Name: "deployment", Value: name}}}
}

// daily is a smooth peak in the afternoon, as a factor up to 1 + height.
func daily(height float64) func(int) float64 {
	return func(i int) float64 {
		return 1 + height*math.Pow(math.Max(0, math.Sin(2*math.Pi*(float64(i%days)/days-0.25))), 2)
	}
}
