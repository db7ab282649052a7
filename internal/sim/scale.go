package sim

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/driftcast/driftcast/collector"
)

// Scale is a collector.Source of very many GPUs for measurements of memory and
// throughput. It stores nothing: a value is a function of signal, GPU and time,
// a day's wave with noise. It answers plain metric names only, of its signals;
// GPUs have the labels node and gpu, eight to a node. It is safe for concurrent
// use.
type Scale struct {
	labels  []collector.Labels
	signals map[string]uint64
}

// NewScale returns a source of so many GPUs, each with the named signals.
// Signals that end in _event are 0 or 1, and seldom 1; all others lie in
// about 20…80.
func NewScale(gpus int, signals ...string) (*Scale, error) {
	if gpus < 1 || len(signals) == 0 {
		return nil, fmt.Errorf("scale of %d gpus and %d signals: want one of each at least", gpus, len(signals))
	}
	s := &Scale{labels: make([]collector.Labels, gpus), signals: map[string]uint64{}}
	flat := make(collector.Labels, 2*gpus)
	for i := range s.labels {
		l := flat[2*i : 2*i+2 : 2*i+2]
		l[0] = collector.Label{Name: "gpu", Value: strconv.Itoa(i % 8)}
		l[1] = collector.Label{Name: "node", Value: fmt.Sprintf("gpu-%05d", i/8)}
		s.labels[i] = l
	}
	for i, name := range signals {
		s.signals[name] = mix(uint64(i + 1))
		if len(name) > 6 && name[len(name)-6:] == "_event" {
			s.signals[name] |= 1
		} else {
			s.signals[name] &^= 1
		}
	}
	return s, nil
}

// QueryRange returns the series of one signal. All series of an answer share
// their Times.
func (s *Scale) QueryRange(ctx context.Context, expr string, w collector.Window) (collector.Result, error) {
	seed, ok := s.signals[expr]
	if !ok {
		return collector.Result{}, fmt.Errorf("scale query %q: only the plain names of its signals are answered", expr)
	}
	n := w.Len()
	if n == 0 {
		return collector.Result{}, nil
	}
	times, waves := make([]int64, n), make([]float64, n)
	for i := range times {
		times[i] = w.Start.UnixMilli() + int64(i)*w.Step.Milliseconds()
		waves[i] = math.Sin(2 * math.Pi * float64(times[i]%86_400_000) / 86_400_000)
	}
	values := make([]float64, n*len(s.labels))
	series := make([]collector.Series, len(s.labels))
	for k, labels := range s.labels {
		if k%4096 == 0 && ctx.Err() != nil {
			return collector.Result{}, ctx.Err()
		}
		own := mix(seed ^ uint64(k)*0x9e3779b97f4a7c15)
		level, swing := 40+20*unit(own), 5+10*unit(mix(own))
		v := values[k*n : (k+1)*n : (k+1)*n]
		for i, t := range times {
			noise := unit(mix(own ^ uint64(t)))
			if seed&1 == 1 {
				// an hour in a few hundred is bad, as a whole
				v[i] = bit(mix(own^uint64(t/3_600_000))%400 == 0)
				continue
			}
			v[i] = level + swing*waves[i] + 6*(noise-0.5)
		}
		series[k] = collector.Series{Labels: labels, Times: times, Values: v}
	}
	return collector.Result{Series: series}, nil
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }
