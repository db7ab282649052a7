package sim_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

// TestBadRolloutRaisesLatency until it is rolled back, against a twin without.
func TestBadRolloutRaisesLatency(t *testing.T) {
	const service = "code-34b"
	live := func(bad bool) (generations, means []float64) {
		c, now := settled(t, 6)
		if bad {
			c.Ship(service, 1.6, 5*time.Hour)
		}
		for _, hours := range []time.Duration{2, 2, 20, 1} { // replaced one by one; bad; rolled back; good
			now = now.Add(hours * time.Hour)
			m := advance(t, c, now)
			generations = append(generations, m.last("kube_deployment_metadata_generation", "deployment", service))
			means = append(means, m.rise("vllm:e2e_request_latency_seconds_sum", "service", service)/m.rise("vllm:e2e_request_latency_seconds_count", "service", service))
		}
		return generations, means
	}
	_, good := live(false)
	generations, bad := live(true)
	if want := []float64{2, 2, 3, 3}; !slices.Equal(generations, want) {
		t.Errorf("got generations %v, want %v", generations, want)
	}
	if bad[1] < 1.4*good[1] {
		t.Errorf("latency %.1f s with the bad image, %.1f s without", bad[1], good[1])
	}
	if bad[3] > 1.1*good[3] {
		t.Errorf("latency %.1f s after the rollback, %.1f s without the rollout", bad[3], good[3])
	}
}

// rise sums how much the counters of a metric rose.
func (m *memory) rise(metric string, pairs ...string) float64 {
	sum := 0.0
	m.each(metric, func(s *collector.Series) {
		for i := 1; i < len(s.Values); i++ {
			if d := s.Values[i] - s.Values[i-1]; d > 0 {
				sum += d
			}
		}
	}, pairs...)
	return sum
}

// TestPrecursors: before a row remap is pending the correctable ones rise, and
// before a node is lost its scrapes slow down; often, and not always.
func TestPrecursors(t *testing.T) {
	if testing.Short() {
		t.Skip("14 days take seconds")
	}
	c := newCluster(t, sim.Options{Seed: 11, FaultRate: 2, Interval: 5 * time.Minute})
	m := newMemory()
	m.only = map[string]bool{
		"DCGM_FI_DEV_ROW_REMAP_PENDING": true, "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS": true,
		"scrape_duration_seconds": true, "kube_node_status_condition": true, "kube_node_spec_unschedulable": true,
	}
	if _, err := c.Advance(t.Context(), start.Add(10*24*time.Hour), m); err != nil {
		t.Fatal(err)
	}
	t.Run("row remaps", func(t *testing.T) {
		rows := m.joined("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "node", "gpu")
		told, silent := 0, 0
		usual := 0.0
		for _, s := range rows {
			usual += (s[newest(s)] - s[oldest(s)]) / 20 / float64(len(rows)) // in twelve hours
		}
		for key, s := range m.joined("DCGM_FI_DEV_ROW_REMAP_PENDING", "node", "gpu") {
			for _, at := range rises(s, 12*time.Hour) {
				if rise := rows[key][at] - before(rows[key], at, 12*time.Hour); rise >= 2 {
					told++
				} else {
					silent++
				}
			}
		}
		t.Logf("%d announced, %d not; usual rise in 12 h %.3f", told, silent, usual)
		if told < 10 || silent < 3 || told < silent || usual > 0.5 {
			t.Errorf("got %d announced, %d not, usual rise %.2f", told, silent, usual)
		}
	})
	t.Run("scrape duration", func(t *testing.T) {
		durations, cordons := m.joined("scrape_duration_seconds", "node"), m.joined("kube_node_spec_unschedulable", "node")
		told, silent := 0, 0
		for key, s := range m.joined("kube_node_status_condition", "node", "status") {
			node := key[:len(key)-len("/unknown")]
			if key != node+"/unknown" {
				continue
			}
			for _, at := range rises(s, 2*time.Hour) {
				if cordons[node][at] == 1 {
					continue // maintenance
				}
				sum, n := 0.0, 0.0
				for t, v := range durations[node] {
					if t < at && t >= at-3_600_000 && v < 5 {
						sum, n = sum+v, n+1
					}
				}
				if n == 0 || sum/n > 0.18 {
					told++
				} else {
					silent++
				}
			}
		}
		t.Logf("%d announced, %d not", told, silent)
		if told < 15 || silent < 10 {
			t.Errorf("got %d announced, %d not: want many of both", told, silent)
		}
	})
}

// joined merges a metric's series by labels: key → time → value, without NaN.
func (m *memory) joined(metric string, by ...string) map[string]map[int64]float64 {
	out := map[string]map[int64]float64{}
	m.each(metric, func(s *collector.Series) {
		key := ""
		for i, l := range by {
			if i > 0 {
				key += "/"
			}
			key += s.Labels[1:].Value(l)
		}
		if out[key] == nil {
			out[key] = map[int64]float64{}
		}
		for i, t := range s.Times {
			if !math.IsNaN(s.Values[i]) {
				out[key][t] = s.Values[i]
			}
		}
	})
	return out
}

// rises are the times at which s becomes 1, from warm-up after its first.
func rises(s map[int64]float64, warm time.Duration) (at []int64) {
	for t, v := range s {
		if was, ok := s[t-300_000]; v == 1 && ok && was == 0 && t > start.Add(warm).UnixMilli() {
			at = append(at, t)
		}
	}
	return at
}

func before(s map[int64]float64, t int64, d time.Duration) float64 {
	for at := t - d.Milliseconds(); at <= t; at += 300_000 {
		if v, ok := s[at]; ok {
			return v
		}
	}
	return math.NaN()
}

func newest(s map[int64]float64) (t int64) {
	for at := range s {
		t = max(t, at)
	}
	return t
}

func oldest(s map[int64]float64) int64 {
	t := int64(math.MaxInt64)
	for at := range s {
		t = min(t, at)
	}
	return t
}
