package cluster

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// facts reads the facts of the kinds that have some.
func (t Transform) facts(ref Ref, u *unstructured.Unstructured) Facts {
	object := u.Object
	switch ref.Group + "/" + ref.Kind {
	case "/Node":
		return t.node(u)
	case "/Pod":
		return pod(u)
	case "/Event", "events.k8s.io/Event":
		return t.event(u)
	case "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet", "apps/ControllerRevision", "batch/Job", "batch/CronJob":
		return t.workload(ref, u)
	case "autoscaling/HorizontalPodAutoscaler":
		return scaler(ref, object)
	case "policy/PodDisruptionBudget":
		return &Budget{
			Allowed: whole(object, "status", "disruptionsAllowed"), Healthy: whole(object, "status", "currentHealthy"),
			Wanted: whole(object, "status", "desiredHealthy"), Expected: whole(object, "status", "expectedPods"),
			Selector: words(object, "spec", "selector", "matchLabels"),
		}
	case "argoproj.io/Application", "kustomize.toolkit.fluxcd.io/Kustomization", "helm.toolkit.fluxcd.io/HelmRelease":
		return t.delivery(ref, object)
	}
	return nil
}

func (t Transform) node(u *unstructured.Unstructured) *Node {
	object := u.Object
	n := &Node{
		Conditions: conditions(object), Unschedulable: flag(object, "spec", "unschedulable"),
		Capacity: quantities(object, "capacity"), Allocatable: quantities(object, "allocatable"),
		Versions: map[string]string{},
	}
	for _, taint := range items(object, "spec", "taints") {
		n.Taints = append(n.Taints, Taint{Key: intern(text(taint, "key")), Value: intern(text(taint, "value")), Effect: intern(text(taint, "effect"))})
	}
	slices.SortFunc(n.Taints, func(a, b Taint) int { return strings.Compare(a.Key+"\x00"+a.Effect, b.Key+"\x00"+b.Effect) })
	for component, field := range map[string]string{
		"kubelet": "kubeletVersion", "runtime": "containerRuntimeVersion", "kernel": "kernelVersion", "os": "osImage",
	} {
		if version := text(object, "status", "nodeInfo", field); version != "" {
			n.Versions[component] = intern(version)
		}
	}
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	for component, names := range t.Versions {
		for _, name := range names {
			if version := joined(name, labels, annotations); version != "" {
				n.Versions[intern(component)] = intern(version)
				break
			}
		}
	}
	return n
}

// joined reads a version from a label, or from several that are its parts.
func joined(names string, labels, annotations map[string]string) string {
	parts := strings.Split(names, ",")
	for i, name := range parts {
		value := labels[name]
		if value == "" {
			value = annotations[name]
		}
		if value == "" {
			return ""
		}
		parts[i] = value
	}
	return strings.Join(parts, ".")
}

func conditions(object map[string]any) (out []Condition) {
	for _, c := range items(object, "status", "conditions") {
		one := Condition{Type: intern(text(c, "type")), Status: intern(text(c, "status")), Reason: intern(text(c, "reason")), Since: moment(c, "lastTransitionTime")}
		if one.Updated = moment(c, "lastUpdateTime"); one.Updated.IsZero() {
			one.Updated = one.Since
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Condition) int { return strings.Compare(a.Type, b.Type) })
	return out
}

// condition finds one by its type.
func condition(list []Condition, kind string) Condition {
	for _, c := range list {
		if c.Type == kind {
			return c
		}
	}
	return Condition{}
}

func quantities(object map[string]any, field string) map[string]float64 {
	m := branch(object, "status", field)
	out := make(map[string]float64, len(m))
	for name := range m {
		if q, err := resource.ParseQuantity(text(m, name)); err == nil {
			out[intern(name)] = q.AsApproximateFloat64()
		}
	}
	return out
}

func pod(u *unstructured.Unstructured) *Pod {
	object := u.Object
	list := conditions(object)
	p := &Pod{
		Phase: intern(text(object, "status", "phase")), Node: intern(text(object, "spec", "nodeName")),
		Ready: condition(list, "Ready").Status == "True", Terminating: u.GetDeletionTimestamp() != nil,
	}
	if text(object, "status", "reason") == "Evicted" {
		p.Evicted = "Evicted"
	} else if c := condition(list, "DisruptionTarget"); c.Status == "True" {
		p.Evicted = c.Reason
	}
	for _, field := range []string{"containerStatuses", "initContainerStatuses"} {
		for _, s := range items(object, "status", field) {
			p.Containers = append(p.Containers, container(s))
		}
	}
	return p
}

func container(s map[string]any) Container {
	c := Container{Name: intern(text(s, "name")), Restarts: whole(s, "restartCount"), Waiting: intern(text(s, "state", "waiting", "reason"))}
	last := branch(s, "lastState", "terminated")
	if last == nil {
		last = branch(s, "state", "terminated")
	}
	if last != nil {
		c.Last, c.Finished = intern(text(last, "reason")), moment(last, "finishedAt")
	}
	if _, digest, ok := strings.Cut(text(s, "imageID"), "@"); ok {
		c.Digest = intern(digest)
	}
	return c
}

