//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	observed "github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/declared"
	"github.com/driftcast/driftcast/internal/cluster"
)

const driftedDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  %s
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      containers:
      - name: c
        image: %s
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        ports: [{containerPort: 80}]
        resources: {requests: {cpu: 1000m, memory: 1Gi}}
`

// admission lets a mutation be made of every Deployment of the namespaces of one
// case, as a webhook would.
const admission = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchLabels: {mutated: %[1]s}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}]
  mutations: [%[2]s]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s}
`

const (
	// defaulting adds what nobody declared.
	defaulting = `{patchType: ApplyConfiguration, applyConfiguration: {expression:
    'Object{metadata: Object.metadata{annotations: {"mutated": "yes"}}, spec: Object.spec{minReadySeconds: 3}}'}}`
	// rewriting makes another image of what is applied, as a registry mirror does.
	rewriting = `{patchType: JSONPatch, jsonPatch: {expression:
    '[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "mirror/web:1"}]'}}`
)

// admits applies a mutation to a namespace, and waits until a Deployment that is
// made there has what it makes.
func admits(t *testing.T, c *cluster.Cluster, ns, mutation, makes string) {
	t.Helper()
	c.Kubectl(t, "label", "ns", ns, "mutated="+ns)
	c.Apply(t, fmt.Sprintf(admission, ns, mutation))
	t.Cleanup(func() {
		_, _ = c.TryKubectl(t, "", "delete", "mutatingadmissionpolicybinding,mutatingadmissionpolicy", ns) // the plane goes anyway
	})
	eventually(t, 30*time.Second, "the policy works", func() error {
		out, err := c.TryKubectl(t, fmt.Sprintf(driftedDeployment, "replicas: 2", "web:1"), "-n", ns, "apply", "--dry-run=server", "-o", "yaml", "-f", "-")
		if err == nil && !strings.Contains(out, makes) {
			err = errors.New("not yet")
		}
		return err
	})
}

