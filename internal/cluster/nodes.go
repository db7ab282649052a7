package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const (
	simulated = "kwok.x-k8s.io/node"                  // annotation of the nodes that kwok plays
	failing   = "node-not-ready.stage.kwok.x-k8s.io"  // label: "true" makes such a node not ready
	gpu       = corev1.ResourceName("nvidia.com/gpu") // also the taint of nodes that have some
	product   = "nvidia.com/gpu.product"              // as NVIDIA's feature discovery labels it
	driver    = "nvidia.com/cuda.driver-version.full" // likewise
	zone      = "topology.kubernetes.io/zone"         // nodes take turns in four
	h100      = "NVIDIA-H100-80GB-HBM3"               // what every GPU is
)

// AddNodes adds simulated GPU nodes, numbered on from those that are there, and
// waits until they are ready. labels are added to each. It returns their names.
func (c *Cluster) AddNodes(t testing.TB, count int, labels map[string]string) []string {
	t.Helper()
	names, err := c.addNodes(t.Context(), count, labels)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func (c *Cluster) addNodes(ctx context.Context, count int, labels map[string]string) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	there, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	first := len(there.Items)
	for i := range count {
		n := gpuNode(first+i, c.options.GPUs, labels)
		if _, err := c.client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
		names = append(names, n.Name)
	}
	return names, c.await(ctx, What{Resource: Nodes}, func(nodes []unstructured.Unstructured) error {
		ready := 0
		for _, n := range nodes {
			if nodeReady(n) {
				ready++
			}
		}
		if ready < first+count {
			return fmt.Errorf("%d of %d nodes are ready", ready, first+count)
		}
		return nil
	})
}

// gpuNode is what a GPU node looks like once its device plugin has spoken. Pods
// that want it need a toleration of its taint.
func gpuNode(i, gpus int, labels map[string]string) *corev1.Node {
	name := fmt.Sprintf("gpu-%03d", i)
	holds := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("96"), corev1.ResourceMemory: resource.MustParse("1Ti"),
		corev1.ResourcePods: resource.MustParse("110"), gpu: *resource.NewQuantity(int64(gpus), resource.DecimalSI)}
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{simulated: "fake"}, Labels: map[string]string{
			corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64", zone: fmt.Sprintf("z%d", i%4),
			product: h100, driver: "580.95.05", "nvidia.com/gpu.count": fmt.Sprint(gpus)}},
		Spec:   corev1.NodeSpec{Taints: []corev1.Taint{{Key: string(gpu), Value: "present", Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{Capacity: holds, Allocatable: holds},
	}
	for key, value := range labels {
		n.Labels[key] = value
	}
	return n
}

// FailNode makes a simulated node not ready, and waits until it is.
func (c *Cluster) FailNode(t testing.TB, name string) { t.Helper(); c.fail(t, name, "true", false) }

// RecoverNode makes it ready again, and waits until it is.
func (c *Cluster) RecoverNode(t testing.TB, name string) { t.Helper(); c.fail(t, name, "", true) }

func (c *Cluster) fail(t testing.TB, name, label string, ready bool) {
	t.Helper()
	value := any(label)
	if label == "" {
		value = nil // a merge patch removes it
	}
	c.patchNode(t, name, map[string]any{"metadata": map[string]any{"labels": map[string]any{failing: value}}})
	c.Await(t, 30*time.Second, What{Resource: Nodes, Name: name}, func(nodes []unstructured.Unstructured) error {
		if len(nodes) != 1 || nodeReady(nodes[0]) != ready {
			return fmt.Errorf("ready is not %t", ready)
		}
		return nil
	})
}

// SetCondition sets a node's condition, such as GpuXid or MemoryPressure.
func (c *Cluster) SetCondition(t testing.TB, name string, condition corev1.NodeCondition) {
	t.Helper()
	now := metav1.Now()
	condition.LastHeartbeatTime, condition.LastTransitionTime = now, now
	c.patchNode(t, name, map[string]any{"status": map[string]any{"conditions": []any{condition}}}, "status")
}

func (c *Cluster) patchNode(t testing.TB, name string, change map[string]any, sub ...string) {
	t.Helper()
	body, err := json.Marshal(change)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.CoreV1().Nodes().Patch(t.Context(), name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, sub...); err != nil {
		t.Fatal(err)
	}
}

func nodeReady(n unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(n.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Ready" {
			return c["status"] == "True"
		}
	}
	return false
}
