package sim_test

import (
	"math"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

func openHistory(t testing.TB) *collector.History {
	t.Helper()
	h, err := collector.OpenHistory(collector.HistoryOptions{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// backfill writes a cluster's past into History as the demo does.
func backfill(t testing.TB, c *sim.Cluster, h *collector.History, to time.Time) int {
	t.Helper()
	var bulks []sim.Bulk
	for range 2 {
		b, err := h.Bulk()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		bulks = append(bulks, b)
	}
	n, err := c.Backfill(t.Context(), to, nil, bulks...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPromQL asks real questions over a day of real History.
func TestPromQL(t *testing.T) {
	h := openHistory(t)
	c := newCluster(t, sim.Options{Nodes: 12, Seed: 3, Interval: 150 * time.Second, FaultRate: -1})
	end := start.Add(24 * time.Hour)
	if n := backfill(t, c, h, end); n == 0 {
		t.Fatal("nothing written")
	}
	day := collector.Window{Start: start.Add(time.Hour), End: end, Step: 5 * time.Minute}
	for _, q := range []struct {
		name, expr string
		series     int
		lo, hi     float64
	}{
		{"time to first token at its 99th percentile", `histogram_quantile(0.99, sum by (namespace, service, le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))`, 5, 0.1, 60},
		{"median whole latency", `histogram_quantile(0.5, sum by (namespace, service, le) (rate(vllm:e2e_request_latency_seconds_bucket[5m])))`, 5, 1, 90},
		{"mean latency from sum and count", `sum by (service) (rate(vllm:e2e_request_latency_seconds_sum[5m])) / sum by (service) (rate(vllm:e2e_request_latency_seconds_count[5m]))`, 5, 1, 120},
		{"temperature of each GPU", `max by (node, gpu) (DCGM_FI_DEV_GPU_TEMP)`, 96, 25, 95},
		{"power of the whole cluster", `sum(DCGM_FI_DEV_POWER_USAGE)`, 1, 96 * 75, 96 * 700},
		{"nodes ready", `sum(kube_node_status_condition{condition="Ready",status="true"})`, 1, 8, 12},
		{"allocatable is capacity", `kube_node_status_allocatable{resource="nvidia_com_gpu"} / on (node) kube_node_status_capacity{resource="nvidia_com_gpu"}`, 12, 1, 1},
		{"KV cache", `avg by (service) (vllm:kv_cache_usage_perc)`, 5, 0, 1},
		{"XIDs in the window", `sum(DCGM_EXP_XID_ERRORS_COUNT)`, 1, 0, 0},
		{"thermal share", `max(rate(DCGM_FI_DEV_THERMAL_VIOLATION[10m])) / 1e9`, 1, 0, 1},
	} {
		t.Run(q.name, func(t *testing.T) {
			got, err := h.QueryRange(t.Context(), q.expr, day)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Series) != q.series {
				t.Fatalf("got %d series, want %d", len(got.Series), q.series)
			}
			for _, s := range got.Series {
				if missing := day.Len() - len(s.Times); missing > day.Len()/10 {
					t.Errorf("%v: %d of %d points missing", s.Labels, missing, day.Len())
				}
				for _, v := range s.Values {
					if math.IsNaN(v) || v < q.lo || v > q.hi {
						t.Fatalf("%v: got %v, want %v to %v", s.Labels, v, q.lo, q.hi)
					}
				}
			}
		})
	}
}

// TestPrometheus keeps the scraped future out of the past's way: an answer has
// everything up to the end of its window, and nothing later.
func TestPrometheus(t *testing.T) {
	h := openHistory(t)
	c := newCluster(t, sim.Options{Nodes: 4, Seed: 3})
	now := start
	clock := sim.NewClock(start, 60, func() time.Time { return now })
	source := sim.NewPrometheus(c, clock, h)
	ask := func(w collector.Window) int {
		t.Helper()
		got, err := source.QueryRange(t.Context(), `up{job="dcgm-exporter"}`, w)
		if err != nil {
			t.Fatal(err)
		}
		points := 0
		for _, s := range got.Series {
			points += len(s.Times)
		}
		return points
	}
	now = now.Add(10 * time.Second) // ten minutes there
	if got, want := ask(collector.Window{Start: start, End: start.Add(5 * time.Minute), Step: time.Minute}), 4*6; got != want {
		t.Errorf("got %d points, want %d", got, want)
	}
	if got, want := c.Now(), start.Add(5*time.Minute); !got.Equal(want) {
		t.Errorf("cluster at %s, want %s: no further than it was asked", got, want)
	}
	ask(collector.Window{Start: start, End: start.Add(time.Hour), Step: time.Minute})
	if got, want := c.Now(), start.Add(10*time.Minute); !got.Equal(want) {
		t.Errorf("cluster at %s, want %s: no further than the clock", got, want)
	}
}

// BenchmarkFortnight is the demo's start: 14 days of 24×8 GPUs into History.
func BenchmarkFortnight(b *testing.B) {
	for b.Loop() {
		h := openHistory(b)
		c := newCluster(b, sim.Options{Seed: 1, Interval: 150 * time.Second})
		began := time.Now()
		n := backfill(b, c, h, start.Add(14*24*time.Hour))
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "samples/s")
		b.ReportMetric(float64(n), "samples")
	}
}
