package sim_test

import (
	"math"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

// TestFortnight counts what begins in the demo's 14 days: enough of each kind
// to learn from, and none of them all the time.
func TestFortnight(t *testing.T) {
	c := newCluster(t, sim.Options{Seed: 1, Interval: 5 * time.Minute})
	m := newMemory()
	m.only = map[string]bool{
		"kube_node_status_condition": true, "kube_node_spec_unschedulable": true, "kube_node_status_allocatable": true, "up": true,
		"scrape_duration_seconds": true, "DCGM_FI_DEV_ROW_REMAP_PENDING": true, "DCGM_FI_DEV_ROW_REMAP_FAILURE": true,
		"DCGM_FI_DEV_GPU_TEMP": true, "DCGM_FI_DEV_XID_ERRORS": true, "kube_deployment_status_replicas_available": true,
		"vllm:num_requests_waiting": true, "vllm:time_to_first_token_seconds_bucket": true, "kueue_pending_workloads": true,
		"DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL": true, "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": true,
	}
	if _, err := c.Advance(t.Context(), start.Add(14*24*time.Hour), m); err != nil {
		t.Fatal(err)
	}
	t.Log("struck:", c.Faults())

	is := func(want float64) func(float64) bool { return func(v float64) bool { return v == want } }
	from := func(bound float64) func(float64) bool { return func(v float64) bool { return v >= bound } }
	node, gpu := []string{"node"}, []string{"node", "gpu"}
	wanted := map[string]float64{"chat-70b": 4, "code-34b": 4, "vision-11b": 3, "chat-8b": 4, "summary-8b": 3}
	for _, e := range []struct {
		name   string
		least  int // in 14 days
		onsets func() (int, float64)
	}{
		{"node not ready", 30, func() (int, float64) { return m.onsets("kube_node_status_condition", is(0), node, "status", "true") }},
		{"node cordoned by its people", 30, func() (int, float64) { return m.onsets("kube_node_spec_unschedulable", is(1), node) }},
		{"allocatable < capacity", 10, func() (int, float64) {
			return m.onsets("kube_node_status_allocatable", func(v float64) bool { return v < 8 }, node)
		}},
		{"exporter does not answer", 50, func() (int, float64) { return m.onsets("up", is(0), node, "job", "dcgm-exporter") }},
		{"scrape takes 0.3 s", 50, func() (int, float64) {
			return m.onsets("scrape_duration_seconds", from(0.3), node, "job", "dcgm-exporter")
		}},
		{"row remap pending", 15, func() (int, float64) { return m.onsets("DCGM_FI_DEV_ROW_REMAP_PENDING", is(1), gpu) }},
		{"row remap failure", 2, func() (int, float64) { return m.onsets("DCGM_FI_DEV_ROW_REMAP_FAILURE", is(1), gpu) }},
		{"GPU at 82 °C", 20, func() (int, float64) { return m.onsets("DCGM_FI_DEV_GPU_TEMP", from(82), gpu) }},
		{"GPU over 87 °C", 5, func() (int, float64) { return m.onsets("DCGM_FI_DEV_GPU_TEMP", from(88), gpu) }},
		{"severe XID", 40, func() (int, float64) {
			return m.onsets("DCGM_FI_DEV_XID_ERRORS", from(46), gpu)
		}},
		{"replicas unavailable", 20, func() (int, float64) {
			n, share := 0, 0.0
			for name, want := range wanted {
				k, s := m.onsets("kube_deployment_status_replicas_available", func(v float64) bool { return v < want }, []string{"deployment"}, "deployment", name)
				n, share = n+k, share+s/float64(len(wanted))
			}
			return n, share
		}},
		{"20 requests wait", 20, func() (int, float64) { return m.onsets("vllm:num_requests_waiting", from(20), []string{"service"}) }},
		{"p99 TTFT over 2 s", 20, func() (int, float64) { return onsets(m.ttft(0.99), from(2)) }},
		{"jobs pending", 10, func() (int, float64) { return m.onsets("kueue_pending_workloads", from(1), []string{"cluster_queue"}) }},
	} {
		n, share := e.onsets()
		t.Logf("%-28s %4d onsets, %5.2f %% of the time", e.name, n, 100*share)
		if n < e.least || share > 0.6 {
			t.Errorf("%s: got %d onsets, %.2f of the time, want at least %d, at most 0.6", e.name, n, share, e.least)
		}
	}
	for service, at := range m.ttft(0.99) {
		best, worst, sum := math.Inf(1), 0.0, 0.0
		for _, v := range at.values {
			best, worst, sum = min(best, v), max(worst, v), sum+v
		}
		t.Logf("p99 TTFT of %-11s %.2f … %.2f s, mean %.2f s", service, best, worst, sum/float64(len(at.values)))
	}
}

// ttft is a quantile of the time to first token of each service at each scrape.
func (m *memory) ttft(q float64) map[string]*track {
	type key struct {
		service string
		t       int64
	}
	counts := map[key][]float64{} // by bound
	bounds := map[string]int{}
	var edges []float64
	m.each("vllm:time_to_first_token_seconds_bucket", func(s *collector.Series) {
		le := s.Labels[1:].Value("le")
		b, ok := bounds[le]
		if !ok {
			b = len(edges)
			bounds[le] = b
			edges = append(edges, parse(le))
		}
		for i := 1; i < len(s.Times); i++ {
			if rise := s.Values[i] - s.Values[i-1]; rise >= 0 {
				k := key{s.Labels[1:].Value("service"), s.Times[i]}
				for len(counts[k]) <= b {
					counts[k] = append(counts[k], 0)
				}
				counts[k][b] += rise
			}
		}
	})
	out := map[string]*track{}
	for k, c := range counts {
		if out[k.service] == nil {
			out[k.service] = &track{}
		}
		rank := q * c[len(c)-1]
		for i := range c {
			if c[i] < rank {
				continue
			}
			low, below := 0.0, 0.0
			if i > 0 {
				low, below = edges[i-1], c[i-1]
			}
			if c[i] > below {
				out[k.service].times = append(out[k.service].times, k.t)
				out[k.service].values = append(out[k.service].values, low+(min(edges[i], 1e4)-low)*(rank-below)/(c[i]-below))
			}
			break
		}
	}
	return out
}
