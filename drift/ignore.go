package drift

import (
	"fmt"
	"strings"

	"github.com/driftcast/driftcast/cluster"
)

// IgnoreAnnotation on an object names what is no drift there: pointers separated
// by commas or white space, or * for the whole object.
const IgnoreAnnotation = "driftcast.io/ignore-drift"

// Ignore says what is no drift. Every key that is set must match; * stands for
// any text.
type Ignore struct {
	Kind      string   `yaml:"kind"`      // Deployment, or Certificate.cert-manager.io
	Namespace string   `yaml:"namespace"` // of the object
	Name      string   `yaml:"name"`
	Paths     []string `yaml:"paths"`    // JSON pointers, list items by their key; none: every field
	Managers  []string `yaml:"managers"` // field managers that set the live value; none: whoever
	Reason    string   `yaml:"reason"`   // for people
}

// rule is an Ignore that has been read.
type rule struct {
	Ignore
	paths []Pointer
}

// rules are all there are.
type rules []rule

// builtin is never drift, whoever's object it is.
func builtin() []Ignore {
	everywhere := Ignore{Paths: []string{
		"/apiVersion", "/kind", "/status", "/metadata/name", "/metadata/namespace", "/metadata/generateName", "/metadata/managedFields",
		"/metadata/resourceVersion", "/metadata/uid", "/metadata/generation", "/metadata/creationTimestamp", "/metadata/selfLink",
		"/metadata/deletionTimestamp", "/metadata/deletionGracePeriodSeconds", "/metadata/ownerReferences",
		"/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
		"/metadata/annotations/deployment.kubernetes.io~1*",
		"/metadata/annotations/deprecated.daemonset.template.generation",
		"/metadata/annotations/pv.kubernetes.io~1*", "/metadata/annotations/volume.*kubernetes.io~1*",
		"/metadata/annotations/driftcast.io~1*",
		"/metadata/annotations/kubernetes.io~1change-cause",
		"/metadata/labels/kubernetes.io~1metadata.name",
		"/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
		"/spec/template/metadata/creationTimestamp",
	}}
	return []Ignore{
		everywhere,
		{Kind: "*WebhookConfiguration", Paths: []string{"/webhooks/*/clientConfig/caBundle"}},
		{Kind: "CustomResourceDefinition", Paths: []string{"/spec/conversion/webhook/clientConfig/caBundle"}},
		{Kind: "APIService", Paths: []string{"/spec/caBundle"}},
		{Kind: "Service", Paths: []string{"/spec/clusterIP", "/spec/clusterIPs", "/spec/healthCheckNodePort"}},
		{Kind: "PersistentVolumeClaim", Paths: []string{"/spec/volumeName"}},
		{Kind: "PersistentVolume", Paths: []string{"/spec/claimRef"}},
		{Kind: "ServiceAccount", Paths: []string{"/secrets"}},
		{Kind: "Node", Paths: []string{"/spec/taints/*key=node.kubernetes.io~1*", "/spec/taints/*key=node.cloudprovider.kubernetes.io~1*", "/spec/podCIDR", "/spec/podCIDRs", "/spec/providerID"}},
		{Kind: "Namespace", Paths: []string{"/spec/finalizers"}},
	}
}

// skipped are kinds that controllers keep and nobody declares.
func skipped(r cluster.Ref) bool {
	switch r.Kind {
	case "Endpoints", "EndpointSlice", "Event", "Lease", "ControllerRevision", "ReplicaSet", "ComponentStatus",
		"CSINode", "CSIStorageCapacity", "IPAddress", "ServiceCIDR", "LeaseCandidate", "PodMetrics", "NodeMetrics":
		return true
	}
	return false
}

func readRules(list []Ignore) (rules, error) {
	out := make(rules, len(list))
	for i, ignore := range list {
		out[i].Ignore = ignore
		for _, text := range ignore.Paths {
			p, err := ParsePointer(text)
			if err != nil {
				return nil, fmt.Errorf("drift.ignore[%d].paths: %w", i, err)
			}
			out[i].paths = append(out[i].paths, p)
		}
	}
	return out, nil
}

// of returns the rules that may concern an object, its own annotation included.
// A pointer in the annotation that cannot be read is an error: it must not hide
// more, or less, than its author meant.
func (rs rules) of(o *cluster.Object) (rules, error) {
	out := make(rules, 0, len(rs))
	for i := range rs {
		if rs[i].concerns(o.Ref) {
			out = append(out, rs[i])
		}
	}
	for _, text := range strings.FieldsFunc(o.Annotations[IgnoreAnnotation], func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\t' }) {
		if text == "*" || text == "true" {
			return append(out, rule{}), nil
		}
		p, err := ParsePointer(text)
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", IgnoreAnnotation, err)
		}
		out = append(out, rule{paths: []Pointer{p}})
	}
	return out, nil
}

// all says whether nothing of the object can be drift.
func (rs rules) all() bool {
	for i := range rs {
		if len(rs[i].paths) == 0 && len(rs[i].Managers) == 0 {
			return true
		}
	}
	return false
}

// ignore says whether a field that manager set is no drift.
func (rs rules) ignore(path Pointer, manager string) bool {
	for i := range rs {
		if rs[i].covers(path, manager) {
			return true
		}
	}
	return false
}

func (r *rule) concerns(ref cluster.Ref) bool {
	kind := ref.Kind
	if strings.Contains(r.Kind, ".") {
		kind += "." + ref.Group
	}
	return (r.Kind == "" || wildcard(r.Kind, kind)) && (r.Namespace == "" || wildcard(r.Namespace, ref.Namespace)) &&
		(r.Name == "" || wildcard(r.Name, ref.Name))
}

func (r *rule) covers(path Pointer, manager string) bool {
	if len(r.Managers) > 0 && !anyOf(r.Managers, manager) {
		return false
	}
	if len(r.paths) == 0 {
		return true
	}
	for _, p := range r.paths {
		if p.Matches(path) {
			return true
		}
	}
	return false
}

// anyOf says whether a name matches one of the patterns.
func anyOf(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if wildcard(pattern, name) {
			return true
		}
	}
	return false
}
