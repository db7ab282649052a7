package drift

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/cluster"
)

// unobserved tells of a workload whose controller has not seen its newest
// generation for a while: what is declared has not even begun to happen.
func unobserved(o *cluster.Object, now time.Time, patience time.Duration) (f Finding, ok bool) {
	w, isWorkload := o.Facts.(*cluster.Workload)
	switch o.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return f, false
	}
	if !isWorkload || w.Observed >= o.Generation {
		return f, false
	}
	since := o.Created
	for i := range o.Managers {
		if m := &o.Managers[i]; m.Subresource != "status" && m.Time.After(since) {
			since = m.Time
		}
	}
	if now.Sub(since) < patience {
		return f, false
	}
	return Finding{Object: o.Ref, UID: string(o.UID), Verdict: Drifted, Source: SourceStatus, Confidence: trust(SourceStatus), ComparedAt: now,
		Differences: []Difference{{Path: "/status/observedGeneration", Kind: Unobserved, Declared: text(o.Generation, true), Live: text(w.Observed, true), Since: since}}}, true
}

// short tells of a node that offers less of an extended resource than it has:
// GPUs that the device plugin calls unhealthy.
func short(o *cluster.Object, now time.Time) (f Finding, ok bool) {
	n, isNode := o.Facts.(*cluster.Node)
	if !isNode {
		return f, false
	}
	f = Finding{Object: o.Ref, UID: string(o.UID), Verdict: Drifted, Source: SourceStatus, Confidence: trust(SourceStatus), ComparedAt: now}
	for _, resource := range slices.Sorted(maps.Keys(n.Capacity)) {
		if !strings.Contains(resource, "/") || n.Allocatable[resource] >= n.Capacity[resource] {
			continue
		}
		f.Differences = append(f.Differences, Difference{Path: Pointer{"status", "allocatable", resource}.String(), Kind: Resources,
			Declared: text(n.Capacity[resource], true), Live: text(n.Allocatable[resource], true)})
	}
	return f, len(f.Differences) > 0
}

// scaledBy is the workload whose replicas an autoscaler owns.
func scaledBy(o *cluster.Object) (key, bool) {
	target := Pointer{"spec", "scaleTargetRef"}
	switch {
	case o.Kind == "HorizontalPodAutoscaler":
	case o.Kind == "ScaledObject" && strings.HasPrefix(o.Group, "keda"):
	default:
		return key{}, false
	}
	body, err := cluster.Decode(o.Body)
	if err != nil {
		return key{}, false
	}
	word := func(name string) string {
		value, _ := lookup(body, target.child(name), nil)
		s, _ := value.(string)
		return s
	}
	k := key{group: "apps", kind: word("kind"), namespace: o.Namespace, name: word("name")}
	if k.kind == "" {
		k.kind = "Deployment"
	}
	if version := word("apiVersion"); version != "" {
		k.group = ""
		if group, _, ok := strings.Cut(version, "/"); ok {
			k.group = group
		}
	}
	return k, k.name != ""
}
