//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/driftcast/driftcast/cluster"
	plane "github.com/driftcast/driftcast/internal/cluster"
	"github.com/driftcast/driftcast/store"
)

// watcher is an observer with its store, as the service runs it.
type watcher struct {
	*cluster.Observer
	connection *cluster.Connection
	store      *store.Store
	stop       func()
}

func observe(t *testing.T, kubeconfig, database string, config cluster.Config) *watcher {
	t.Helper()
	return observeAt(t, time.Now, kubeconfig, database, config)
}

func observeAt(t *testing.T, now func() time.Time, kubeconfig, database string, config cluster.Config) *watcher {
	t.Helper()
	connection, err := cluster.Connect(cluster.ConnectOptions{Kubeconfig: kubeconfig, QPS: 100})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := store.Open(t.Context(), store.Options{Path: database, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o, err := cluster.New(cluster.Options{Connection: connection, Config: config, Salt: []byte("a salt of a test"), Changes: db.PutChanges, Memory: db, Logger: logger, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	w := &watcher{Observer: o, connection: connection, store: db}
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := errors.Join(<-done, db.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

func (w *watcher) ready(t *testing.T) {
	t.Helper()
	soon(t, "the observer is ready", func() error { return w.Ready() })
}

// soon waits until check says nothing.
func soon(t *testing.T, what string, check func() error) {
	t.Helper()
	eventually(t, 90*time.Second, what, check)
}

// told waits for changes, written as kind object path before → after (manager).
func (w *watcher) told(t *testing.T, namespace string, wants ...string) {
	t.Helper()
	soon(t, "changes", func() error {
		var lines []string
		changes, _, err := w.store.Changes(t.Context(), cluster.ChangeQuery{Namespace: namespace, Limit: 1000})
		for _, c := range changes {
			line := fmt.Sprintf("%s %s %s %s → %s (%s)", c.Kind, c.Object, c.Path, c.Before, c.After, c.Manager)
			if c.Missed {
				line += " missed"
			}
			lines = append(lines, line)
		}
		for _, want := range wants {
			same := 0
			for _, line := range lines {
				if line == want {
					same++
				}
			}
			if same != 1 {
				err = errors.Join(err, fmt.Errorf("%d times %s", same, want))
			}
		}
		if err != nil {
			return fmt.Errorf("%w\nof:\n%s", err, strings.Join(lines, "\n"))
		}
		return nil
	})
}

// shows waits for a value of a series whose labels are among those given.
func (w *watcher) shows(t *testing.T, name string, want float64, labels ...string) {
	t.Helper()
	soon(t, name, func() error {
		sample, err := w.Sample(t.Context(), time.Now())
		if err != nil {
			return err
		}
		for _, s := range sample["driftcast_cluster_"+name] {
			all := true
			for i := 0; i < len(labels); i += 2 {
				all = all && s.Labels.Value(labels[i]) == labels[i+1]
			}
			if all && s.Values[0] == want {
				return nil
			}
		}
		return fmt.Errorf("%s%v is not %v: %v", name, labels, want, sample["driftcast_cluster_"+name])
	})
}

func webApp(name string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, labels: {app: %[1]s}}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      containers: [{name: c, image: "registry.test/app:v1", env: [{name: MODE, value: quiet}]}]
`, name)
}

func TestObserverTellsWhoChangedWhat(t *testing.T) {
	p := controlPlane(t)
	ns := p.Namespace(t)
	p.Apply(t, webApp("web"), "-n", ns)
	p.AwaitRollout(t, ns, "web")
	node := p.AddNodes(t, 1, map[string]string{"nvidia.com/cuda.driver-version.full": "580.1"})[0]
	database := filepath.Join(t.TempDir(), "driftcast.db")
	w := observe(t, p.Kubeconfig(), database, cluster.Config{})
	w.ready(t)
	w.shows(t, "node_version_info", 1, "node", node, "component", "driver", "version", "580.1")
	w.shows(t, "workload_replicas_available", 2, "namespace", ns, "deployment", "web")

	p.Kubectl(t, "-n", ns, "scale", "deploy/web", "--replicas=3")
	p.Kubectl(t, "-n", ns, "set", "env", "deploy/web", "PASSWORD=hunter2", "--field-manager=somebody")
	p.AwaitRollout(t, ns, "web")
	p.Kubectl(t, "-n", ns, "create", "configmap", "cm", "--from-literal=token=hunter2")
	p.Kubectl(t, "-n", ns, "create", "secret", "generic", "s", "--from-literal=a=hunter2")
	p.Kubectl(t, "cordon", node)
	p.Kubectl(t, "label", "node", node, "--overwrite", "nvidia.com/cuda.driver-version.full=580.2")
	p.FailNode(t, node)
	deploy := "Deployment/" + ns + "/web"
	w.told(t, ns, "updated "+deploy+" /spec/replicas 2 → 3 (kubectl)", "created ConfigMap/"+ns+"/cm   →  (kubectl-create)")
	w.told(t, "", "updated Node/"+node+" /spec/unschedulable  → true (kubectl)",
		"updated Node/"+node+` /versions/driver "580.1" → "580.2" ()`,
		"updated Node/"+node+` /status/conditions/type=Ready/status "True" → "False" (kwok)`)
	w.shows(t, "workload_rollouts_total", 1, "namespace", ns, "deployment", "web")
	w.shows(t, "workload_rollout_in_progress", 0, "namespace", ns, "deployment", "web")
	w.shows(t, "spec_changes_total", 1, "deployment", "web", "namespace", ns, "manager", "somebody")
	w.shows(t, "node_condition_flips_total", 1, "node", node, "condition", "Ready")
	w.shows(t, "node_cordons_total", 1, "node", node)

	// What happens while nobody watches.
	w.stop()
	p.Kubectl(t, "-n", ns, "set", "image", "deploy/web", "c=registry.test/app:v2", "--field-manager=stranger")
	p.Kubectl(t, "-n", ns, "delete", "configmap", "cm")
	again := observe(t, p.Kubeconfig(), database, cluster.Config{})
	again.ready(t)
	again.told(t, ns, "updated "+deploy+` /spec/template/spec/containers/name=c/image "registry.test/app:v1" → "registry.test/app:v2" (stranger) missed`,
		"deleted ConfigMap/"+ns+"/cm   →  () missed")
	again.stop()
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(database + suffix)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "hunter2") {
			t.Errorf("a secret is in %s", database+suffix)
		}
	}
}

func TestObserverSurvivesTheAPIServer(t *testing.T) {
	p := plane.Start(t, plane.Options{Nodes: 2})
	p.Apply(t, webApp("web"))
	p.AwaitRollout(t, "default", "web")
	w := observe(t, p.Kubeconfig(), filepath.Join(t.TempDir(), "driftcast.db"), cluster.Config{})
	w.ready(t)
	for i := range 3 {
		p.KillAPIServer()
		time.Sleep(time.Duration(i) * time.Second)
		p.StartAPIServer(t)
		back := time.Now()
		p.Kubectl(t, "scale", "deploy/web", fmt.Sprint("--replicas=", 3+i))
		w.told(t, "default", fmt.Sprintf("updated Deployment/default/web /spec/replicas %d → %d (kubectl)", []int{2, 3, 4}[i], 3+i))
		t.Logf("seen %s after the server was back", time.Since(back).Round(10*time.Millisecond))
		if err := w.Ready(); err != nil {
			t.Error(err)
		}
	}
	back := time.Now()
	soon(t, "all watches are proved alive", func() error {
		if w.Fresh().Before(back) {
			return fmt.Errorf("fresh %s, the server was back %s", w.Fresh(), back)
		}
		return nil
	})
	t.Logf("all watches proved alive %s after the last start", time.Since(back).Round(10*time.Millisecond))
}

func TestObserverNamesTheRightThatIsMissing(t *testing.T) {
	p := controlPlane(t)
	ns := p.Namespace(t)
	var rules []rbacv1.PolicyRule
	for _, r := range (cluster.Config{}).Resources() {
		if r.Resource != "nodes" {
			rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{r.Group}, Resources: []string{r.Resource}, Verbs: []string{"list", "watch"}})
		}
	}
	w := observe(t, p.KubeconfigFor(t, ns, "blind", rules...), filepath.Join(t.TempDir(), "driftcast.db"), cluster.Config{})
	soon(t, "only nodes are missing", func() error {
		err := w.Ready()
		if errors.Is(err, cluster.ErrForbidden) && !strings.Contains(err.Error(), "\n") &&
			strings.Contains(err.Error(), `list nodes: forbidden: a role of our ServiceAccount must allow verb "list" on resource "nodes"`) {
			return nil
		}
		return fmt.Errorf("ready says %w", err)
	})
	if !w.Fresh().IsZero() {
		t.Error("fresh without nodes")
	}
	p.Allow(t, ns, "blind", append(slices.Clone(rules), rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list", "watch"}})...)
	w.ready(t)
}

func TestOneLeadsAndHandsOver(t *testing.T) {
	p := controlPlane(t)
	ns := p.Namespace(t)
	var mu sync.Mutex
	leading := map[string]bool{}
	lead := func(ctx context.Context, identity string) (done chan error) {
		connection, err := cluster.Connect(cluster.ConnectOptions{Kubeconfig: p.Kubeconfig()})
		if err != nil {
			t.Fatal(err)
		}
		e, err := cluster.NewElection(cluster.LeadOptions{Connection: connection, Namespace: ns, Name: "driftcast", Identity: identity, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		done = make(chan error, 1)
		go func() {
			done <- e.Lead(ctx, func(ctx context.Context) error {
				mu.Lock()
				leading[identity] = true
				if len(leading) > 1 {
					t.Errorf("two lead at once: %v", leading)
				}
				mu.Unlock()
				<-ctx.Done()
				time.Sleep(300 * time.Millisecond) // what is in flight ends
				mu.Lock()
				delete(leading, identity)
				mu.Unlock()
				return nil
			})
		}()
		return done
	}
	leads := func(identity string) {
		soon(t, identity+" leads", func() error {
			mu.Lock()
			defer mu.Unlock()
			if !leading[identity] {
				return fmt.Errorf("leads: %v", leading)
			}
			return nil
		})
	}
	first, stopFirst := context.WithCancel(t.Context())
	defer stopFirst()
	a := lead(first, "a")
	leads("a")
	second, stopSecond := context.WithCancel(t.Context())
	defer stopSecond()
	b := lead(second, "b")
	stopFirst()
	began := time.Now()
	if err := <-a; err != nil {
		t.Error(err)
	}
	leads("b")
	t.Logf("handed over in %s", time.Since(began).Round(10*time.Millisecond))
	stopSecond()
	if err := <-b; err != nil {
		t.Error(err)
	}
}
