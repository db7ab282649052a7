//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/corrector/actuators/actuatortest"
)

// TestDrainKeepsBudgets: a drain asks a PodDisruptionBudget again and again and
// never deletes what it protects; what it could not do it says by name.
func TestDrainKeepsBudgets(t *testing.T) {
	b := newBench(t, controlPlane(t).Config(t))
	w := b.drained(t)
	namespace := b.list(t, podKind, "", "spec.nodeName="+w.Subject.Name)[0].GetNamespace()
	b.create(t, pdbKind, "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: keep, namespace: "+namespace+"}\n"+
		"spec: {minAvailable: 2, selector: {matchLabels: {app: chat}}}")
	eventually(t, time.Minute, "the budget is counted", so(func() bool {
		return strings.Contains(fmt.Sprint(b.read(t, pdbKind, namespace, "keep").Object["status"]), "currentHealthy:2")
	}))
	before := uids(b, t, namespace)
	ctx, on := context.Background(), w.Action("of-"+w.Subject.Name)
	on.Params = map[string]string{"deadline": "4s"}
	plan, err := w.Actuator.Plan(ctx, on)
	if err != nil || len(plan.Blocked) != 1 || plan.Blocked[0] != namespace+"/keep" || plan.Domain != "za" || plan.DomainPool < 1 {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	began, unfinished := time.Now(), 0
	for {
		if _, err = w.Actuator.Apply(ctx, on); !errors.Is(err, corrector.ErrUnfinished) {
			break
		}
		unfinished++
		if plan, err := w.Actuator.Plan(ctx, on); err != nil || !plan.Begun || plan.Undo != "" || plan.Lost {
			t.Errorf("planned half way: %+v, %v", plan, err)
		}
	}
	if err == nil || unfinished == 0 || !strings.Contains(err.Error(), "disruption budget keep") || !strings.Contains(err.Error(), namespace+"/chat-") || time.Since(began) > 20*time.Second {
		t.Errorf("%d calls unfinished in %s, then %v", unfinished, time.Since(began), err)
	}
	t.Logf("after %s: %v", time.Since(began).Round(100*time.Millisecond), err)
	if after := uids(b, t, namespace); after != before {
		t.Errorf("pods were %s and are %s", before, after)
	}
	b.patch(t, pdbKind, namespace, "keep", `{"spec":{"minAvailable":0}}`)
	on.Params = nil
	on.Undo = actuatortest.Apply(t, w.Actuator, on) // the same correction goes on, another call or process later
	if left := b.list(t, podKind, "", "spec.nodeName="+w.Subject.Name); len(left) != 0 {
		t.Errorf("%d pods are left", len(left))
	}
	if err := w.Actuator.Revert(ctx, on); err != nil {
		t.Fatal(err)
	}
	b.running(t, namespace, 2)
	events, err := b.admin.Client.EventsV1().Events("default").List(ctx, metav1.ListOptions{FieldSelector: "regarding.name=" + w.Subject.Name})
	seen := map[string]string{}
	for _, e := range events.Items {
		if e.Reason == "DriftcastCorrection" {
			seen[e.Action] = e.Note
		}
	}
	if err != nil || len(seen) != 3 || !strings.Contains(seen["revert"], "evicted pods do not come back") || seen["drain"] == "" || seen["drained"] == "" {
		t.Errorf("events %v, %v", seen, err)
	}
}

func uids(b *bench, t *testing.T, namespace string) (all string) {
	for _, p := range b.list(t, podKind, namespace, "") {
		all += string(p.GetUID()) + " "
	}
	return all
}

// TestDrainWaitsForJobs: what a Job runs may finish; a DaemonSet's pods stay.
func TestDrainWaitsForJobs(t *testing.T) {
	b := newBench(t, controlPlane(t).Config(t))
	node, namespace := b.readyNode(t), b.namespace(t)
	b.create(t, jobKind, fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: train, namespace: %s}
spec:
  template:
    metadata: {annotations: {testbed/run-for: 4s}}
    spec:
      restartPolicy: Never
      nodeSelector: {kubernetes.io/hostname: %s}
      containers: [{name: c, image: "registry.test/train:v1"}]
`, namespace, node))
	b.workload(t, daemonKind, node)
	eventually(t, time.Minute, "both run", so(func() bool { return len(b.list(t, podKind, "", "status.phase=Running,spec.nodeName="+node)) == 2 }))
	on := actuatortest.World{Subject: collector.Subject{Kind: "node", Name: node}, Params: map[string]string{"wait_for_jobs": "true"}}.Action("c1")
	plan, err := b.all["drain"].Plan(context.Background(), on)
	if err != nil || !strings.Contains(plan.Text, "wait for 1 pods of jobs") || !strings.Contains(plan.Text, "1 pods stay") {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	actuatortest.Apply(t, b.all["drain"], on)
	if left := b.list(t, podKind, "", "status.phase=Running,spec.nodeName="+node); len(left) != 1 {
		t.Errorf("%d pods stay", len(left))
	}
	eventually(t, time.Minute, "the job is counted as done", so(func() bool {
		done, _, _ := unstructured.NestedInt64(b.read(t, jobKind, namespace, "train").Object, "status", "succeeded")
		return done == 1
	}))
}

// TestApplyMeetsContention: fields that another manager owns are not taken
// without being told to; the manager is named.
func TestApplyMeetsContention(t *testing.T) {
	b := newBench(t, controlPlane(t).Config(t))
	w := b.driftedWorkload(t)
	on := w.Action("c1")
	on.Params = nil
	_, err := w.Actuator.Plan(context.Background(), on)
	if !errors.Is(err, actuators.ErrContention) || !strings.Contains(err.Error(), "kubectl-edit") || !strings.Contains(err.Error(), ".image") {
		t.Errorf("plan: %v", err)
	}
	t.Log(err)
	on.Params = w.Params
	plan, err := w.Actuator.Plan(context.Background(), on)
	if err != nil || strings.Contains(plan.Diff, "hunter2") || strings.Contains(plan.Diff, "secret-v2") || !strings.Contains(plan.Diff, "spec.replicas: 3 → 2") {
		t.Errorf("plan %+v, %v", plan, err)
	}
	t.Log(plan.Text)
	on.Undo = actuatortest.Apply(t, w.Actuator, on)
	for key, value := range b.read(t, deployKind, w.Subject.Namespace, "chat").GetAnnotations() {
		if strings.HasPrefix(key, "driftcast.io/") && strings.Contains(value, "secret-v2") || strings.Contains(on.Undo, "secret-v2") {
			t.Errorf("a secret was kept in %s: %s", key, value)
		}
	}
	w.Meddle(t) // somebody fights back
	if plan, err = w.Actuator.Plan(context.Background(), on); err != nil || !plan.Lost || plan.By != "kubectl-edit" {
		t.Errorf("plan %+v, %v", plan, err)
	}
}

// TestPermissions runs every actuator with exactly the rights of its table, and
// sees Check name what is missing without them.
func TestPermissions(t *testing.T) {
	config := controlPlane(t).Config(t)
	b := newBench(t, config)
	b.remediations(t)
	worlds := b.worlds()
	tried := map[string]bool{}
	for name, fresh := range worlds {
		t.Run(name, func(t *testing.T) {
			w := fresh(t)
			actuator := b.nameOf(w.Actuator)
			tried[actuator] = true
			user := "only-" + actuator
			limited, all := b.as(t, config, user)
			policies := []corrector.Policy{{Name: "p", Actuator: actuator, Mode: corrector.Approve}}
			if err := actuators.Check(context.Background(), limited, policies); err == nil || !strings.Contains(err.Error(), "policies p need it") {
				t.Errorf("check without a role: %v", err)
			}
			more := []actuators.Permission{}
			switch name { // what the subject and the template name
			case "hand-off":
				for _, verb := range []string{"get", "create", "delete"} {
					more = append(more, actuators.Permission{Verb: verb, Group: "remediation.test", Resource: "selfnoderemediations"})
				}
			case "create":
				for _, verb := range []string{"get", "create", "delete"} {
					more = append(more, actuators.Permission{Verb: verb, Resource: "configmaps"})
				}
			case "apply a configmap":
				more = append(more, actuators.Permission{Verb: "get", Resource: "configmaps"}, actuators.Permission{Verb: "patch", Resource: "configmaps"})
			}
			b.grant(t, user, append(more, actuators.Permissions(actuator)...))
			eventually(t, time.Minute, "the role counts", so(func() bool { return actuators.Check(context.Background(), limited, policies) == nil }))
			on := w.Action("c1")
			on.Undo = actuatortest.Apply(t, all[actuator], on)
			if p, err := all[actuator].Plan(context.Background(), on); err != nil || p.Undo == "" {
				t.Errorf("plan %+v, %v", p, err)
			}
			if err := all[actuator].Revert(context.Background(), on); err != nil {
				t.Error(err)
			}
		})
	}
	for actuator := range b.all {
		if !tried[actuator] {
			t.Errorf("nobody tried %s", actuator)
		}
	}
}

func (b *bench) nameOf(a corrector.Actuator) string {
	for name, one := range b.all {
		if one == a {
			return name
		}
	}
	return ""
}

// as connects as a user.
func (b *bench) as(t *testing.T, config *rest.Config, user string) (actuators.Clients, map[string]corrector.Actuator) {
	config = rest.CopyConfig(config)
	config.Impersonate.UserName = user
	clients, err := actuators.ConnectTo(config)
	if err != nil {
		t.Fatal(err)
	}
	all, err := actuators.Kubernetes(actuators.Options{Clients: clients, Manifests: b.declared, Poll: 200 * time.Millisecond, Pass: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return clients, all
}

func (b *bench) grant(t *testing.T, user string, permissions []actuators.Permission) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", user, b.count.Add(1))}
	role := &rbacv1.ClusterRole{ObjectMeta: meta}
	for _, p := range permissions {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{Verbs: []string{p.Verb}, APIGroups: []string{p.Group}, Resources: []string{p.Resource}})
	}
	bind := &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}}
	roles := b.admin.Client.RbacV1()
	if _, err := roles.ClusterRoles().Create(context.Background(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := roles.ClusterRoleBindings().Create(context.Background(), bind, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = roles.ClusterRoleBindings().Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
		_ = roles.ClusterRoles().Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
	})
}

// oneManifest is a baseline with one manifest.
type oneManifest struct{ manifest, revision string }

func (d oneManifest) Manifest(context.Context, cluster.Ref, string) ([]byte, string, error) {
	return []byte(d.manifest), d.revision, nil
}

// TestApplyDeclaresAsItsOwner: a baseline is applied as the manager that declared
// it, a revision is named, and reverting gives back exactly what had drifted.
func TestApplyDeclaresAsItsOwner(t *testing.T) {
	b := newBench(t, controlPlane(t).Config(t))
	namespace, ctx := b.namespace(t), context.Background()
	manifest := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: " + namespace + ", labels: {app: chat}}\ndata: {a: one, b: two}"
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatal(err)
	}
	configs := b.admin.Dynamic.Resource(configKind).Namespace(namespace)
	if _, err := configs.Apply(ctx, "settings", o, metav1.ApplyOptions{FieldManager: "argocd"}); err != nil {
		t.Fatal(err)
	}
	b.patch(t, configKind, namespace, "settings", `{"data":{"a":"drifted","c":"added"}}`)
	all, err := actuators.Kubernetes(actuators.Options{Clients: b.admin, Manifests: oneManifest{manifest, "abc123"}})
	if err != nil {
		t.Fatal(err)
	}
	on := actuatortest.World{Subject: collector.Subject{Kind: "workload", Namespace: namespace, Name: "configmap:settings"}, Params: map[string]string{"force": "true"}}.Action("c1")
	before := b.body(t, configKind, namespace, "settings")
	plan, err := all["apply"].Plan(ctx, on)
	if err != nil || plan.Revision != "abc123" || plan.Diff != `data.a: "drifted" → "one"` {
		t.Errorf("plan %+v, %v", plan, err)
	}
	on.Undo = actuatortest.Apply(t, all["apply"], on)
	for _, m := range b.read(t, configKind, namespace, "settings").GetManagedFields() {
		if m.Manager == "driftcast-corrector" {
			t.Errorf("applied as %s, want argocd alone", m.Manager)
		}
	}
	if err := all["apply"].Revert(ctx, on); err != nil {
		t.Fatal(err)
	}
	if got := b.body(t, configKind, namespace, "settings"); got != before {
		t.Errorf("before %s\nafter  %s", before, got)
	}
}
