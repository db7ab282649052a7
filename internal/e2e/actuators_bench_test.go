//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/corrector/actuators/actuatortest"
)

// bench is a cluster with the actuators, all-powerful and read-only.
type bench struct {
	admin    actuators.Clients
	all      map[string]corrector.Actuator
	readOnly map[string]corrector.Actuator
	declared *actuatortest.Declared
	writes   *atomic.Int64 // requests of all that may have changed something
	count    atomic.Int64
}

func newBench(t *testing.T, config *rest.Config) *bench {
	t.Helper()
	b := &bench{writes: &atomic.Int64{}, declared: &actuatortest.Declared{}}
	connect := func(change func(*rest.Config)) actuators.Clients {
		c := rest.CopyConfig(config)
		change(c)
		clients, err := actuators.ConnectTo(c)
		if err != nil {
			t.Fatal(err)
		}
		return clients
	}
	make := func(c actuators.Clients) map[string]corrector.Actuator {
		all, err := actuators.Kubernetes(actuators.Options{Clients: c, Manifests: b.declared, Poll: 200 * time.Millisecond, Pass: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	b.admin = connect(func(*rest.Config) {})
	b.all = make(connect(func(c *rest.Config) {
		c.Wrap(func(next http.RoundTripper) http.RoundTripper { return counting{next, b.writes} })
	}))
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "actuators-reader"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}}}
	bind := &rbacv1.ClusterRoleBinding{ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "reader"}}}
	_, _ = b.admin.Client.RbacV1().ClusterRoles().Create(context.Background(), role, metav1.CreateOptions{})
	_, _ = b.admin.Client.RbacV1().ClusterRoleBindings().Create(context.Background(), bind, metav1.CreateOptions{})
	b.readOnly = make(connect(func(c *rest.Config) {
		c.Impersonate.UserName = "reader"
		c.Wrap(func(next http.RoundTripper) http.RoundTripper { return counting{next, b.writes} })
	}))
	return b
}

// counting counts requests that succeed and may have changed something. Events
// are no changes, and repeated ones are refused.
type counting struct {
	next   http.RoundTripper
	writes *atomic.Int64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	changes, err := mayChange(r)
	if err != nil {
		return nil, err
	}
	answer, err := c.next.RoundTrip(r)
	if changes && err == nil && answer.StatusCode < 300 {
		c.writes.Add(1)
	}
	return answer, err
}

// place of a kind that is tried.
var (
	nodeKind   = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	nsKind     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	podKind    = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	configKind = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	deployKind = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	setKind    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	daemonKind = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	hpaKind    = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	pdbKind    = schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
	jobKind    = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	crdKind    = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	remedyKind = schema.GroupVersionResource{Group: "remediation.test", Version: "v1", Resource: "selfnoderemediations"}
)

