//go:build e2e

package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	observed "github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/drift/declared"
)

// TestDriftDryRun: the second tier knows what admission makes of a manifest, asks
// again only where something changed, and says which right it lacks.
func TestDriftDryRun(t *testing.T) {
	c := controlPlane(t)
	ns, dir := c.Namespace(t), t.TempDir()
	manifest := fmt.Sprintf(driftedDeployment, "replicas: 2", "web:1")
	writeFile(t, filepath.Join(dir, "web.yaml"), manifest)
	baseline := declared.Config{Name: "web", Path: dir, Namespace: ns}
	admits(t, c, ns, rewriting, "mirror/web:1")
	c.Apply(t, manifest, "-n", ns, "--server-side", "--field-manager=gitops")
	in := func(r observed.Ref) bool { return r.Namespace == ns && r.Kind == "Deployment" }
	const image = `Deployment image /spec/template/spec/containers/name=c/image: "web:1" → "mirror/web:1" by gitops`

	first := newDriftSeat(t, c, "", nil, baseline)
	if got := driftLines(first.look(ns), in); !slices.Equal(got, []string{image}) {
		t.Errorf("the first tier: got %q, want %q: it cannot know", got, image)
	}
	dryer := c.KubeconfigFor(t, ns, "dryer", rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get", "patch"}})
	second := newDriftSeat(t, c, dryer, nil, baseline)
	eventually(t, 30*time.Second, "the dry run says that nothing differs", func() error { // while the controller writes the status
		report := second.look(ns)
		if got := driftLines(report, in); len(got) > 0 {
			return fmt.Errorf("got %q", got)
		}
		for _, f := range report.Findings {
			if in(f.Object) && f.Reason != "" {
				return errors.New(f.Reason)
			}
		}
		return nil
	})
	c.Kubectl(t, "-n", ns, "patch", "deploy/web", "-p", `{"spec":{"replicas":4,"minReadySeconds":7}}`)
	want := []string{"Deployment replicas /spec/replicas: 2 → 4 by kubectl-patch", "Deployment spec /spec/minReadySeconds: nothing → 7 by kubectl-patch"}
	eventually(t, 30*time.Second, "the dry run says what was patched", func() error { // while the controller writes the status
		if got := driftLines(second.look(ns), in); !slices.Equal(got, want) {
			return fmt.Errorf("got %q\nwant %q", got, want)
		}
		return nil
	})
	other := strings.ReplaceAll(fmt.Sprintf(driftedDeployment, "replicas: 2", "mirror/web:1"), "name: web,", "name: other,")
	c.Apply(t, other, "-n", ns, "--server-side", "--field-manager=gitops")
	writeFile(t, filepath.Join(dir, "web.yaml"), other)
	poor := newDriftSeat(t, c, c.KubeconfigFor(t, ns, "poor"), nil, baseline)
	got := driftLines(poor.look(ns), func(r observed.Ref) bool { return r.Name == "other" && r.Kind == "Deployment" })
	if len(got) != 1 || !strings.Contains(got[0], "unknown") || !strings.Contains(got[0], `must allow verb "patch" on resource "deployments.apps"`) {
		t.Errorf("without the right to patch: got %q", got)
	}
}

// TestDriftCommand is what a person sees who runs the command.
func TestDriftCommand(t *testing.T) {
	c := controlPlane(t)
	ns, dir := c.Namespace(t), t.TempDir()
	manifest := fmt.Sprintf(driftedDeployment, "replicas: 2", "web:1")
	writeFile(t, filepath.Join(dir, "web.yaml"), manifest)
	c.Apply(t, manifest, "-n", ns)
	run := func(kubeconfig string, args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"drift", "--kubeconfig", kubeconfig, "-n", ns}, args...)...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	expect := func(what string, code int, kubeconfig string, args []string, want ...string) {
		t.Helper()
		out, got := run(kubeconfig, args...)
		if got != code {
			t.Errorf("%s: exit %d, want %d\n%s", what, got, code, out)
		}
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q in\n%s", what, text, out)
			}
		}
		t.Logf("%s (exit %d)\n%s", what, got, out)
	}
	admin := c.Kubeconfig()
	expect("clean", 0, admin, []string{"--baseline", dir}, "0 drifted, 0 unknown, 1 as declared")
	c.Kubectl(t, "-n", ns, "set", "image", "deploy/web", "c=web:2")
	expect("image", 1, admin, []string{"--baseline", dir}, `"web:1" → "web:2"`, "kubectl-set", "directory", "web.yaml")
	out, _ := run(admin, "--baseline", dir, "-o", "json")
	var view struct {
		Findings []drift.Finding `json:"findings"`
	}
	if err := json.Unmarshal([]byte(out), &view); err != nil || len(view.Findings) != 1 || view.Findings[0].Differences[0].Kind != drift.Image {
		t.Errorf("json: %v\n%s", err, out)
	}
	c.Kubectl(t, "-n", ns, "delete", "deploy/web")
	expect("deleted", 1, admin, []string{"--baseline", dir}, "(the object)", "absent")
	poor := c.KubeconfigFor(t, ns, "poor")
	expect("without rights", 2, poor, nil, "forbidden", `"list"`, "deployments.apps")
	expect("no server", 2, filepath.Join(dir, "nothing"), nil, "connect to the cluster")
	expect("no baseline", 2, admin, []string{"--baseline", "nowhere"}, "neither a folder nor the name of a baseline")

	// Who watches is told as it happens.
	c.Apply(t, manifest, "-n", ns)
	limit, stop := context.WithTimeout(t.Context(), 90*time.Second)
	defer stop()
	watch := exec.CommandContext(limit, binary(t), "drift", "--kubeconfig", admin, "-n", ns, "--baseline", dir, "--watch", "--interval", "500ms")
	pipe, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	see := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the output ended without %q", text)
	}
	see("0 drifted, 0 unknown, 1 as declared")
	c.Kubectl(t, "-n", ns, "scale", "deploy/web", "--replicas=7")
	see("/spec/replicas")
	see("1 drifted")
	c.Apply(t, manifest, "-n", ns)
	see("0 drifted")
	if err := watch.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := watch.Wait(); err != nil {
		t.Errorf("watching ended with %v, want 0: nothing drifted at last", err)
	}
}
