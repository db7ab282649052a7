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
// node, a correction is recommended, approved by a person, carried out on a real
// control plane, seen to have helped, and taken back by command.
func TestStory(t *testing.T) {
	c := controlPlane(t)
	nodes := c.AddNodes(t, 2, map[string]string{"pool": "story"})
	w := newWorld(t, map[string][]string{"story": nodes})
	w.configure(fmt.Sprintf(`
corrections:
  kubeconfig: %s
  policies:
  - {name: hot-node, targets: [story], actuator: cordon, mode: approve, min_risk: 0.4, verify_after: 1s, budget: {percent: 60}, params: {pool: pool}}
`, c.Kubeconfig()), "story")
	w.serve()
	w.learned("story")
	node := nodes[0]

	w.exporter.warm("story", node)
	proposed := w.awaitCorrection(30*time.Second, "story", node, "", "proposed")
	if unschedulable(t, c, node) {
		t.Fatal("cordoned before anybody approved")
	}
	if !strings.Contains(proposed.Plan, node) {
		t.Errorf("plan %q does not name the node", proposed.Plan)
	}

	w.must("corrections", "approve", proposed.ID, "--reason=looks right", "--server="+w.server.URL)
	w.awaitCorrection(10*time.Second, "story", node, "", "applied")
	awaitUnschedulable(t, c, node, true)

	w.exporter.cool("story", node)
	verified := w.awaitCorrection(60*time.Second, "story", node, "", "verified")
	t.Logf("verified: %s", verified.Reason)

	w.must("corrections", "revert", proposed.ID, "--reason=repaired", "--server="+w.server.URL)
	awaitUnschedulable(t, c, node, false)
	w.awaitCorrection(10*time.Second, "story", node, "", "reverted")
	w.audit("data")
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
