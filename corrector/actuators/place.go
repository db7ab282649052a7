package actuators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
)

// place is where an object is.
type place struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version"`
	Resource  string `json:"resource"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

func (p place) gvr() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: p.Group, Version: p.Version, Resource: p.Resource}
}

// resource is the resource as roles name it: deployments.apps.
func (p place) resource() string { return p.gvr().GroupResource().String() }

// path is the object's name with its namespace.
func (p place) path() string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

// String is the object for people: node gpu-17, deployment ml/chat.
func (p place) String() string { return strings.ToLower(p.Kind) + " " + p.path() }

// served says where the API server serves a kind.
func (k *kube) served(gvk schema.GroupVersionKind) (place, bool, error) {
	mapping, err := k.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return place{}, false, fmt.Errorf("the API server serves no %s: %w; install what defines it", gvk, err)
	}
	r := mapping.Resource
	return place{Group: r.Group, Version: r.Version, Resource: r.Resource, Kind: gvk.Kind}, mapping.Scope.Name() == "namespace", nil
}

func (k *kube) at(p place) dynamic.ResourceInterface {
	if p.Namespace == "" {
		return k.Dynamic.Resource(p.gvr())
	}
	return k.Dynamic.Resource(p.gvr()).Namespace(p.Namespace)
}

func (k *kube) get(ctx context.Context, p place) (object, error) {
	o, err := k.at(p).Get(ctx, p.Name, metav1.GetOptions{})
	return o, explain("get", p.resource(), p.path(), err)
}

func nodeAt(name string) place {
	return place{Version: "v1", Resource: "nodes", Kind: "Node", Name: name}
}

// workloads are the kinds that a subject workload/namespace/name may be, in the
// order in which they are looked for.
var workloads = []place{
	{Group: "apps", Version: "v1", Resource: "deployments", Kind: "Deployment"},
	{Group: "apps", Version: "v1", Resource: "statefulsets", Kind: "StatefulSet"},
	{Group: "apps", Version: "v1", Resource: "daemonsets", Kind: "DaemonSet"},
}

// resolve finds the object that a subject names:
//
//	node/NAME, gpu/NODE:INDEX     the node
//	workload/NS/NAME              the Deployment, StatefulSet or DaemonSet of that name, the first there is
//	workload/NS/KIND:NAME         the object of that kind, as cluster.Ref.Subject writes it
//	service/NS/NAME               the workload behind it: param workload, default the same name
//
// Param kind (deployment, statefulset, daemonset) says which workload is meant.
func (k *kube) resolve(ctx context.Context, a corrector.Action) (place, error) {
	s := a.Subject
	switch s.Kind {
	case "node", "gpu":
		name, err := nodeOf(s)
		return nodeAt(name), err
	case "workload", "service":
		return k.workload(ctx, s, a.Params)
	}
	return place{}, fmt.Errorf("%w: %s is neither a node, a gpu, a workload nor a service", corrector.ErrInvalid, s)
}

func (k *kube) workload(ctx context.Context, s collector.Subject, params map[string]string) (place, error) {
	if s.Namespace == "" {
		return place{}, fmt.Errorf("%w: %s has no namespace: want %s/<namespace>/<name>", corrector.ErrInvalid, s, s.Kind)
	}
	kind, name, typed := strings.Cut(s.Name, ":")
	if !typed {
		kind, name = params["kind"], s.Name
	}
	if s.Kind == "service" && params["workload"] != "" {
		name = params["workload"]
	}
	if typed {
		return k.kinds(kind, s.Namespace, name)
	}
	for _, p := range workloads {
		if kind != "" && !strings.EqualFold(kind, p.Kind) {
			continue
		}
		p.Namespace, p.Name = s.Namespace, name
		if _, err := k.get(ctx, p); !errors.Is(err, corrector.ErrGone) {
			return p, err
		}
	}
	hint := ""
	if s.Kind == "service" {
		hint = "; param workload names what is behind the service"
	}
	return place{}, fmt.Errorf("no deployment, statefulset or daemonset %s/%s%s: %w", s.Namespace, name, hint, corrector.ErrGone)
}

// kinds finds the place of an object by its kind in lower case.
func (k *kube) kinds(kind, namespace, name string) (place, error) {
	for _, p := range workloads {
		if strings.EqualFold(kind, p.Kind) {
			p.Namespace, p.Name = namespace, name
			return p, nil
		}
	}
	gvk, err := k.Mapper.KindFor(schema.GroupVersionResource{Resource: kind})
	if err != nil {
		return place{}, fmt.Errorf("the API server serves no kind %q: %w; install what defines it", kind, err)
	}
	p, namespaced, err := k.served(gvk)
	p.Name = name
	if namespaced {
		p.Namespace = namespace
	}
	return p, err
}

// nodeOf names the node of a subject.
func nodeOf(s collector.Subject) (string, error) {
	switch s.Kind {
	case "node":
		return s.Name, nil
	case "gpu":
		if node, _, ok := strings.Cut(s.Name, ":"); ok && node != "" {
			return node, nil
		}
		return "", fmt.Errorf("%w: gpu %q does not name its node: want <node>:<gpu>", corrector.ErrInvalid, s.Name)
	}
	return "", fmt.Errorf("%w: %s is neither a node nor a gpu", corrector.ErrInvalid, s)
}

// optedOut says where an object's owner, or its namespace's, opted out.
func (k *kube) optedOut(ctx context.Context, p place, o object, elsewhere string) (string, error) {
	why := optOut(strings.ToLower(p.Kind), p.path(), o.GetAnnotations())
	if why = cmp.Or(why, elsewhere); why != "" || p.Namespace == "" {
		return why, nil
	}
	namespaces := place{Version: "v1", Resource: "namespaces", Kind: "Namespace", Name: p.Namespace}
	ns, err := k.get(ctx, namespaces)
	if err != nil {
		return "", err
	}
	return optOut("namespace", p.Namespace, ns.GetAnnotations()), nil
}

// oneOf refuses a place of any other kind.
func oneOf(p place, kinds ...string) error {
	if !slices.Contains(kinds, p.Kind) {
		return fmt.Errorf("%w: %s is none of %s", corrector.ErrInvalid, p, strings.Join(kinds, ", "))
	}
	return nil
}