func scaler(ref Ref, object map[string]any) *Scaler {
	target := branch(object, "spec", "scaleTargetRef")
	group, version, found := strings.Cut(text(target, "apiVersion"), "/")
	if !found {
		group, version = "", group
	}
	list := conditions(object)
	s := &Scaler{
		Target: Ref{Group: intern(group), Version: intern(version), Kind: intern(text(target, "kind")), Namespace: ref.Namespace, Name: intern(text(target, "name"))},
		Min:    1, Max: whole(object, "spec", "maxReplicas"),
		Desired: whole(object, "status", "desiredReplicas"), Current: whole(object, "status", "currentReplicas"),
		Able: condition(list, "AbleToScale").Status == "True", Active: condition(list, "ScalingActive").Status == "True",
		Limited: condition(list, "ScalingLimited").Status == "True",
	}
	if low, ok := number(object, "spec", "minReplicas"); ok {
		s.Min = low
	}
	return s
}

// event keeps what an Event of type Warning says.
func (t Transform) event(u *unstructured.Unstructured) Facts {
	object := u.Object
	if text(object, "type") != "Warning" || strings.HasPrefix(text(object, "reportingComponent"), "driftcast") {
		return nil // what we say ourselves is no news
	}
	about := branch(object, "involvedObject")
	group, version, found := strings.Cut(text(about, "apiVersion"), "/")
	if !found {
		group, version = "", group
	}
	e := &Event{
		Regarding: Ref{Group: intern(group), Version: intern(version), Kind: intern(text(about, "kind")), Namespace: intern(text(about, "namespace")), Name: intern(text(about, "name"))},
		Reason:    intern(text(object, "reason")), Message: t.Redactor.Text(text(object, "message")), Reporter: intern(text(object, "source", "component")),
		Count: max(whole(object, "count"), whole(object, "series", "count"), 1), Last: moment(object, "lastTimestamp"),
	}
	for _, at := range []string{"eventTime", "firstTimestamp"} {
		if e.Last.IsZero() {
			e.Last = moment(object, at)
		}
	}
	if series := moment(object, "series", "lastObservedTime"); series.After(e.Last) {
		e.Last = series
	}
	if e.Reporter == "" {
		e.Reporter = intern(text(object, "reportingComponent"))
	}
	return e
}

// delivery reads what Argo CD and Flux say of what they deliver.
func (t Transform) delivery(ref Ref, object map[string]any) *Delivery {
	if ref.Group == "argoproj.io" {
		source := text(object, "spec", "source", "repoURL")
		if list := items(object, "spec", "sources"); source == "" && len(list) > 0 {
			source = text(list[0], "repoURL")
		}
		return &Delivery{
			Tool: "argocd", Revision: text(object, "status", "sync", "revision"), Source: t.Redactor.Text(source),
			Sync: orUnknown(text(object, "status", "sync", "status")), Health: orUnknown(text(object, "status", "health", "status")),
			Message: t.Redactor.Text(text(object, "status", "operationState", "message")),
		}
	}
	d := &Delivery{Tool: "flux", Sync: "Unknown", Health: "Unknown", Source: text(object, "spec", "sourceRef", "kind") + "/" + text(object, "spec", "sourceRef", "name")}
	if ref.Kind == "HelmRelease" {
		d.Source = text(object, "spec", "chart", "spec", "chart")
	}
	d.Revision = text(object, "status", "lastAppliedRevision")
	if history := items(object, "status", "history"); d.Revision == "" && len(history) > 0 {
		d.Revision = text(history[0], "chartVersion")
	}
	var ready map[string]any
	for _, c := range items(object, "status", "conditions") {
		if text(c, "type") == "Ready" {
			ready = c
		}
	}
	d.Message = t.Redactor.Text(text(ready, "message"))
	attempted := text(object, "status", "lastAttemptedRevision")
	switch {
	case flag(object, "spec", "suspend"):
		d.Health = "Suspended"
	case text(ready, "status") == "True":
		d.Sync, d.Health = "Synced", "Healthy"
	case text(ready, "status") == "False":
		d.Sync, d.Health = "OutOfSync", "Degraded"
	case text(ready, "reason") == "Progressing":
		d.Health = "Progressing"
	}
	if attempted != "" && d.Revision != "" && attempted != d.Revision && d.Health != "Suspended" {
		d.Sync = "OutOfSync"
	}
	if observed, ok := number(object, "status", "observedGeneration"); ok && observed < whole(object, "metadata", "generation") {
		d.Sync = "Unknown" // the verdict is about an older spec
	}
	return d
}

func orUnknown(verdict string) string {
	if verdict == "" {
		return "Unknown"
	}
	return verdict
}

// sorted returns the keys of a map, sorted.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
