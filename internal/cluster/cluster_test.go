//go:build e2e

package cluster_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/driftcast/driftcast/internal/cluster"
)

const workload = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  replicas: 4
  progressDeadlineSeconds: 5
  selector: {matchLabels: {app: llm}}
  template:
    metadata: {labels: {app: llm}}
    spec:
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      containers: [{name: c, image: "registry.test/llm:v1", resources: {limits: {nvidia.com/gpu: 2}}}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: train}
spec:
  template:
    metadata: {annotations: {driftcast.test/run-for: 500ms}}
    spec:
      restartPolicy: Never
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      containers: [{name: c, image: "registry.test/train:v1", resources: {limits: {nvidia.com/gpu: 8}}}]
`

// TestControlPlane goes once through everything that the other tests rely on.
func TestControlPlane(t *testing.T) {
	begun := time.Now()
	c := cluster.Start(t, cluster.Options{Nodes: 3})
	t.Logf("up after %s", time.Since(begun).Round(time.Millisecond))
	ns := c.Namespace(t)

	c.Apply(t, workload, "-n", ns)
	c.AwaitRollout(t, ns, "llm")
	c.Await(t, 30*time.Second, cluster.What{Resource: cluster.Jobs, Namespace: ns, Name: "train"}, func(jobs []unstructured.Unstructured) error {
		if n, _, _ := unstructured.NestedInt64(jobs[0].Object, "status", "succeeded"); n != 1 {
			return fmt.Errorf("%d pods succeeded, want 1", n)
		}
		return nil
	})
	t.Logf("workload runs after %s", time.Since(begun).Round(time.Millisecond))

	c.Kubectl(t, "-n", ns, "set", "image", "deploy/llm", "c=registry.test/llm:bad")
	awaitPod(t, c, ns, "crash-loops again and again", func(s corev1.ContainerStatus) bool {
		return s.State.Waiting != nil && s.State.Waiting.Reason == "CrashLoopBackOff" && s.RestartCount >= 2
	})
	c.Kubectl(t, "-n", ns, "rollout", "undo", "deploy/llm")
	c.AwaitRollout(t, ns, "llm")
	c.Kubectl(t, "-n", ns, "label", "pod", "-l", "app=llm", "driftcast.test/oom=true")
	awaitPod(t, c, ns, "was killed for want of memory", func(s corev1.ContainerStatus) bool {
		return s.LastTerminationState.Terminated != nil && s.LastTerminationState.Terminated.Reason == "OOMKilled" && s.RestartCount == 1
	})

	c.FailNode(t, "gpu-001")
	c.RecoverNode(t, "gpu-001")
	c.SetCondition(t, "gpu-001", corev1.NodeCondition{Type: "GpuXid", Status: corev1.ConditionTrue, Reason: "Xid79"})
	if got := c.AddNodes(t, 1, map[string]string{"pool": "late"}); len(got) != 1 || got[0] != "gpu-003" {
		t.Errorf("added %v, want gpu-003", got)
	}
	if got := c.Kubectl(t, "get", "node", "-l", "pool=late", "-o", "name"); got != "node/gpu-003\n" {
		t.Errorf("late nodes are %q, want gpu-003", got)
	}

	limited := c.KubeconfigFor(t, ns, "reader", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list"}})
	config, err := clientcmd.BuildConfigFromFlags("", limited)
	if err != nil {
		t.Fatal(err)
	}
	reader := kubernetes.NewForConfigOrDie(config)
	if _, err := reader.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("list nodes: %v", err)
	}
	if _, err := reader.CoreV1().Nodes().Get(t.Context(), "gpu-001", metav1.GetOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("get node: %v, want forbidden", err)
	}

	c.KillAPIServer()
	if _, err := c.TryKubectl(t, "", "get", "nodes", "--request-timeout=1s"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("kubectl without an apiserver: %v, want refused", err)
	}
	begun = time.Now()
	c.StartAPIServer(t)
	t.Logf("the apiserver is back after %s", time.Since(begun).Round(time.Millisecond))
	c.Kubectl(t, "-n", ns, "scale", "deploy/llm", "--replicas=6")
	c.AwaitRollout(t, ns, "llm")
}

func awaitPod(t *testing.T, c *cluster.Cluster, ns, what string, is func(corev1.ContainerStatus) bool) {
	t.Helper()
	c.Await(t, 30*time.Second, cluster.What{Resource: cluster.Pods, Namespace: ns, LabelSelector: "app=llm"}, func([]unstructured.Unstructured) error {
		pods, err := c.Client().CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=llm"})
		if err != nil {
			return err
		}
		for _, p := range pods.Items {
			if len(p.Status.ContainerStatuses) == 1 && is(p.Status.ContainerStatuses[0]) {
				return nil
			}
		}
		return errors.New("no pod " + what)
	})
}