// create makes objects of YAML as kubectl apply would: with what was applied.
func (b *bench) create(t *testing.T, kind schema.GroupVersionResource, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatal(err, manifest)
	}
	text, _ := json.Marshal(o.Object)
	if kind != nsKind && kind != nodeKind && kind != crdKind {
		o.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(text)})
	}
	made, err := b.admin.Dynamic.Resource(kind).Namespace(o.GetNamespace()).Create(context.Background(), o, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (b *bench) patch(t *testing.T, kind schema.GroupVersionResource, namespace, name, body string, sub ...string) {
	t.Helper()
	how := types.MergePatchType
	if strings.HasPrefix(body, "[") {
		how = types.JSONPatchType
	}
	_, err := b.admin.Dynamic.Resource(kind).Namespace(namespace).Patch(context.Background(), name, how, []byte(body), metav1.PatchOptions{FieldManager: "kubectl-edit"}, sub...)
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) read(t *testing.T, kind schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	o, err := b.admin.Dynamic.Resource(kind).Namespace(namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (b *bench) list(t *testing.T, kind schema.GroupVersionResource, namespace, fields string) []unstructured.Unstructured {
	t.Helper()
	l, err := b.admin.Dynamic.Resource(kind).Namespace(namespace).List(context.Background(), metav1.ListOptions{FieldSelector: fields})
	if err != nil {
		t.Fatal(err)
	}
	return l.Items
}

func (b *bench) remove(t *testing.T, kind schema.GroupVersionResource, namespace, name string) {
	t.Helper()
	zero, now := int64(0), metav1.DeletePropagationBackground
	if err := b.admin.Dynamic.Resource(kind).Namespace(namespace).Delete(context.Background(), name, metav1.DeleteOptions{GracePeriodSeconds: &zero, PropagationPolicy: &now}); err != nil {
		t.Fatal(err)
	}
}

// body is what is desired of an object: without the server's, the controllers'
// and our own bookkeeping.
func (b *bench) body(t *testing.T, kind schema.GroupVersionResource, namespace, name string, more ...string) string {
	t.Helper()
	o, err := b.admin.Dynamic.Resource(kind).Namespace(namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	annotations := o.GetAnnotations()
	for key := range annotations {
		if strings.HasPrefix(key, "driftcast.io/") || strings.HasPrefix(key, "deployment.kubernetes.io/") || strings.HasPrefix(key, "node.alpha") || strings.HasPrefix(key, "deprecated.daemonset") {
			delete(annotations, key)
		}
	}
	if taints, ok, _ := unstructured.NestedSlice(o.Object, "spec", "taints"); ok { // the node controller's come and go
		kept := []any{}
		for _, taint := range taints {
			if !strings.HasPrefix(fmt.Sprint(taint.(map[string]any)["key"]), "node.kubernetes.io/") {
				kept = append(kept, taint)
			}
		}
		_ = unstructured.SetNestedSlice(o.Object, kept, "spec", "taints")
		if len(kept) == 0 {
			unstructured.RemoveNestedField(o.Object, "spec", "taints")
		}
	}
	state := map[string]any{"spec": o.Object["spec"], "data": o.Object["data"], "labels": o.GetLabels(), "annotations": annotations}
	if len(more) > 0 {
		state["more"], _, _ = unstructured.NestedFieldNoCopy(o.Object, more...)
	}
	text, _ := json.Marshal(state)
	return string(text)
}

// so is a condition for eventually that has no more to say than whether it holds.
func so(holds func() bool) func() error {
	return func() error {
		if !holds() {
			return errors.New("not yet")
		}
		return nil
	}
}

func (b *bench) node(t *testing.T) string {
	name := fmt.Sprintf("act-%d-%d", time.Now().UnixNano()%1e9, b.count.Add(1))
	b.create(t, nodeKind, fmt.Sprintf(`
apiVersion: v1
kind: Node
metadata:
  name: %s
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: %s, topology.kubernetes.io/zone: za, act: "yes"}
status:
  allocatable: {cpu: "96", memory: 1Ti, pods: "110"}
  capacity: {cpu: "96", memory: 1Ti, pods: "110"}
`, name, name))
	t.Cleanup(func() {
		_ = b.admin.Dynamic.Resource(nodeKind).Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	return name
}

// readyNode waits until kwok has made the node ready.
func (b *bench) readyNode(t *testing.T) string {
	name := b.node(t)
	eventually(t, time.Minute, "node ready", so(func() bool {
		text, _ := json.Marshal(b.read(t, nodeKind, "", name).Object["status"])
		return strings.Contains(string(text), `"status":"True","type":"Ready"`) &&
			!strings.Contains(fmt.Sprint(b.read(t, nodeKind, "", name).Object["spec"]), "not-ready")
	}))
	return name
}

func (b *bench) namespace(t *testing.T) string {
	name := fmt.Sprintf("act-%d-%d", time.Now().UnixNano()%1e9, b.count.Add(1))
	b.create(t, nsKind, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+name+"}")
	t.Cleanup(func() {
		_ = b.admin.Dynamic.Resource(nsKind).Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	eventually(t, time.Minute, "default service account", so(func() bool {
		_, err := b.admin.Client.CoreV1().ServiceAccounts(name).Get(context.Background(), "default", metav1.GetOptions{})
		return err == nil
	}))
	return name
}

const podTemplate = `
  selector: {matchLabels: {app: chat}}
  template:
    metadata: {labels: {app: chat}}
    spec:
      nodeSelector: {kubernetes.io/hostname: %s}
      containers: [{name: c, image: "registry.test/chat:v1", env: [{name: TOKEN, value: hunter2}]}]`

// workload makes a workload called chat; its pods run on a node, nowhere if it
// is not there.
func (b *bench) workload(t *testing.T, kind schema.GroupVersionResource, node string) (namespace string) {
	namespace = b.namespace(t)
	head := map[string]string{"deployments": "kind: Deployment", "statefulsets": "kind: StatefulSet", "daemonsets": "kind: DaemonSet"}[kind.Resource]
	spec := "spec:\n  replicas: 2"
	if kind == daemonKind {
		spec = "spec:"
	}
	b.create(t, kind, fmt.Sprintf("apiVersion: apps/v1\n%s\nmetadata: {name: chat, namespace: %s}\n%s"+podTemplate, head, namespace, spec, node))
	b.observed(t, kind, namespace)
	return namespace
}

func (b *bench) observed(t *testing.T, kind schema.GroupVersionResource, namespace string) {
	eventually(t, time.Minute, "its controller sees it", so(func() bool {
		o := b.read(t, kind, namespace, "chat")
		seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		return seen == o.GetGeneration()
	}))
}

const rollOutPatch = `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"registry.test/chat:%s"},{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"%s"}]`

func (b *bench) rollOut(t *testing.T, kind schema.GroupVersionResource, namespace, version string) {
	b.patch(t, kind, namespace, "chat", fmt.Sprintf(rollOutPatch, version, "secret-"+version))
	b.observed(t, kind, namespace)
}