const autoscaler = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {minReplicas: 2, maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}
`

// driftCase is one line of the truth table.
type driftCase struct {
	name     string
	replicas string                                                          // of the manifest; "": replicas: 2
	do       func(t *testing.T, c *cluster.Cluster, ns string, how []string) // after the first look
	want     []string
}

func driftCases() []driftCase {
	kubectl := func(args ...string) func(*testing.T, *cluster.Cluster, string, []string) {
		return func(t *testing.T, c *cluster.Cluster, ns string, _ []string) {
			c.Kubectl(t, append([]string{"-n", ns}, args...)...)
		}
	}
	env := "/spec/template/spec/containers/name=c/env/"
	return []driftCase{
		{name: "fresh"},
		{name: "scaled by hand", do: kubectl("scale", "deploy/web", "--replicas=5"), want: []string{"Deployment replicas /spec/replicas: 2 → 5 by kubectl"}},
		{name: "scaled by hand, replicas left out", replicas: "paused: false", do: kubectl("scale", "deploy/web", "--replicas=5"),
			want: []string{"Deployment replicas /spec/replicas: 1 → 5"}},
		{name: "scaled by an autoscaler", do: func(t *testing.T, c *cluster.Cluster, ns string, how []string) {
			c.Apply(t, autoscaler, append([]string{"-n", ns}, how...)...)
			scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns}, Spec: autoscalingv1.ScaleSpec{Replicas: 6}}
			if _, err := c.Client().AppsV1().Deployments(ns).UpdateScale(t.Context(), "web", scale, metav1.UpdateOptions{FieldManager: "kube-controller-manager"}); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "image edited", do: kubectl("set", "image", "deploy/web", "c=web:2"),
			want: []string{`Deployment image /spec/template/spec/containers/name=c/image: "web:1" → "web:2" by kubectl-set`}},
		{name: "variable added", do: kubectl("set", "env", "deploy/web", "C=3"),
			want: []string{`Deployment environment ` + env + `name=C: nothing → {"name":"C","value":"redacted"} by kubectl-set`}},
		{name: "variable removed", do: kubectl("set", "env", "deploy/web", "B-"),
			want: []string{`Deployment environment ` + env + `name=B: {"name":"B","value":"redacted"} → absent`}},
		{name: "field removed", do: kubectl("patch", "deploy/web", "--type=json", "-p", `[{"op": "remove", "path": "/spec/template/spec/containers/0/resources/requests/cpu"}]`),
			want: []string{`Deployment spec /spec/template/spec/containers/name=c/resources/requests/cpu: "1" → absent`}},
		{name: "patched", do: kubectl("patch", "deploy/web", "-p", `{"spec":{"template":{"spec":{"hostNetwork":true}}}}`),
			want: []string{"Deployment spec /spec/template/spec/hostNetwork: nothing → true by kubectl-patch"}},
		{name: "labelled", do: kubectl("label", "deploy/web", "who=me"), want: []string{`Deployment metadata /metadata/labels/who: nothing → "me" by kubectl-label`}},
		{name: "restarted", do: kubectl("rollout", "restart", "deploy/web")},
		{name: "mutated", do: kubectl("annotate", "deploy/web", "note=1", "--field-manager=kube-test")},
		{name: "applied again", do: func(t *testing.T, c *cluster.Cluster, ns string, how []string) {
			c.Kubectl(t, "-n", ns, "set", "image", "deploy/web", "c=web:2")
			c.Apply(t, fmt.Sprintf(driftedDeployment, "replicas: 3", "web:3"), append([]string{"-n", ns}, how...)...)
		}},
	}
}

// TestDriftTruth is the truth table: what is drift and what is not, on a real
// control plane, for both ways of applying. It looks with a memory, as a server
// does, and without, as `driftcast drift` does.
func TestDriftTruth(t *testing.T) {
	c := controlPlane(t)
	cases := driftCases()
	ways := map[string][]string{"kubectl apply": nil, "server-side apply": {"--server-side", "--force-conflicts", "--field-manager=gitops"}}
	namespaces := map[string]string{}
	var all []string
	for way, how := range ways {
		for _, tc := range cases {
			ns := c.Namespace(t)
			namespaces[tc.name+way] = ns
			all = append(all, ns)
			if tc.name == "mutated" {
				admits(t, c, ns, defaulting, "minReadySeconds: 3")
			}
			replicas := tc.replicas
			if replicas == "" {
				replicas = "replicas: 2"
			}
			c.Apply(t, fmt.Sprintf(driftedDeployment, replicas, "web:1"), append([]string{"-n", ns}, how...)...)
		}
	}
	in := func(ns string) func(observed.Ref) bool {
		return func(r observed.Ref) bool { return r.Namespace == ns }
	}
	seat := newDriftSeat(t, c, "", nil)
	fresh := seat.look(all...)
	for what, ns := range namespaces {
		if got := driftLines(fresh, in(ns)); len(got) > 0 {
			t.Errorf("%s: fresh, and yet %q", what, got)
		}
	}
	time.Sleep(2 * time.Second) // managedFields tell whole seconds
	for way, how := range ways {
		for _, tc := range cases {
			if tc.do != nil {
				tc.do(t, c, namespaces[tc.name+way], how)
			}
		}
	}
	for _, ns := range all { // the ReplicaSets tell somebody new what was removed
		c.Await(t, 30*time.Second, cluster.What{Resource: cluster.Deployments, Namespace: ns}, func(deployments []unstructured.Unstructured) error {
			for _, d := range deployments {
				if seen, _, _ := unstructured.NestedInt64(d.Object, "status", "observedGeneration"); seen != d.GetGeneration() {
					return fmt.Errorf("generation %d of %s is not seen yet", d.GetGeneration(), d.GetName())
				}
			}
			return nil
		})
	}
	for _, memory := range []bool{true, false} {
		if !memory {
			seat = newDriftSeat(t, c, "", nil)
		}
		report := seat.look(all...)
		for way := range ways {
			for _, tc := range cases {
				if !memory && way == "server-side apply" && tc.name == "scaled by hand" {
					tc.want = []string{"Deployment replicas /spec/replicas: nothing → 5 by kubectl"} // nobody tells what it was
				}
				if way == "kubectl apply" && tc.name == "scaled by hand, replicas left out" {
					tc.want = []string{"Deployment replicas /spec/replicas: nothing → 5 by kubectl"} // the defaulted value was its own
				}
				if way == "kubectl apply" && tc.name == "field removed" {
					tc.want = []string{strings.Replace(tc.want[0], `"1"`, `"1000m"`, 1)} // as it was written
				}
				if got := driftLines(report, in(namespaces[tc.name+way])); !slices.Equal(got, append([]string{}, tc.want...)) {
					t.Errorf("%s, %s, memory %t:\n got %q\nwant %q", tc.name, way, memory, got, tc.want)
				}
			}
		}
		t.Logf("%d objects in %s", report.Objects, report.Took)
	}
}

// TestDriftOfNodes: a label by hand, a driver that is not that of its pool, and
// less GPUs than there are.
func TestDriftOfNodes(t *testing.T) {
	c := controlPlane(t)
	pool := "H200-" + c.Namespace(t)
	const driver = "nvidia.com/cuda.driver-version.full"
	nodes := c.AddNodes(t, 4, map[string]string{"nvidia.com/gpu.product": pool, driver: "550.54.15"})
	mine := func(r observed.Ref) bool { return r.Kind == "Node" && slices.Contains(nodes, r.Name) }
	seat := newDriftSeat(t, c, "", nil)
	if got := driftLines(seat.look(), mine); len(got) > 0 {
		t.Fatalf("fresh nodes, and yet %q", got)
	}
	c.Kubectl(t, "label", "node", nodes[0], "bench=yes")
	c.Kubectl(t, "label", "node", nodes[1], driver+"=535.1", "--overwrite", "--field-manager=nvidia-gfd")
	c.Kubectl(t, "cordon", nodes[2])
	want := []string{`Node metadata /metadata/labels/bench: nothing → "yes" by kubectl-label`, `Node spec /spec/unschedulable: nothing → true by kubectl`,
		`Node version-skew /versions/driver: "550.54.15" → "535.1"`}
	if got := driftLines(seat.look(), mine); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	c.Kubectl(t, "uncordon", nodes[2])
	c.Kubectl(t, "label", "node", nodes[0], "bench-")
	c.Kubectl(t, "label", "node", nodes[3], driver+"=535.1", "--overwrite", "--field-manager=nvidia-gfd")
	for _, line := range driftLines(seat.look(), mine) {
		if !strings.Contains(line, "unknown") || !strings.Contains(line, "no value of /versions/driver has a majority") {
			t.Errorf("a tie, and yet %q", line)
		}
	}
}

// TestDriftOfNothing: one of every built-in kind, applied in both ways and
// compared with managedFields, with last-applied and with the manifests, by both
// tiers. There is no drift in it.
func TestDriftOfNothing(t *testing.T) {
	c := controlPlane(t)
	text, err := os.ReadFile("testdata/kinds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for way, how := range map[string][]string{"client": nil, "server": {"--server-side"}} {
		ns := c.Namespace(t)
		dir := t.TempDir()
		manifests := strings.ReplaceAll(string(text), "NS", ns)
		writeFile(t, filepath.Join(dir, "kinds.yaml"), manifests)
		c.Apply(t, manifests, how...)
		t.Cleanup(func() { _, _ = c.TryKubectl(t, manifests, "delete", "--wait=false", "-f", "-") })
		resources := everyResource(t, c)
		mine := func(r observed.Ref) bool { return r.Namespace == ns || strings.Contains(r.Name, ns) }
		for _, tier := range []string{"own", "manifests", "dry run"} {
			var baselines []declared.Config
			if tier != "own" {
				baselines = []declared.Config{{Name: "kinds", Path: dir}}
			}
			dryRun := ""
			if tier == "dry run" {
				dryRun = c.Kubeconfig()
			}
			seat := newDriftSeat(t, c, dryRun, resources, baselines...)
			time.Sleep(time.Second)
			report := seat.look()
			if got := driftLines(report, mine); len(got) > 0 {
				t.Errorf("%s, %s: not a single object was touched, and yet\n%s", way, tier, strings.Join(got, "\n"))
			}
			synced, kinds := 0, map[string]bool{}
			for _, f := range report.Findings {
				if mine(f.Object) && f.Verdict == drift.Synced {
					synced++
					kinds[f.Object.Kind] = true
				}
			}
			t.Logf("%s, %s: %d objects of %d kinds are as declared; %d calls", way, tier, synced, len(kinds), report.Calls)
			if dried := report.Calls >= 38; dried != (tier == "dry run") {
				t.Errorf("%s: %d calls", tier, report.Calls)
			}
			if len(kinds) < 38 {
				t.Errorf("only %d kinds were compared", len(kinds))
			}
		}
	}
}

// everyResource is what discovery says can be listed.
func everyResource(t *testing.T, c *cluster.Cluster) (out []observed.Resource) {
	t.Helper()
	lists, err := c.Client().Discovery().ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	usual := observed.Config{}.Resources()
	for _, list := range lists {
		group, version, ok := strings.Cut(list.GroupVersion, "/")
		if !ok {
			group, version = "", group
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || strings.Contains(r.Name, "/") || r.Name == "events" || strings.HasSuffix(group, "example.com") {
				continue
			}
			if !slices.ContainsFunc(usual, func(u observed.Resource) bool { return u.Group == group && u.Resource == r.Name }) {
				out = append(out, observed.Resource{Group: group, Version: version, Resource: r.Name})
			}
		}
	}
	return out
}
