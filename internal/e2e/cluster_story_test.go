//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/internal/cluster"
)

// TestStory is the whole of it: a past in a real Prometheus leads to a risk on a
// node, a correction is recommended, approved by a person, drains the node within
// a PodDisruptionBudget, is seen to have helped, and is taken back by command.
func TestStory(t *testing.T) {
	c := controlPlane(t)
	nodes := c.AddNodes(t, 2, map[string]string{"pool": "story"})
	node, namespace := nodes[0], c.Namespace(t)
	c.Apply(t, spread("pool", "story", 6, 5), "-n", namespace)
	c.AwaitRollout(t, namespace, "serve")
	if podsOn(t, c, namespace, node) == 0 {
		t.Fatalf("no pod runs on %s: there would be nothing to drain", node)
	}
	w := newWorld(t, map[string][]string{"story": nodes})
	w.configure(fmt.Sprintf(`
corrections:
  kubeconfig: %s
  policies:
  - {name: hot-node, targets: [story], actuator: drain, mode: approve, min_risk: 0.3, verify_after: 1s, budget: {percent: 60}, params: {pool: pool}}
`, c.Kubeconfig()), "story")
	w.serve()
	w.learned("story")

	w.exporter.warm("story", node)
	proposed := w.awaitCorrection(60*time.Second, "story", node, "", "proposed")
	t.Logf("risk %.2f; plan: %s", proposed.Risk, proposed.Plan)
	if !strings.Contains(proposed.Plan, node) || !strings.Contains(proposed.Plan, namespace) {
		t.Errorf("plan %q names neither node nor pods", proposed.Plan)
	}
	if unschedulable(t, c, node) {
		t.Fatal("cordoned before anybody approved")
	}

	least := make(chan int64, 1)
	go func() { least <- leastAvailable(t, c, namespace, node) }()
	w.must("corrections", "approve", proposed.ID, "--reason=looks right", "--server="+w.server.URL)
	w.awaitCorrection(60*time.Second, "story", node, "", "applied", "verified")
	awaitUnschedulable(t, c, node, true)
	if got := <-least; got < 5 {
		t.Errorf("%d pods were available at least, the budget wants 5", got)
	}
	c.AwaitRollout(t, namespace, "serve")

	w.exporter.cool("story", node)
	verified := w.awaitCorrection(60*time.Second, "story", node, "", "verified")
	t.Logf("verified: %s", verified.Reason)

	w.must("corrections", "revert", proposed.ID, "--reason=repaired", "--server="+w.server.URL)
	awaitUnschedulable(t, c, node, false)
	w.awaitCorrection(10*time.Second, "story", node, "", "reverted")
	w.audit()
}

// spread is a Deployment on the nodes with a label, of which so many must stay
// available.
func spread(label, value string, replicas, available int) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: serve}
spec:
  replicas: %d
  selector: {matchLabels: {app: serve}}
  template:
    metadata: {labels: {app: serve}}
    spec:
      nodeSelector: {%s: %s}
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      containers: [{name: c, image: "registry.test/serve:v1"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: serve}
spec: {minAvailable: %d, selector: {matchLabels: {app: serve}}}
`, replicas, label, value, available)
}

func podsOn(t *testing.T, c *cluster.Cluster, namespace, node string) int {
	t.Helper()
	return len(strings.Fields(c.Kubectl(t, "get", "pods", "-n", namespace, "--field-selector=spec.nodeName="+node, "-o", "name")))
}

// leastAvailable watches pods until none is left on a node, and returns how many
// were ready at the least.
func leastAvailable(t *testing.T, c *cluster.Cluster, namespace, node string) int64 {
	least := int64(1 << 30)
	c.Await(t, 90*time.Second, cluster.What{Resource: cluster.Pods, Namespace: namespace}, func(pods []unstructured.Unstructured) error {
		var ready, left int64
		for _, p := range pods {
			if p.GetDeletionTimestamp() == nil && podReady(p) {
				ready++
			}
			if name, _, _ := unstructured.NestedString(p.Object, "spec", "nodeName"); name == node {
				left++
			}
		}
		least = min(least, ready)
		if left > 0 {
			return fmt.Errorf("%d pods are left on %s", left, node)
		}
		return nil
	})
	return least
}

func podReady(p unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(p.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Ready" {
			return c["status"] == "True"
		}
	}
	return false
}

func unschedulable(t *testing.T, c *cluster.Cluster, node string) bool {
	t.Helper()
	return strings.TrimSpace(c.Kubectl(t, "get", "node", node, "-o", "jsonpath={.spec.unschedulable}")) == "true"
}

func awaitUnschedulable(t *testing.T, c *cluster.Cluster, node string, want bool) {
	t.Helper()
	c.Await(t, 20*time.Second, cluster.What{Resource: cluster.Nodes, Name: node}, func(nodes []unstructured.Unstructured) error {
		if len(nodes) != 1 {
			return fmt.Errorf("%d nodes", len(nodes))
		}
		if got, _, _ := unstructured.NestedBool(nodes[0].Object, "spec", "unschedulable"); got != want {
			return fmt.Errorf("unschedulable is %t", got)
		}
		return nil
	})
}
