package actuators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/corrector"
)

// Clients are what asks the API server.
type Clients struct {
	Client  kubernetes.Interface
	Dynamic dynamic.Interface
	Mapper  meta.RESTMapper // which resource serves which kind
}

// Connect returns clients for the cluster of a kubeconfig file, or for the one
// that this process runs in where the path is empty. Their rate is capped; they
// connect only when they are used.
func Connect(kubeconfig string) (Clients, error) {
	connection, err := cluster.Connect(cluster.ConnectOptions{Kubeconfig: kubeconfig, InCluster: kubeconfig == ""})
	if err != nil {
		return Clients{}, err
	}
	return ConnectTo(connection.Config)
}

// ConnectTo returns clients of a configuration.
func ConnectTo(config *rest.Config) (Clients, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = fieldManager
	config.QPS, config.Burst = 20, 40
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Clients{}, fmt.Errorf("kubernetes client: %w", err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return Clients{}, fmt.Errorf("kubernetes client: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	return Clients{Client: client, Dynamic: objects, Mapper: mapper}, nil
}

// Manifests give the declared state of objects.
type Manifests interface {
	// Manifest returns what is declared of an object at a revision ("": the
	// newest), as JSON or YAML and never redacted, and the revision it is of.
	// Nothing declared is forecaster.ErrNotFound (wrapped).
	Manifest(ctx context.Context, ref cluster.Ref, revision string) (manifest []byte, at string, err error)
}

// Options are what the actuators need. The Clients are required.
type Options struct {
	Clients
	Manifests Manifests     // nil: apply knows only what the objects themselves say was applied
	Poll      time.Duration // between looks at what takes its time; default 1s
	Pass      time.Duration // how long one call of Apply waits for it; default 10s
	Now       func() time.Time
	Logger    *slog.Logger
}

// kube is what all actuators share.
type kube struct {
	Options
	pool *pool
}

// Kubernetes returns the actuators of a cluster by the name that policies use:
//
//	cordon, uncordon  sets and clears spec.unschedulable of a node; what runs keeps running
//	taint             adds a PreferNoSchedule taint: params key, value
//	drain             cordons, and evicts what runs within its disruption budgets: see drain
//	label, annotate   sets params key and value on a node or a workload
//	condition         sets a NodeCondition: params type, status, reason, message
//	pause, resume     stops the roll-outs of a Deployment, and lets them go on
//	rollout-restart   restarts the pods of a workload, as its strategy says
//	rollout-undo      back to an earlier revision: param to_revision
//	scale             params by or to, and max; within a HorizontalPodAutoscaler's bounds
//	apply             re-applies the declared fields: params revision, manager, force
//	create            creates what a baseline declares and is not there: params revision, kind
//	hand-off          creates an object for another remediator: params template or template_file
//	job               runs a Job and waits for it: params template or template_file, deadline, wait
//
// Subjects of cordon, uncordon, taint, drain and condition are nodes, and GPUs
// ("<node>:<gpu>"); the others take workloads, and what else resolve knows; label,
// annotate, apply, job and hand-off take nodes too. Param
// pool is the label whose value tells which nodes make up a pool (default: all
// nodes are one), domain the label of the failure domain (default
// topology.kubernetes.io/zone).
func Kubernetes(o Options) (map[string]corrector.Actuator, error) {
	if o.Client == nil || o.Dynamic == nil || o.Mapper == nil {
		return nil, errors.New("kubernetes actuators: Client, Dynamic and Mapper are required: see Connect")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.Poll, o.Pass = cmp.Or(o.Poll, time.Second), cmp.Or(o.Pass, 10*time.Second)
	k := &kube{Options: o, pool: &pool{client: o.Client, now: o.Now}}
	all := map[string]corrector.Actuator{}
	for name, make := range edits {
		all[name] = &editor{kube: k, name: name, make: make}
	}
	all["drain"] = &drainer{editor{kube: k, name: "drain", make: onNode(closingOf)}}
	all["job"] = &creator{kube: k, name: "job", job: true}
	all["create"] = &creator{kube: k, name: "create", declared: true}
	all["hand-off"] = &creator{kube: k, name: "hand-off"}
	return all, nil
}

// explain names what was tried in an error of the API server and, where a role
// is missing, the remedy. What is not there is ErrGone.
func explain(verb, resource, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s %s %s: %w", verb, resource, name, corrector.ErrGone)
	case apierrors.IsForbidden(err):
		verb, _, _ = strings.Cut(verb, " ")
		return fmt.Errorf("%s %s %s: forbidden: a role of the corrector's ServiceAccount must allow %q on %q: %w",
			verb, resource, name, verb, resource, err)
	}
	return fmt.Errorf("%s %s %s: %w", verb, resource, name, err)
}
