//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/driftcast/driftcast/internal/cluster"
)

// TestManifests applies what we ship to a real API server, and asks it who may do
// what: the collector reads and no Secrets, the corrector does what its policies
// do, and the dry-run account changes nothing although RBAC lets it patch.
func TestManifests(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Nodes: 1}) // its own: policies of admission are everybody's
	for _, overlay := range []string{"base", "with-corrector", "everything"} {
		text := c.Kubectl(t, "kustomize", "../../deploy/kustomize/"+overlay)
		if overlay == "base" {
			c.Apply(t, text, "--dry-run=client") // its namespace is not there yet
			c.Kubectl(t, "create", "namespace", "driftcast")
		}
		c.Apply(t, text, "--dry-run=server")
	}
	c.Apply(t, c.Kubectl(t, "kustomize", "../../deploy/kustomize/everything"))
	namespace := c.Namespace(t)
	c.Kubectl(t, "-n", namespace, "create", "deployment", "shop", "--image=shop:1")

	as := func(account string) string { return "--as=system:serviceaccount:driftcast:driftcast-" + account }
	for _, may := range []struct {
		account string
		what    []string
		want    string
	}{
		{"collector", []string{"list", "pods", "--all-namespaces"}, "yes"},
		{"collector", []string{"watch", "deployments.apps", "--all-namespaces"}, "yes"},
		{"collector", []string{"get", "secrets", "--all-namespaces"}, "no"},
		{"collector", []string{"patch", "nodes"}, "no"},
		{"collector", []string{"update", "leases.coordination.k8s.io/driftcast-leader", "-n", "driftcast"}, "yes"},
		{"collector", []string{"update", "leases.coordination.k8s.io/other", "-n", "driftcast"}, "no"},
		{"corrector", []string{"patch", "nodes"}, "yes"},
		{"corrector", []string{"list", "pods", "--all-namespaces"}, "yes"},
		{"corrector", []string{"get", "configmaps/driftcast-kill-switch", "-n", "driftcast"}, "yes"},
		{"corrector", []string{"create", "pods", "--subresource=eviction", "--all-namespaces"}, "no"}, // no policy drains
		{"corrector", []string{"patch", "deployments.apps", "--all-namespaces"}, "no"},
		{"corrector", []string{"get", "secrets", "--all-namespaces"}, "no"},
		{"dry-run", []string{"patch", "deployments.apps", "--all-namespaces"}, "yes"},
		{"dry-run", []string{"patch", "roles.rbac.authorization.k8s.io", "--all-namespaces"}, "no"},
		{"dry-run", []string{"get", "pods", "--all-namespaces"}, "no"},
		{"trainer", []string{"list", "pods", "--all-namespaces"}, "no"},
	} {
		eventually(t, 30*time.Second, fmt.Sprintf("may %s %v", may.account, may.what), func() error { // a role takes a moment to be in force
			got, _ := c.TryKubectl(t, "", append([]string{"auth", "can-i", as(may.account)}, may.what...)...) // exits 1 for no
			if got = strings.TrimSpace(got); got != may.want {
				return fmt.Errorf("got %q, want %s", got, may.want)
			}
			return nil
		})
	}

	config := c.Config(t)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:driftcast:driftcast-dry-run"}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	patch := func(dryRun ...string) (*appsv1.Deployment, error) {
		return client.AppsV1().Deployments(namespace).Patch(t.Context(), "shop", types.MergePatchType, []byte(`{"spec":{"replicas":2}}`), metav1.PatchOptions{DryRun: dryRun})
	}
	eventually(t, 30*time.Second, "the dry-run account to be refused a write", func() error { // a policy takes a moment to be in force
		_, err := patch()
		if err == nil {
			return errors.New("it wrote")
		}
		if !strings.Contains(err.Error(), "driftcast-dry-run may only dry-run") {
			return err
		}
		return nil
	})
	if got, err := patch(metav1.DryRunAll); err != nil || *got.Spec.Replicas != 2 {
		t.Errorf("a dry run: %v", err)
	}
}
