//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/driftcast/driftcast/internal/cluster"
)

// TestFaults breaks what a correction stands on, on a control plane of its own:
// nothing is lost, nothing is done twice.
func TestFaults(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Nodes: 1})
	f := newFaults(t, c, "cordon", "outage", "vanish", "fight")
	f.outage(t)
	f.vanish(t)
	f.fight(t)
	f.audit()
}

// newFaults starts two replicas on one storage, of which one leads. Each story
// has a policy in auto and a pool of two nodes.
func newFaults(t *testing.T, c *cluster.Cluster, actuator string, stories ...string) *faults {
	t.Helper()
	lease, nodes := c.Namespace(t), map[string][]string{}
	for _, story := range stories {
		nodes[story] = c.AddNodes(t, 2, map[string]string{"pool": story})
	}
	w := newWorld(t, nodes)
	for _, replica := range []string{"one", "two"} {
		config := fmt.Sprintf(`
cluster: {kubeconfig: %s, lease: {enabled: true, namespace: %s, identity: %s}}
corrections:
  kubeconfig: %s
  policies:`, c.Kubeconfig(), lease, replica, c.Kubeconfig())
		for _, story := range stories {
			config += fmt.Sprintf(`
  - {name: %s, targets: [%s], actuator: %s, mode: auto, min_risk: 0.3, cool_down: 1s, budget: {percent: 60}, params: {pool: pool}}`, story, story, actuator)
		}
		if err := os.Rename(w.configure(config, stories...), filepath.Join(w.dir, replica+".yml")); err != nil {
			t.Fatal(err)
		}
	}
	w.server = w.replica("one.yml", "/-/ready")
	w.replica("two.yml", "/-/healthy") // it stands by
	return &faults{world: w, c: c, nodes: nodes}
}

type faults struct {
	*world
	c     *cluster.Cluster
	nodes map[string][]string
}

// outage: the apiserver is down when the risk rises. The correction waits, and
// is made once when the apiserver is back, whoever leads by then.
func (f *faults) outage(t *testing.T) {
	node := f.nodes["outage"][0]
	f.c.KillAPIServer()
	f.exporter.warm("outage", node)
	waiting := f.awaitCorrection(60*time.Second, "outage", node, "", "blocked", "approved")
	t.Logf("without an apiserver it is %s: %s", waiting.State, waiting.Reason)
	f.c.StartAPIServer(t)
	applied := f.awaitCorrection(60*time.Second, "outage", node, "", "applied", "verified")
	awaitUnschedulable(t, f.c, node, true)
	if n := f.trail(applied.ID, "apply"); n != 1 {
		t.Errorf("applied %d times, want once", n)
	}
	f.exporter.cool("outage", node)
}

// vanish: the node is deleted under its correction, which ends.
func (f *faults) vanish(t *testing.T) {
	node := f.nodes["vanish"][0]
	f.exporter.warm("vanish", node)
	applied := f.awaitCorrection(60*time.Second, "vanish", node, "", "applied", "verified")
	f.c.Kubectl(t, "delete", "node", node)
	ended := f.awaitCorrection(60*time.Second, "vanish", node, "", "reverted")
	if ended.ID != applied.ID || !strings.Contains(ended.Reason, "gone") {
		t.Errorf("correction %s ended %q, want %s gone", ended.ID, ended.Reason, applied.ID)
	}
	f.exporter.cool("vanish", node)
}

// fight: somebody uncordons what was cordoned. It is not cordoned again.
func (f *faults) fight(t *testing.T) {
	node := f.nodes["fight"][0]
	f.exporter.warm("fight", node)
	f.awaitCorrection(60*time.Second, "fight", node, "", "applied", "verified")
	f.c.Kubectl(t, "patch", "node", node, "--type=merge", "--field-manager=autorepair", `--patch={"spec":{"unschedulable":null}}`)
	undone := f.awaitCorrection(60*time.Second, "fight", node, "", "reverted")
	t.Logf("undone: %s", undone.Reason)
	f.exporter.cool("fight", node)
	f.calm("fight", node)
	f.exporter.warm("fight", node)
	blocked := f.awaitCorrection(60*time.Second, "fight", node, "contention: ", "blocked")
	t.Logf("blocked by %s", blocked.Reason)
	if unschedulable(t, f.c, node) {
		t.Error("cordoned again")
	}
	f.exporter.cool("fight", node)
}

