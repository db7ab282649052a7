package cluster

import (
	"math"
	"strings"
	"time"
)

func (s *sampler) node(o *Object, n *Node, l *ledger) {
	node := []string{"node", o.Name}
	put := func(name string, value float64, labels ...string) {
		s.put(prefix+"node_"+name, value, append(labels, node...)...)
	}
	for _, c := range n.Conditions {
		for _, status := range []string{"true", "false", "unknown"} {
			put("condition", truth(strings.EqualFold(c.Status, status)), "condition", c.Type, "status", status)
		}
		s.moment(prefix+"node_condition_since_timestamp_seconds", c.Since, append([]string{"condition", c.Type}, node...))
	}
	for _, t := range n.Taints {
		put("taint", 1, "key", t.Key, "value", t.Value, "effect", t.Effect)
	}
	put("unschedulable", truth(n.Unschedulable))
	put("pods", float64(s.nodePods[o.Name]))
	for resource, amount := range n.Capacity {
		put("capacity", amount, "resource", resource, "unit", unit(resource))
	}
	for resource, amount := range n.Allocatable {
		put("allocatable", amount, "resource", resource, "unit", unit(resource))
	}
	for name, version := range n.Versions {
		put("version_info", 1, "component", name, "version", version)
		s.moment(prefix+"node_version_since_timestamp_seconds", l.installed[component{o.key(), name}].at, append([]string{"component", name}, node...))
	}
	s.moment(prefix+"node_spec_changed_timestamp_seconds", l.changes[o.key()], node)
}

// moment puts a time, where it is known.
func (s *sampler) moment(name string, at time.Time, labels []string) {
	if !at.IsZero() {
		s.put(name, float64(at.UnixMilli())/1000, labels...)
	}
}

// unit is as kube-state-metrics writes it.
func unit(resource string) string {
	switch {
	case resource == "cpu":
		return "core"
	case resource == "memory", resource == "ephemeral-storage", resource == "storage", strings.HasPrefix(resource, "hugepages-"):
		return "byte"
	}
	return "integer"
}

func (s *sampler) workload(o *Object, w *Workload, l *ledger) {
	if o.Controller != (Ref{}) || !own(o.Ref) {
		return
	}
	labels := about(o.Group, o.Kind, o.Namespace, o.Name)
	put := func(name string, value float64, more ...string) {
		s.put(prefix+"workload_"+name, value, append(more, labels...)...)
	}
	for _, n := range []struct {
		name  string
		value int64
	}{{"replicas_desired", w.Desired}, {"replicas_available", w.Available}, {"replicas_ready", w.Ready}, {"replicas_updated", w.Updated}} {
		if n.value >= 0 {
			put(n.name, float64(n.value))
		}
	}
	s.moment(prefix+"workload_spec_changed_timestamp_seconds", l.changes[o.key()], labels)
	running := s.pods[o.Ref]
	for name, image := range w.Images {
		digest := ""
		if running != nil {
			digest = running.digests[name]
		}
		put("image_info", 1, "container", name, "image", image, "digest", digest)
	}
	r := l.rollouts[o.key()]
	if r == nil {
		return
	}
	put("generation", float64(o.Generation))
	put("observed_generation", float64(w.Observed))
	known := l.revisions[o.key()]
	revision := w.Revision
	if o.Kind == "DaemonSet" && known.name != "" {
		revision = known.name
	}
	put("rollout_info", 1, "revision", revision)
	put("rollout_in_progress", truth(r.running))
	put("rollout_stalled", truth(r.running && r.stalled))
	started := r.started
	if started.IsZero() {
		started = known.created
	}
	s.moment(prefix+"workload_rollout_started_timestamp_seconds", started, labels)
	s.moment(prefix+"workload_rollout_finished_timestamp_seconds", r.finished, labels)
}

// pods are the sums over the pods of a workload.
type pods struct {
	phases  map[string]int
	waiting map[string]int
	digests map[string]string // by container, of the newest pod that has one
	newest  map[string]time.Time
}

func (s *sampler) count(owner Ref, o *Object, p *Pod) {
	sum := s.pods[owner]
	if sum == nil {
		sum = &pods{phases: map[string]int{}, waiting: map[string]int{}, digests: map[string]string{}, newest: map[string]time.Time{}}
		s.pods[owner] = sum
	}
	sum.phases[p.Phase]++
	if p.Node != "" && !p.Terminating && p.Phase != "Succeeded" && p.Phase != "Failed" {
		s.nodePods[p.Node]++
	}
	for _, c := range p.Containers {
		if c.Waiting != "" {
			sum.waiting[c.Waiting]++
		}
		if c.Digest != "" && !o.Created.Before(sum.newest[c.Name]) {
			sum.digests[c.Name], sum.newest[c.Name] = c.Digest, o.Created
		}
	}
}

func (s *sampler) podSums(owner Ref, sum *pods) {
	if !own(owner) {
		return // a pod that nothing made, or something that is no workload to us
	}
	labels := about(owner.Group, owner.Kind, owner.Namespace, owner.Name)
	for _, phase := range []string{"Pending", "Running", "Succeeded", "Failed", "Unknown"} {
		s.put(prefix+"workload_pods", float64(sum.phases[phase]), append([]string{"phase", phase}, labels...)...)
	}
	for reason, n := range sum.waiting {
		s.put(prefix+"workload_pods_waiting", float64(n), append([]string{"reason", reason}, labels...)...)
	}
}

func (s *sampler) scaler(o *Object, h *Scaler) {
	labels := about(o.Group, o.Kind, o.Namespace, o.Name)
	if target := about(h.Target.Group, h.Target.Kind, "", h.Target.Name); own(h.Target) {
		labels = append(labels, target[2:]...)
	}
	name := prefix + "horizontalpodautoscaler_"
	for _, b := range []struct {
		bound string
		n     int64
	}{{"desired", h.Desired}, {"current", h.Current}, {"min", h.Min}, {"max", h.Max}} {
		s.put(name+"replicas", float64(b.n), append([]string{"bound", b.bound}, labels...)...)
	}
	s.put(name+"limited", truth(h.Limited), labels...)
	s.put(name+"active", truth(h.Active), labels...)
}

func (s *sampler) budget(o *Object, b *Budget) {
	labels := about(o.Group, o.Kind, o.Namespace, o.Name)
	name := prefix + "poddisruptionbudget_"
	s.put(name+"disruptions_allowed", float64(b.Allowed), labels...)
	for _, state := range []struct {
		name string
		n    int64
	}{{"healthy", b.Healthy}, {"wanted", b.Wanted}, {"expected", b.Expected}} {
		s.put(name+"pods", float64(state.n), append([]string{"state", state.name}, labels...)...)
	}
}

func (s *sampler) delivery(o *Object, d *Delivery) {
	labels := append(about(o.Group, o.Kind, o.Namespace, o.Name), "tool", d.Tool)
	synced, healthy := math.NaN(), math.NaN()
	switch d.Sync {
	case "Synced":
		synced = 1
	case "OutOfSync":
		synced = 0
	}
	switch d.Health {
	case "Healthy":
		healthy = 1
	case "Degraded", "Missing":
		healthy = 0
	}
	s.put(prefix+"delivery_synced", synced, labels...)
	s.put(prefix+"delivery_healthy", healthy, labels...)
	s.put(prefix+"delivery_info", 1, append([]string{"revision", d.Revision, "sync", d.Sync, "health", d.Health}, labels...)...)
}
