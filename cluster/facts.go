package cluster

import "time"

// Facts are the typed part of an Object: what its status says, in few words.
type Facts interface{ facts() }

// Node is what is known of a Node.
type Node struct {
	Conditions    []Condition // by type
	Unschedulable bool
	Taints        []Taint
	Capacity      map[string]float64 // by resource, in base units: cores, bytes, pieces
	Allocatable   map[string]float64
	Versions      map[string]string // by component: kubelet, runtime, kernel, os, and those of Config.Versions
}

// Condition is one condition of an object's status.
type Condition struct {
	Type, Status, Reason string
	Since                time.Time // its last transition
	Updated              time.Time // where the kind has it, otherwise Since
}

// Taint is a taint of a Node.
type Taint struct{ Key, Value, Effect string }

// Pod is what is known of a Pod.
type Pod struct {
	Phase       string // Pending, Running, Succeeded, Failed, Unknown
	Node        string // empty: not scheduled
	Ready       bool
	Terminating bool
	Evicted     string // the reason, where somebody or something evicts or evicted it
	Containers  []Container
}

// Container is what a Pod's status says of one container.
type Container struct {
	Name     string
	Restarts int64
	Waiting  string // reason: CrashLoopBackOff, ImagePullBackOff, …
	Last     string // reason of the last termination: OOMKilled, Error, …
	Finished time.Time
	Digest   string // of the image that runs: sha256:…
}

// Workload is what is known of a Deployment, StatefulSet, DaemonSet, ReplicaSet,
// ControllerRevision, Job or CronJob. Numbers of pods are -1 where the kind has no such thing.
type Workload struct {
	Desired, Current, Updated, Ready, Available int64

	Observed int64             // the generation that its controller has seen
	Revision string            // of the template, as its controller counts or names it
	Template string            // digest of the pod template
	Images   map[string]string // by container
	Selector map[string]string // matchLabels

	Rolling  bool      // the status says that a rollout of Revision is on
	Complete bool      // the controller says that the rollout of Revision is done
	Stalled  bool      // the controller has given the rollout up
	Progress time.Time // when the rollout last made progress, where the controller tells
	Paused   bool      // a rollout that waits for a person; a suspended Job or CronJob
	OnDelete bool      // pods are only replaced when somebody deletes them
	Failed   int64     // pods of a Job
}

// Scaler is what is known of a HorizontalPodAutoscaler.
type Scaler struct {
	Target                     Ref
	Min, Max, Desired, Current int64
	Able, Active, Limited      bool // conditions AbleToScale, ScalingActive, ScalingLimited
}

// Budget is what is known of a PodDisruptionBudget.
type Budget struct {
	Allowed, Healthy, Wanted, Expected int64
	Selector                           map[string]string
}

// Delivery is the verdict of a GitOps controller on what it delivers.
type Delivery struct {
	Tool     string // argocd or flux
	Revision string // that is applied
	Source   string // where it comes from
	Sync     string // Synced, OutOfSync, Unknown
	Health   string // Healthy, Progressing, Degraded, Suspended, Missing, Unknown
	Message  string // redacted
}

// Event is what is kept of an Event of type Warning; others keep nothing.
type Event struct {
	Regarding Ref
	Reason    string
	Message   string // redacted
	Reporter  string
	Count     int64
	Last      time.Time
}

func (*Node) facts()     {}
func (*Pod) facts()      {}
func (*Workload) facts() {}
func (*Scaler) facts()   {}
func (*Budget) facts()   {}
func (*Delivery) facts() {}
func (*Event) facts()    {}
