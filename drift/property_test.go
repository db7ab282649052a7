package drift_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/drift"
)

// deployment draws a Deployment.
func deployment(t *rapid.T) string {
	text := func(label string) string { return rapid.StringMatching(`[a-z]{1,6}`).Draw(t, label) }
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: team, labels: {app: web, team: \"%s\"}}\nspec:\n", text("team"))
	if rapid.Bool().Draw(t, "replicas") {
		fmt.Fprintf(&b, "  replicas: %d\n", rapid.IntRange(0, 9).Draw(t, "n"))
	}
	b.WriteString("  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n")
	for i := range rapid.IntRange(1, 3).Draw(t, "containers") {
		fmt.Fprintf(&b, "      - name: c%d\n        image: \"%s:%d\"\n", i, text("image"), rapid.IntRange(1, 9).Draw(t, "tag"))
		fmt.Fprintf(&b, "        resources: {requests: {cpu: %dm, memory: %dMi}}\n", 100*rapid.IntRange(1, 40).Draw(t, "cpu"), rapid.IntRange(1, 4096).Draw(t, "memory"))
		b.WriteString("        env:\n")
		for j := range rapid.IntRange(1, 4).Draw(t, "env") {
			fmt.Fprintf(&b, "        - {name: V%d, value: \"%s\"}\n", j, text("value"))
		}
		fmt.Fprintf(&b, "        ports: [{containerPort: %d}]\n", rapid.IntRange(1, 60000).Draw(t, "port"))
	}
	return b.String()
}

// declare puts a Deployment on a server in one of the ways.
func declare(t *rapid.T, s *server, manifest string) drift.Options {
	switch rapid.SampledFrom([]string{"apply", "client", "manifest", "created"}).Draw(t, "way") {
	case "apply":
		s.apply("flux", manifest)
	case "client":
		s.clientApply(manifest)
	case "manifest":
		s.apply("flux", manifest)
		return drift.Options{Sources: []drift.Source{s.manifests(manifest)}}
	case "created":
		s.create("someone", s.object(manifest))
	}
	return drift.Options{}
}

// addition is what defaulting, admission or a controller may add.
type addition func(t *rapid.T, s *server)

func additions() []addition {
	return []addition{
		func(_ *rapid.T, s *server) {
			s.defaults(webName, func(u *unstructured.Unstructured) {
				spec := u.Object["spec"].(map[string]any)
				spec["progressDeadlineSeconds"], spec["strategy"] = int64(600), map[string]any{"type": "RollingUpdate"}
				pod := spec["template"].(map[string]any)["spec"].(map[string]any)
				pod["securityContext"], pod["dnsPolicy"] = map[string]any{}, "ClusterFirst"
				for _, c := range pod["containers"].([]any) {
					c := c.(map[string]any)
					c["imagePullPolicy"] = "Always"
					for _, p := range c["ports"].([]any) {
						p.(map[string]any)["protocol"] = "TCP"
					}
				}
			})
		},
		func(t *rapid.T, s *server) {
			manager := rapid.SampledFrom([]string{"kube-controller-manager", "keda-operator", "vpa-updater", "cert-manager-cainjector"}).Draw(t, "controller")
			s.set(manager, webName, rapid.StringMatching(`[a-z]{1,4}`).Draw(t, "value"), "metadata", "annotations", "controller.example.com/note")
		},
		func(t *rapid.T, s *server) { // the same quantity in other words
			s.container("kubectl-edit", webName, func(c map[string]any) {
				requests := c["resources"].(map[string]any)["requests"].(map[string]any)
				var mebibytes int
				if _, err := fmt.Sscanf(fmt.Sprint(requests["memory"]), "%dMi", &mebibytes); err == nil {
					requests["memory"] = fmt.Sprintf("%dKi", 1024*mebibytes)
				}
			})
		},
		func(_ *rapid.T, s *server) {
			s.set("kubectl-rollout", webName, "2026-11-23T09:00:00Z", "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
		},
	}
}

// TestNothingDrifts: whatever defaulting, admission and controllers add, in any
// order, an object is as declared.
func TestNothingDrifts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newServer(t)
		o := declare(t, s, deployment(t))
		d := s.detector(o)
		compare(t, d) // without it nobody can know that who owns a field gave it the value that it had
		for range rapid.IntRange(0, 5).Draw(t, "additions") {
			s.tick(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			rapid.SampledFrom(additions()).Draw(t, "addition")(t, s)
			if rapid.Bool().Draw(t, "look") {
				compare(t, d)
			}
		}
		report := compare(t, d)
		if got := drifted(report); len(got) > 0 {
			t.Fatalf("nobody touched it, and yet\n%s", join(got))
		}
		if report.Count(drift.Synced) != 1 {
			t.Fatalf("%d objects are as declared, want 1", report.Count(drift.Synced))
		}
	})
}

// TestEveryChangeIsFound: every declared field that somebody changes is found, at
// its path, with who did it; and only those.
func TestEveryChangeIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newServer(t)
		o := declare(t, s, deployment(t))
		d := s.detector(o)
		compare(t, d)
		additions()[0](t, s)
		s.tick(time.Minute)
		containers := s.live[webName].Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)
		i := rapid.IntRange(0, len(containers)-1).Draw(t, "container")
		variable := rapid.IntRange(0, len(containers[i].(map[string]any)["env"].([]any))-1).Draw(t, "variable")
		at := fmt.Sprintf("/spec/template/spec/containers/name=c%d", i)
		in := func(change func(c map[string]any)) func() {
			return func() {
				s.update("kubectl-edit", webName, func(u *unstructured.Unstructured) {
					list, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
					change(list[i].(map[string]any))
					if err := unstructured.SetNestedSlice(u.Object, list, "spec", "template", "spec", "containers"); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
		changes := map[string]func(){
			at + "/image": in(func(c map[string]any) { c["image"] = "other:1" }),
			at + "/resources/requests/cpu": in(func(c map[string]any) {
				c["resources"].(map[string]any)["requests"].(map[string]any)["cpu"] = "77"
			}),
			fmt.Sprintf("%s/env/name=V%d/value", at, variable): in(func(c map[string]any) {
				c["env"].([]any)[variable].(map[string]any)["value"] = "OTHER"
			}),
			"/metadata/labels/team": func() { s.set("kubectl-edit", webName, "OTHER", "metadata", "labels", "team") },
		}
		made := map[string]bool{}
		for path, change := range changes {
			if rapid.Bool().Draw(t, "change") {
				change()
				made[path] = true
			}
		}
		found := map[string]bool{}
		for _, f := range compare(t, d).Findings {
			for _, difference := range f.Differences {
				found[difference.Path] = true
				if difference.Manager != "kubectl-edit" || difference.Declared == "" {
					t.Fatalf("%+v: want what was declared, and kubectl-edit", difference)
				}
			}
		}
		if fmt.Sprint(found) != fmt.Sprint(made) {
			t.Fatalf("found %v, made %v", found, made)
		}
	})
}
