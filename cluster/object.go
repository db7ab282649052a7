package cluster

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/driftcast/driftcast/collector"
)

// Ref names an object. Refs are comparable.
type Ref struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String returns Kind/name or Kind/namespace/name, with the kind's group where it
// is not one of Kubernetes' own: Certificate.cert-manager.io/web/tls.
func (r Ref) String() string {
	kind := r.Kind
	if strings.Contains(r.Group, ".") && !strings.HasSuffix(r.Group, ".k8s.io") {
		kind += "." + r.Group
	}
	if r.Namespace == "" {
		return kind + "/" + r.Name
	}
	return kind + "/" + r.Namespace + "/" + r.Name
}

// GVK is the kind of the object.
func (r Ref) GVK() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
}

// Subject is what forecasts about the object are about: a Node is a node,
// workloads are workloads by their name, every other object is a workload named
// "<kind in lower case>:<name>".
func (r Ref) Subject() collector.Subject {
	switch r.Kind {
	case "Node":
		return collector.Subject{Kind: "node", Name: r.Name}
	case "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob":
		return collector.Subject{Kind: "workload", Namespace: r.Namespace, Name: r.Name}
	}
	return collector.Subject{Kind: "workload", Namespace: r.Namespace, Name: strings.ToLower(r.Kind) + ":" + r.Name}
}

// Object is an object as the observer keeps it. Objects are never changed: an
// update is a new Object.
type Object struct {
	Ref
	UID             types.UID
	ResourceVersion string
	Generation      int64
	Created         time.Time
	Controller      Ref               // its controlling owner; zero: none
	Labels          map[string]string // shared with Body's, for selection
	Annotations     map[string]string // without last-applied, which is in LastApplied

	// Body is the desired state in canonical JSON (keys sorted): everything
	// but status, managedFields and what the server keeps in metadata. Values
	// of Secrets and of environment variables are replaced by salted digests
	// ("redacted:…"), equal where the values are.
	Body []byte
	// LastApplied is the last-applied-configuration annotation, redacted in the
	// same way; nil: none.
	LastApplied []byte
	// Managers say who set which fields, oldest first.
	Managers []Manager
	// Facts are what series and comparisons need of the status: *Node, *Pod,
	// *Workload, *Scaler, *Budget, *Delivery; nil for other kinds.
	Facts Facts
}

// Manager is one entry of managedFields.
type Manager struct {
	Name        string
	Operation   string // Apply or Update
	Subresource string // status, scale, …; empty: the object itself
	Time        time.Time
	Fields      []byte // FieldsV1
}

// Redacted begins what stands in place of a value that must not be kept.
const Redacted = "redacted:"
