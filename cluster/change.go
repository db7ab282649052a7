package cluster

import (
	"time"

	"github.com/driftcast/driftcast/collector"
)

// ChangeKind says what happened to an object.
type ChangeKind string

// The kinds of change.
const (
	Created  ChangeKind = "created"
	Updated  ChangeKind = "updated" // a field of the desired state, or of a node's condition, taint or version
	Deleted  ChangeKind = "deleted"
	Rollout  ChangeKind = "rollout" // began, finished or stalled: see Path and After
	Restart  ChangeKind = "restart" // of a container; After is the reason, such as OOMKilled
	Evicted  ChangeKind = "evicted"
	Reported ChangeKind = "event" // an Event of the cluster, of type Warning
)

// Change is one field of one object that changed: who, what, before, after.
type Change struct {
	ID      string // the same change seen twice (resync, restart, two replicas) has the same ID
	At      time.Time
	Kind    ChangeKind
	Object  Ref
	UID     string
	Subject collector.Subject // whose forecasts it may explain: a pod's is its workload
	Path    string            // JSON pointer into the object, list items by their key: /spec/template/spec/containers/name=c/image
	Before  string            // JSON, cut to 1 KiB, redacted; empty: absent
	After   string
	Manager string // field manager, where managedFields tell
	Verb    string // Apply or Update
	// Missed means that the watch had a gap: it happened at some time between
	// the last look and At.
	Missed bool
}
