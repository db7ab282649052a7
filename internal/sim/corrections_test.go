package sim_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/internal/sim"
)

// settled is a quiet cluster that has run for half a working day.
func settled(t *testing.T, seed uint64) (*sim.Cluster, time.Time) {
	t.Helper()
	c := newCluster(t, sim.Options{Nodes: 16, Seed: seed, FaultRate: -1})
	now := start.Add(13 * time.Hour)
	advance(t, c, now)
	return c, now
}

func state(t *testing.T, c *sim.Cluster, name string) sim.NodeState {
	t.Helper()
	s, err := c.Node(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// last is the mean over series of their last sample at or before the end.
func (m *memory) last(metric string, pairs ...string) float64 {
	newest := int64(0)
	m.each(metric, func(s *collector.Series) { newest = max(newest, s.Times[len(s.Times)-1]) }, pairs...)
	sum, n := 0.0, 0.0
	m.each(metric, func(s *collector.Series) {
		if v := s.Values[len(s.Values)-1]; s.Times[len(s.Times)-1] == newest && !math.IsNaN(v) {
			sum, n = sum+v, n+1
		}
	}, pairs...)
	return sum / n
}

// TestCordonMovesLoad: within an hour a cordoned node is empty and cool, the
// services are whole, and the metrics say that it is cordoned; after the
// uncordon it is used again.
func TestCordonMovesLoad(t *testing.T) {
	c, now := settled(t, 4)
	serving, training := c.Busy()
	for _, name := range []string{serving[0], training[0]} {
		before := state(t, c, name)
		heat := advance(t, c, now.Add(2*time.Minute)).last("DCGM_FI_DEV_GPU_TEMP", "node", name)
		if err := c.Cordon(name); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
		m := advance(t, c, now)
		after := state(t, c, name)
		if before.Pods == 0 || after.Pods != 0 || !after.Unschedulable || after.Load > 0.05 || after.Load >= before.Load {
			t.Errorf("%s: got %+v, before %+v; want it empty and idle", name, after, before)
		}
		if got := m.last("DCGM_FI_DEV_GPU_TEMP", "node", name); got > heat-10 {
			t.Errorf("%s: got %.0f °C, before %.0f °C", name, got, heat)
		}
		if got := m.last("kube_node_spec_unschedulable", "node", name); got != 1 {
			t.Errorf("%s: kube_node_spec_unschedulable is %v", name, got)
		}
		if got := m.last("kube_node_spec_taint", "node", name, "effect", "NoSchedule"); got != 1 {
			t.Errorf("%s: kube_node_spec_taint is %v", name, got)
		}
		if want, got := m.last("kube_deployment_spec_replicas"), m.last("kube_deployment_status_replicas_available"); got != want {
			t.Errorf("%v replicas of %v are available", got, want)
		}
	}
	for _, name := range []string{serving[0], training[0]} {
		if err := c.Uncordon(name); err != nil {
			t.Fatal(err)
		}
		if state(t, c, name).Unschedulable {
			t.Errorf("%s: still unschedulable", name)
		}
	}
	advance(t, c, now.Add(48*time.Hour))
	if state(t, c, serving[0]).Pods+state(t, c, training[0]).Pods == 0 {
		t.Error("nobody uses the uncordoned nodes two days later")
	}
}

// TestTaintMovesReplicasSlowly and leaves training alone.
func TestTaintMovesReplicasSlowly(t *testing.T) {
	const key = "driftcast.io/risk"
	c, now := settled(t, 4)
	serving, training := c.Busy()
	for _, name := range []string{serving[0], training[0]} {
		if err := c.Taint(name, key); err != nil {
			t.Fatal(err)
		}
		if got := state(t, c, name).Taints; !slices.Equal(got, []string{key}) {
			t.Errorf("got taints %v", got)
		}
	}
	before := state(t, c, training[0])
	m := advance(t, c, now.Add(10*time.Minute))
	if got := m.last("kube_node_spec_taint", "node", serving[0], "key", key, "effect", "PreferNoSchedule"); got != 1 {
		t.Errorf("kube_node_spec_taint is %v", got)
	}
	if got := state(t, c, training[0]); got.Pods != before.Pods {
		t.Errorf("training was moved: %+v, before %+v", got, before)
	}
	advance(t, c, now.Add(3*time.Hour))
	if got := state(t, c, serving[0]); got.Pods != 0 || got.Unschedulable {
		t.Errorf("got %+v, want no replicas after hours, and it schedulable", got)
	}
	if err := c.Untaint(serving[0], key); err != nil {
		t.Fatal(err)
	}
	m = advance(t, c, now.Add(4*time.Hour))
	if got := m.last("kube_node_spec_taint", "node", serving[0], "key", key); !math.IsNaN(got) {
		t.Errorf("the removed taint is still exposed: %v", got)
	}
}

// TestDrainedNodesFaultHurtsNobody runs twins that differ in one outage only.
func TestDrainedNodesFaultHurtsNobody(t *testing.T) {
	latency := func(drain, outage bool) *memory {
		c, now := settled(t, 9)
		serving, _ := c.Busy()
		if drain {
			if err := c.Cordon(serving[0]); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(90 * time.Minute)
		advance(t, c, now)
		if outage {
			if err := c.Fell(serving[0], 40*time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		m := advance(t, c, now.Add(time.Hour))
		if got := m.last("up", "job", "dcgm-exporter"); math.IsNaN(got) {
			t.Fatal("no exporters")
		}
		return m
	}
	if diff := differ(latency(true, false), latency(true, true), "vllm:"); diff != "" {
		t.Errorf("an outage of a drained node was felt: %s", diff)
	}
	if diff := differ(latency(false, false), latency(false, true), "vllm:"); diff == "" {
		t.Error("an outage of a node in use was not felt")
	}
}

// TestCordonLowersRisk: the lemons of a bad week, cordoned and not.
func TestCordonLowersRisk(t *testing.T) {
	if testing.Short() {
		t.Skip("two weeks take seconds")
	}
	lemons := []string{"gpu-03", "gpu-11"}
	severe := func(cordon bool) (onsets int) {
		c := newCluster(t, sim.Options{Nodes: 12, Seed: 1, FaultRate: 6, Interval: 5 * time.Minute})
		for _, name := range lemons {
			if !cordon {
				continue
			}
			if err := c.Cordon(name); err != nil {
				t.Fatal(err)
			}
		}
		m := newMemory()
		m.only = map[string]bool{"DCGM_FI_DEV_XID_ERRORS": true}
		if _, err := c.Advance(t.Context(), start.Add(7*24*time.Hour), m); err != nil {
			t.Fatal(err)
		}
		for _, name := range lemons {
			n, _ := m.onsets("DCGM_FI_DEV_XID_ERRORS", func(v float64) bool { return v > 45 }, []string{"gpu"}, "node", name)
			onsets += n
		}
		return onsets
	}
	used, cordoned := severe(false), severe(true)
	t.Logf("%d severe XIDs in use, %d cordoned", used, cordoned)
	if used < 5 || cordoned > used/3 {
		t.Errorf("got %d severe XIDs in use, %d cordoned; want far fewer", used, cordoned)
	}
}

func TestCorrectionsOfUnknownNodes(t *testing.T) {
	c := newCluster(t, sim.Options{Nodes: 4})
	_, err := c.Node("gpu-99")
	for name, err := range map[string]error{
		"node": err, "cordon": c.Cordon("gpu-99"), "uncordon": c.Uncordon("gpu-99"),
		"taint": c.Taint("gpu-99", "k"), "untaint": c.Untaint("gpu-99", "k"), "annotate": c.Annotate("gpu-99", "k", "v"),
	} {
		if !errors.Is(err, sim.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
}

func TestAnnotations(t *testing.T) {
	c := newCluster(t, sim.Options{Nodes: 4})
	names := c.Nodes()
	if got := state(t, c, names[3]).Annotations[sim.OptOut]; got != "true" {
		t.Errorf("the last node's opt-out is %q", got)
	}
	if err := c.Annotate(names[0], "a", "b"); err != nil {
		t.Fatal(err)
	}
	if got := state(t, c, names[0]).Annotations["a"]; got != "b" {
		t.Errorf("got %q, want b", got)
	}
	if err := c.Annotate(names[0], "a", ""); err != nil {
		t.Fatal(err)
	}
	if _, ok := state(t, c, names[0]).Annotations["a"]; ok {
		t.Error("the annotation is still there")
	}
}
