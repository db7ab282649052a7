package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Namespace makes a fresh namespace, in which pods can run, and removes it with
// the test.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	ns, err := c.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.client.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Logf("remove namespace %s: %v", ns.Name, err)
		}
	})
	if err := c.defaults(t.Context(), ns.Name); err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// defaults waits for what the controller manager puts into a namespace, without
// which no pod is admitted.
func (c *Cluster) defaults(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	accounts := What{Resource: schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, Namespace: namespace, Name: "default"}
	return c.await(ctx, accounts, func(items []unstructured.Unstructured) error {
		if len(items) == 0 {
			return fmt.Errorf("namespace %s has no default service account", namespace)
		}
		return nil
	})
}

// KubeconfigFor makes a service account that may do what the rules say, in the
// whole cluster and nothing else, and returns the path of its kubeconfig. The
// account lives in the namespace; the rules can be changed by Allow.
func (c *Cluster) KubeconfigFor(t testing.TB, namespace, account string, rules ...rbacv1.PolicyRule) string {
	t.Helper()
	ctx := t.Context()
	if _, err := c.client.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := metav1.ObjectMeta{Name: namespace + "-" + account}
	if _, err := c.client.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: role, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: role,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: namespace}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := c.client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := c.path(role.Name + ".kubeconfig")
	if err := writeKubeconfig(path, c.Server, c.path("ca.crt"), api.AuthInfo{Token: token.Status.Token}); err != nil {
		t.Fatal(err)
	}
	return path
}

// Allow replaces the rules of an account that KubeconfigFor made.
func (c *Cluster) Allow(t testing.TB, namespace, account string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: namespace + "-" + account}, Rules: rules}
	if _, err := c.client.RbacV1().ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// Kubectl runs kubectl as the administrator, fails the test where kubectl does,
// and returns what it printed.
func (c *Cluster) Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	return c.kubectl(t, "", args...)
}

// Apply gives manifests to `kubectl apply -f -` with further flags.
func (c *Cluster) Apply(t testing.TB, manifests string, args ...string) {
	t.Helper()
	c.kubectl(t, manifests, append([]string{"apply", "-f", "-"}, args...)...)
}

func (c *Cluster) kubectl(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, err := c.TryKubectl(t, stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %v: %v", args, err)
	}
	return out
}

// TryKubectl is Kubectl that returns the error, with what kubectl said.
func (c *Cluster) TryKubectl(t testing.TB, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.built.Binary, append([]string{"kubectl"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	cmd.Stdin = bytes.NewBufferString(stdin)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, said.String())
	}
	return out.String(), nil
}
