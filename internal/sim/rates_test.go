package sim_test

import (
	"testing"
	"time"

	"github.com/driftcast/driftcast/internal/sim"
)

// TestFortnight prints what happens in the demo's history.
func TestFortnight(t *testing.T) {
	c := newCluster(t, sim.Options{Seed: 1, Interval: 2 * time.Minute})
	began := time.Now()
	m := advance(t, c, start.Add(14*24*time.Hour))
	t.Logf("%d samples of %d series in %s", m.marks, len(m.order), time.Since(began))
	t.Log("struck", c.Faults())
	is := func(want float64) func(float64) bool { return func(v float64) bool { return v == want } }
	over := func(bound float64) func(float64) bool { return func(v float64) bool { return v >= bound } }
	node, gpu := []string{"node"}, []string{"node", "gpu"}
	for _, e := range []struct {
		name string
		n    int
	}{
		{"node not ready", m.onsets("kube_node_status_condition", is(0), node, "status", "true")},
		{"unschedulable", m.onsets("kube_node_spec_unschedulable", is(1), node)},
		{"allocatable short", m.onsets("kube_node_status_allocatable", func(v float64) bool { return v < 8 }, node)},
		{"scrape fails", m.onsets("up", is(0), node, "job", "dcgm-exporter")},
		{"scrape > 0.3s", m.onsets("scrape_duration_seconds", over(0.3), node)},
		{"uncorrectable", m.onsets("DCGM_FI_DEV_ROW_REMAP_PENDING", is(1), gpu)},
		{"remap failure", m.onsets("DCGM_FI_DEV_ROW_REMAP_FAILURE", is(1), gpu)},
		{"hot 82", m.onsets("DCGM_FI_DEV_GPU_TEMP", over(82), gpu)},
		{"hot 87", m.onsets("DCGM_FI_DEV_GPU_TEMP", over(87.5), gpu)},
		{"xid 74", m.onsets("DCGM_FI_DEV_XID_ERRORS", is(74), gpu)},
		{"xid 79", m.onsets("DCGM_FI_DEV_XID_ERRORS", is(79), gpu)},
		{"xid any", m.onsets("DCGM_EXP_XID_ERRORS_COUNT", over(1), gpu)},
		{"replicas short", m.onsets("kube_deployment_status_replicas_available", func(v float64) bool { return v < 5 }, []string{"deployment"})},
		{"waiting > 20", m.onsets("vllm:num_requests_waiting", over(20), []string{"service"})},
		{"queue pending", m.onsets("kueue_pending_workloads", over(1), []string{"cluster_queue"})},
	} {
		t.Logf("%-20s %d", e.name, e.n)
	}
}
