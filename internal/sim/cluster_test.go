package sim_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]sim.Options{
		"no start":        {},
		"three nodes":     {Start: start, Nodes: 3},
		"one GPU a node":  {Start: start, GPUsPerNode: 1},
		"a long interval": {Start: start, Interval: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := sim.New(o); err == nil {
				t.Error("got no error")
			}
		})
	}
}

// TestSameSeedSameFate: however Advance is cut, one seed is one history, and
// another seed is another.
func TestSameSeedSameFate(t *testing.T) {
	end := start.Add(time.Hour)
	o := sim.Options{Nodes: 4, Seed: 7, FaultRate: 30}
	want := advance(t, newCluster(t, o), end)
	rapid.Check(t, func(t *rapid.T) {
		c, err := sim.New(sim.Options{Nodes: 4, Seed: 7, FaultRate: 30, Start: start, Batch: time.Duration(rapid.IntRange(1, 500).Draw(t, "batch")) * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		got := newMemory()
		for at := start; at.Before(end); {
			at = at.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "minutes")) * time.Minute)
			if at.After(end) {
				at = end
			}
			if _, err := c.Advance(t.Context(), at, got); err != nil {
				t.Fatal(err)
			}
		}
		if diff := differ(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
	o.Seed = 8
	if differ(want, advance(t, newCluster(t, o), end)) == "" {
		t.Error("another seed has the same history")
	}
}

// differ names a series in which two histories are not the same, bit by bit.
func differ(a, b *memory, metrics ...string) string {
	for _, pair := range [][2]*memory{{a, b}, {b, a}} {
		for id, s := range pair[0].series {
			if len(metrics) > 0 && !strings.HasPrefix(id, metrics[0]) {
				continue
			}
			other, ok := pair[1].series[id]
			if !ok {
				return id + " is missing"
			}
			if !slices.Equal(s.Times, other.Times) {
				return id + " has other times"
			}
			for i, v := range s.Values {
				if math.Float64bits(v) != math.Float64bits(other.Values[i]) {
					return id + " has other values"
				}
			}
		}
	}
	return ""
}

// TestExposition: times ascend on the grid, labels are sorted, buckets are
// monotone at each scrape, and counters fall only where something restarted.
func TestExposition(t *testing.T) {
	c := newCluster(t, sim.Options{Nodes: 6, Seed: 5, FaultRate: 10})
	m := advance(t, c, start.Add(18*time.Hour))
	restarts := map[string]*collector.Series{}
	m.each("kube_pod_container_status_restarts_total", func(s *collector.Series) { restarts[s.Labels[1:].Value("pod")] = s })
	type point struct {
		pod string
		t   int64
	}
	buckets := map[point]float64{}
	for _, id := range m.order {
		s := m.series[id]
		name, labels := s.Labels[0].Value, s.Labels[1:]
		for i := range labels {
			if i > 0 && labels[i-1].Name >= labels[i].Name {
				t.Fatalf("%s: labels not sorted", id)
			}
		}
		counter := strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_count")
		last := math.NaN()
		for i, at := range s.Times {
			if i > 0 && at <= s.Times[i-1] || (at-start.UnixMilli())%60_000 != 0 {
				t.Fatalf("%s: time %d after %d", id, at, s.Times[max(0, i-1)])
			}
			v := s.Values[i]
			if math.IsNaN(v) {
				continue
			}
			if counter && v < last && !rose(restarts[labels.Value("pod")], s.Times[0], at) {
				t.Fatalf("%s fell from %v to %v at %d though nothing restarted", id, last, v, at)
			}
			last = v
			if name == "vllm:e2e_request_latency_seconds_bucket" { // in order of le, as opened
				p := point{labels.Value("pod"), at}
				if v < buckets[p] {
					t.Fatalf("%s: %v below the bucket before it, %v", id, v, buckets[p])
				}
				buckets[p] = v
			}
		}
	}
	if len(restarts) == 0 || len(buckets) == 0 {
		t.Fatal("no pods seen")
	}
}

// rose says whether a counter rose in [from, to].
func rose(s *collector.Series, from, to int64) bool {
	first := math.NaN()
	for i, at := range s.Times {
		if at < from || at > to || math.IsNaN(s.Values[i]) {
			continue
		}
		if math.IsNaN(first) {
			first = s.Values[i]
		}
		if s.Values[i] > first {
			return true
		}
	}
	return false
}

// TestServedWithinCapacity at every step of a bad week.
func TestServedWithinCapacity(t *testing.T) {
	c := newCluster(t, sim.Options{Nodes: 8, Seed: 2, FaultRate: 10, Interval: 5 * time.Minute})
	var sink counter
	total := 0.0
	for at := start; at.Before(start.Add(7 * 24 * time.Hour)); at = at.Add(5 * time.Minute) {
		if _, err := c.Advance(t.Context(), at, &sink); err != nil {
			t.Fatal(err)
		}
		served, capacity := c.Served()
		if served > capacity*(1+1e-9) {
			t.Fatalf("at %s: served %v of %v", at, served, capacity)
		}
		total += served
	}
	if total == 0 {
		t.Error("nothing was served")
	}
}
