//go:build e2e

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/driftcast/driftcast/internal/cluster"
)

// TestTenThousand compares 10,000 objects of a real control plane, three of which
// were changed by hand, and prints what that takes.
func TestTenThousand(t *testing.T) {
	const each, drifted = 5000, 3
	c := cluster.Start(t, cluster.Options{Nodes: 1})
	namespace := c.Namespace(t)
	config := c.Config(t)
	config.QPS, config.Burst = -1, 0
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	for i := range each {
		for gvr, text := range map[schema.GroupVersionResource]string{
			cluster.Deployments: `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d%04d"}, "spec": {"replicas": 0, "paused": true,
				"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "registry.test/a:v1"}]}}}}`,
			{Version: "v1", Resource: "configmaps"}: `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m%04d"}, "data": {"key": "value"}}`,
		} {
			group.Go(func() error {
				o := &unstructured.Unstructured{}
				if err := o.UnmarshalJSON(fmt.Appendf(nil, text, i)); err != nil {
					return err
				}
				_, err := client.Resource(gvr).Namespace(namespace).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: "gitops"})
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range drifted {
		c.Kubectl(t, "-n", namespace, "scale", "deploy", fmt.Sprintf("d%04d", i), "--replicas=1")
	}
	t.Logf("%d objects applied in %s", 2*each, time.Since(begun).Round(time.Second))

	begun = time.Now()
	cmd := exec.CommandContext(t.Context(), binary(t), "drift", "--kubeconfig="+c.Kubeconfig(), "-n", namespace, "-o", "json", "--log.level=error")
	out, err := cmd.Output()
	took := time.Since(begun)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("driftcast drift: %v, want exit code 1: %.2000s", err, out)
	}
	var report struct {
		Objects, Calls int
		Counts         map[string]int
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %.2000s", err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%d objects compared in %s (%s of CPU), %d MiB at the most, %d API calls", report.Objects, took.Round(10*time.Millisecond),
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(10*time.Millisecond), usage.Maxrss/1024, report.Calls)
	if report.Counts["drifted"] != drifted || report.Counts["unknown"] != 0 {
		t.Errorf("found %v, want %d drifted and none unknown", report.Counts, drifted)
	}
	if report.Objects < 2*each || usage.Maxrss/1024 > 512 {
		t.Errorf("%d objects in %d MiB, want %d in 512 MiB", report.Objects, usage.Maxrss/1024, 2*each)
	}
}
