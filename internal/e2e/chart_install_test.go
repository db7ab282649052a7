//go:build e2e

package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/driftcast/driftcast/internal/cluster"
)

// operatorKinds lets the API server take the Prometheus Operator's kinds.
const operatorKinds = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: %[2]s, plural: %[1]ss, singular: %[1]s}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// disk is a volume for the chart's claim: nobody provisions one here.
const disk = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: chart}
spec:
  capacity: {storage: 100Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /tmp/chart}
  claimRef: {namespace: forecasts, name: ahead-driftcast}
`

// TestChart walks the chart through its life on a real control plane: the API
// server takes what it renders, and is asked after each step who may do what.
func TestChart(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Nodes: 1}) // its own: policies of admission are everybody's
	c.Kubectl(t, "create", "namespace", "driftcast")
	c.Kubectl(t, "label", "namespace", "driftcast", "pod-security.kubernetes.io/enforce=restricted")
	c.Apply(t, fmt.Sprintf(operatorKinds, "servicemonitor", "ServiceMonitor")+"---"+fmt.Sprintf(operatorKinds, "prometheusrule", "PrometheusRule"))
	c.Kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "crd/servicemonitors.monitoring.coreos.com", "crd/prometheusrules.monitoring.coreos.com")
	for _, args := range [][]string{nil, {"--values", everything}, {"--values", withOperator}, {"--values", everything, "--values", withOperator},
		{"--set", "highAvailability.enabled=true,highAvailability.sameNode=true,trainer.enabled=false"}} {
		c.Apply(t, template(t, args...), "--dry-run=server")
	}

	c.Apply(t, disk)
	must := func(args ...string) string {
		t.Helper()
		out, err := helm(t, c.Kubeconfig(), append(args, "--namespace", "forecasts")...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	may := func(step, want, account string, what ...string) {
		t.Helper()
		as := "--as=system:serviceaccount:forecasts:ahead-driftcast-" + account
		eventually(t, 30*time.Second, fmt.Sprintf("%s: may %s %v", step, account, what), func() error { // a role takes a moment to be in force
			got, _ := c.TryKubectl(t, "", append([]string{"auth", "can-i", as}, what...)...) // exits 1 for no
			if got = strings.TrimSpace(got); got != want {
				return fmt.Errorf("got %q, want %s", got, want)
			}
			return nil
		})
	}
	anywhere := "--all-namespaces"

	tolerate := []string{"--set", "tolerations[0].operator=Exists"} // the node has GPUs only
	notes := must(append([]string{"install", "ahead", chart, "--create-namespace"}, tolerate...)...)
	for _, want := range []string{"changes nothing in the cluster", "kubectl -n forecasts port-forward service/ahead-driftcast 9595:9595", "Nothing is approved from here"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes do not say %q:\n%s", want, notes)
		}
	}
	c.AwaitRollout(t, "forecasts", "ahead-driftcast")
	may("install", "yes", "collector", "list", "pods", anywhere)
	may("install", "yes", "collector", "watch", "deployments.apps", anywhere)
	may("install", "no", "collector", "get", "secrets", anywhere)
	may("install", "no", "collector", "patch", "nodes")
	may("install", "no", "collector", "create", "events.events.k8s.io", anywhere)
	may("install", "no", "trainer", "list", "pods", anywhere)
	may("install", "no", "corrector", "patch", "nodes")

	if _, err := helm(t, c.Kubeconfig(), append([]string{"upgrade", "ahead", chart, "--namespace", "forecasts", "--set", "highAvailability.enabled=true"}, tolerate...)...); err == nil || !strings.Contains(err.Error(), "highAvailability.sameNode") {
		t.Errorf("two servers on a volume of one node: %v", err)
	}

	c.Kubectl(t, "-n", "forecasts", "create", "secret", "generic", "driftcast-tokens", "--from-literal=tokens.yml=me: {token: 0123456789abcdef, role: edit}")
	corrector := append([]string{"upgrade", "ahead", chart, "--values", everything, "--set", "highAvailability.sameNode=true,config.drift.events=true"}, tolerate...)
	if notes = must(corrector...); !strings.Contains(notes, "may change the cluster through: taint, cordon.") || !strings.Contains(notes, "patch configmap ahead-driftcast-kill-switch") {
		t.Errorf("the notes do not say how to approve and stop:\n%s", notes)
	}
	c.AwaitRollout(t, "forecasts", "ahead-driftcast")
	may("upgrade", "yes", "corrector", "patch", "nodes")
	may("upgrade", "yes", "corrector", "list", "deployments.apps", anywhere)
	may("upgrade", "yes", "corrector", "get", "configmaps/ahead-driftcast-kill-switch", "-n", "forecasts")
	may("upgrade", "no", "corrector", "create", "pods", "--subresource=eviction", anywhere) // no drain among the actuators
	may("upgrade", "no", "corrector", "patch", "deployments.apps", anywhere)
	may("upgrade", "no", "corrector", "get", "secrets", anywhere)
	may("upgrade", "no", "collector", "patch", "nodes")
	may("upgrade", "yes", "collector", "create", "events.events.k8s.io", anywhere) // config.drift.events
	may("upgrade", "yes", "dry-run", "patch", "deployments.apps", anywhere)
	may("upgrade", "no", "dry-run", "get", "pods", anywhere)

	c.Kubectl(t, "-n", "forecasts", "patch", "configmap", "ahead-driftcast-kill-switch", "--type=merge", "-p", `{"data":{"stopped":"true"}}`)
	must(append(corrector, "--set", "corrector.actuators={taint,cordon,drain}")...)
	c.AwaitRollout(t, "forecasts", "ahead-driftcast")
	may("another actuator", "yes", "corrector", "create", "pods", "--subresource=eviction", anywhere)
	if got := c.Kubectl(t, "-n", "forecasts", "get", "configmap", "ahead-driftcast-kill-switch", "-o", "jsonpath={.data.stopped}"); got != "true" {
		t.Errorf("an upgrade let go of the kill switch: %q", got)
	}

	must("rollback", "ahead", "1")
	c.AwaitRollout(t, "forecasts", "ahead-driftcast")
	may("rollback", "no", "corrector", "patch", "nodes")
	may("rollback", "no", "dry-run", "patch", "deployments.apps", anywhere)
	may("rollback", "yes", "collector", "list", "pods", anywhere)

	claim := func() string {
		return c.Kubectl(t, "-n", "forecasts", "get", "persistentvolumeclaim", "ahead-driftcast", "-o", "jsonpath={.metadata.uid}")
	}
	before := claim()
	must("uninstall", "ahead")
	for _, kind := range []string{"clusterroles", "clusterrolebindings", "validatingadmissionpolicies", "validatingadmissionpolicybindings", "deployments", "cronjobs", "services", "roles", "serviceaccounts"} {
		c.Await(t, time.Minute, cluster.What{Resource: resource(kind), LabelSelector: "app.kubernetes.io/instance=ahead"}, func(left []unstructured.Unstructured) error {
			if len(left) > 0 {
				return fmt.Errorf("%d stay behind, %s among them", len(left), left[0].GetName())
			}
			return nil
		})
	}
	may("uninstall", "no", "collector", "list", "pods", anywhere)
	must(append([]string{"install", "ahead", chart}, tolerate...)...)
	c.AwaitRollout(t, "forecasts", "ahead-driftcast")
	if after := claim(); after != before {
		t.Errorf("the volume with the audit trail is another one: %s, was %s", after, before)
	}
}

// resource is a built-in kind that the chart makes, by its plural.
func resource(plural string) schema.GroupVersionResource {
	groups := map[string][]string{
		"apps": {"deployments"}, "batch": {"cronjobs"}, "": {"services", "serviceaccounts"},
		"rbac.authorization.k8s.io":    {"roles", "clusterroles", "clusterrolebindings"},
		"admissionregistration.k8s.io": {"validatingadmissionpolicies", "validatingadmissionpolicybindings"},
	}
	for group, plurals := range groups {
		if slices.Contains(plurals, plural) {
			return schema.GroupVersionResource{Group: group, Version: "v1", Resource: plural}
		}
	}
	return corev1.SchemeGroupVersion.WithResource(plural)
}