// TestFailover kills the leader in the middle of a drain that a budget holds up.
// The other goes on with it, and nobody begins anew.
func TestFailover(t *testing.T) {
	f := newFaults(t, controlPlane(t), "drain", "failover")
	node, namespace := f.nodes["failover"][0], f.c.Namespace(t)
	f.c.Apply(t, spread("pool", "failover", 6, 5), "-n", namespace)
	f.c.AwaitRollout(t, namespace, "serve")
	if podsOn(t, f.c, namespace, node) < 2 {
		t.Fatalf("too few pods run on %s", node)
	}
	// What is evicted finds no place elsewhere, so that the budget holds the drain up after one pod.
	other := f.nodes["failover"][1]
	f.c.Kubectl(t, "taint", "node", other, "full=yes:NoSchedule")
	f.exporter.warm("failover", node)
	begun := f.awaitCorrection(60*time.Second, "failover", node, "", "approved")
	awaitUnschedulable(t, f.c, node, true)
	f.server.Kill()
	killed := time.Now()
	eventually(t, 30*time.Second, "the standby leads", func() error {
		_, err := f.corrections("failover")
		return err
	})
	took := time.Since(killed)
	t.Logf("the standby answers %s after the leader was killed", took.Round(100*time.Millisecond))
	if took > 15*time.Second {
		t.Errorf("failover took %s, want 15 s at most", took)
	}
	f.c.Kubectl(t, "taint", "node", other, "full-")
	defer func() {
		if t.Failed() {
			t.Log(f.c.Kubectl(t, "get", "pods,pdb,nodes", "-n", namespace, "-o", "wide"))
		}
	}()
	applied := f.awaitCorrection(90*time.Second, "failover", node, "", "applied", "verified")
	if applied.ID != begun.ID {
		t.Errorf("correction %s was applied, want %s to go on", applied.ID, begun.ID)
	}
	if list, err := f.corrections("failover"); err != nil || len(list) != 1 {
		t.Errorf("there are %d corrections (%v), want one", len(list), err)
	}
	if n := f.trail(applied.ID, "apply"); n != 1 {
		t.Errorf("applied %d times, want once", n)
	}
	if n := podsOn(t, f.c, namespace, node); n != 0 {
		t.Errorf("%d pods are left on %s", n, node)
	}
	f.audit()
}

// TestForbidden gives the corrector an account that may look and not touch: the
// correction says which verb and resource it lacks.
func TestForbidden(t *testing.T) {
	c := controlPlane(t)
	nodes := c.AddNodes(t, 2, map[string]string{"pool": "forbidden"})
	namespace := c.Namespace(t)
	look := rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"nodes", "pods", "namespaces"}, Verbs: []string{"get", "list"}}
	kubeconfig := c.KubeconfigFor(t, namespace, "corrector", look)
	w := newWorld(t, map[string][]string{"forbidden": nodes})
	w.configure(fmt.Sprintf(`
corrections:
  kubeconfig: %s
  policies:
  - {name: cordon-hot, targets: [forbidden], actuator: cordon, mode: auto, min_risk: 0.3, budget: {percent: 60}, params: {pool: pool}}
`, kubeconfig), "forbidden")
	w.serve()
	w.exporter.warm("forbidden", nodes[0])
	refused := w.awaitCorrection(60*time.Second, "forbidden", nodes[0], "", "blocked", "failed")
	t.Logf("%s: %s", refused.State, refused.Reason)
	for _, word := range []string{"patch", "nodes"} {
		if !strings.Contains(refused.Reason, word) {
			t.Errorf("the reason does not name %q", word)
		}
	}
	if unschedulable(t, c, nodes[0]) {
		t.Error("cordoned without being allowed to")
	}
}
