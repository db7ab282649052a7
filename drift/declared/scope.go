package declared

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Scopes tells which kinds live in a namespace. known is false where it cannot
// tell, such as for a kind whose definition is not there yet.
type Scopes interface {
	Namespaced(gvk schema.GroupVersionKind) (namespaced, known bool)
}

// Builtin knows the kinds that every cluster has.
type Builtin struct{}

// Namespaced implements Scopes.
func (Builtin) Namespaced(gvk schema.GroupVersionKind) (namespaced, known bool) {
	switch gvk.Group {
	case "", "apps", "batch", "autoscaling", "policy", "extensions":
		switch gvk.Kind {
		case "Namespace", "Node", "PersistentVolume", "ComponentStatus":
			return false, true
		}
		return true, true
	case "apiextensions.k8s.io", "apiregistration.k8s.io", "flowcontrol.apiserver.k8s.io", "scheduling.k8s.io", "node.k8s.io", "admissionregistration.k8s.io",
		"internal.apiserver.k8s.io", "storagemigration.k8s.io":
		return gvk.Kind == "Workload" || gvk.Kind == "PodGroup", true // scheduling.k8s.io's namespaced ones
	case "rbac.authorization.k8s.io":
		return !strings.HasPrefix(gvk.Kind, "Cluster"), true
	case "certificates.k8s.io":
		return gvk.Kind == "PodCertificateRequest", true
	case "storage.k8s.io":
		return gvk.Kind == "CSIStorageCapacity", true
	case "networking.k8s.io":
		return gvk.Kind == "Ingress" || gvk.Kind == "NetworkPolicy", true
	case "resource.k8s.io":
		return gvk.Kind == "ResourceClaim" || gvk.Kind == "ResourceClaimTemplate", true
	case "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io":
		return true, true
	}
	return false, false
}

// scopes asks, in turn, the cluster, the built-in table, and the definitions
// that the source itself declares.
type scopes struct {
	cluster Scopes // may be nil
	defined map[schema.GroupKind]bool
}

func (s scopes) namespaced(gvk schema.GroupVersionKind) (namespaced, known bool) {
	if s.cluster != nil {
		if namespaced, known = s.cluster.Namespaced(gvk); known {
			return namespaced, known
		}
	}
	if namespaced, known = (Builtin{}).Namespaced(gvk); known {
		return namespaced, known
	}
	namespaced, known = s.defined[gvk.GroupKind()]
	return namespaced, known
}

// define learns the scope of a kind from its CustomResourceDefinition.
func (s scopes) define(object map[string]any) {
	spec, _ := object["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	group, _ := spec["group"].(string)
	kind, _ := names["kind"].(string)
	if scope, ok := spec["scope"].(string); ok && kind != "" {
		s.defined[schema.GroupKind{Group: group, Kind: kind}] = scope == "Namespaced"
	}
}
