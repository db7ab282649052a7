package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/driftcast/driftcast/cluster"
)

const (
	nodes       = "/api/v1/nodes"
	configMaps  = "/api/v1/configmaps"
	deployments = "/apis/apps/v1/deployments"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func kubeconfig(t testing.TB, url string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\ncurrent-context: c\n", url)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// notebook is the store of a test.
type notebook struct {
	mu      sync.Mutex
	changes []cluster.Change
	seen    map[string]cluster.Seen
	fail    error
}

func (n *notebook) take(_ context.Context, batch []cluster.Change) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		err := n.fail
		n.fail = nil
		return err
	}
	n.changes = append(n.changes, batch...)
	return nil
}

func (n *notebook) Remember(_ context.Context, batch []cluster.Seen) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range batch {
		n.seen[s.Object.String()] = s
		if s.Gone {
			delete(n.seen, s.Object.String())
		}
	}
	return nil
}

func (n *notebook) Recall(context.Context) iter.Seq2[cluster.Seen, error] {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []cluster.Seen
	for _, s := range n.seen {
		all = append(all, s)
	}
	return func(yield func(cluster.Seen, error) bool) {
		for _, s := range all {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// lines writes changes shortly: updated Node/n1 /spec/x 1 → 2 (kubectl) missed.
func (n *notebook) lines() (out []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.changes {
		line := fmt.Sprintf("%s %s %s %s → %s (%s)", c.Kind, c.Object, c.Path, c.Before, c.After, c.Manager)
		if c.Missed {
			line += " missed"
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// observe runs an observer until the test ends or stop is called.
func observe(t *testing.T, c *cluster.Connection, n *notebook, config cluster.Config) (o *cluster.Observer, stop func()) {
	t.Helper()
	o, err := cluster.New(cluster.Options{
		Connection: c, Config: config, Salt: salt, Changes: n.take, Memory: n, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return o, stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within 20 s", what)
}

func configMap(name, value, manager string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata:
  name: %s
  namespace: shop
  uid: uid-%s
  creationTimestamp: "2026-11-01T10:00:00Z"
  managedFields: [{manager: %s, operation: Update, time: "2026-11-02T10:00:00Z", fieldsV1: {"f:data": {"f:a": {}}}}]
data: {a: %q}
`, name, name, manager, value)
}

func TestChangesAreSeenOnceAcrossWatchesGapsAndRestarts(t *testing.T) {
	s := newServer(t)
	s.put(t, configMaps, configMap("kept", "1", "helm"), false)
	s.put(t, configMaps, configMap("lost", "1", "helm"), false)
	n := &notebook{seen: map[string]cluster.Seen{}, fail: errors.New("the disk is busy")}
	o, stop := observe(t, s.connect(t), n, cluster.Config{})
	eventually(t, "ready", func() bool { return o.Ready() == nil })

	s.put(t, configMaps, configMap("kept", "2", "kubectl"), false) // the store refuses once
	want := []string{`updated ConfigMap/shop/kept /data/a "1" → "2" (kubectl)`}
	eventually(t, "a change", func() bool { return slices.Equal(n.lines(), want) })

	s.sever() // a watch that ends goes on where it was
	s.put(t, configMaps, configMap("kept", "3", "kubectl"), false)
	want = append(want, `updated ConfigMap/shop/kept /data/a "2" → "3" (kubectl)`)
	eventually(t, "a change over a cut", func() bool { return slices.Equal(n.lines(), want) })

	s.put(t, configMaps, configMap("kept", "4", "argocd"), true) // 410: too old to go on
	s.remove(configMaps, "shop/lost", true)
	s.sever()
	want = append(want, `updated ConfigMap/shop/kept /data/a "3" → "4" (argocd) missed`, `deleted ConfigMap/shop/lost   →  () missed`)
	slices.Sort(want)
	eventually(t, "a gap", func() bool { return slices.Equal(n.lines(), want) })

	stop()
	s.put(t, configMaps, configMap("kept", "5", "kubectl"), false)
	s.put(t, configMaps, strings.Replace(configMap("made", "1", "helm"), "2026-11-01T10", "2126-11-01T10", 1), false)
	again, _ := observe(t, s.connect(t), n, cluster.Config{})
	eventually(t, "ready again", func() bool { return again.Ready() == nil })
	want = append(want, `updated ConfigMap/shop/kept /data/a "4" → "5" (kubectl) missed`, `created ConfigMap/shop/made   →  (helm) missed`)
	slices.Sort(want)
	eventually(t, "what nobody watched", func() bool { return slices.Equal(n.lines(), want) })
	for _, c := range n.changes {
		if c.At.After(time.Now()) {
			t.Errorf("%s is from the future: %s", c.Object, c.At)
		}
	}
	object, ok := again.Object(cluster.Ref{Version: "v9", Kind: "ConfigMap", Namespace: "shop", Name: "kept"})
	if !ok || !strings.Contains(string(object.Body), `"a":"5"`) {
		t.Errorf("got %v %v", object, ok)
	}
}

func TestAKindThatMayNotBeWatchedDoesNotStopTheOthers(t *testing.T) {
	s := newServer(t)
	s.put(t, nodes, node("n1", "True"), false)
	s.answer("/apis/networking.k8s.io/v1/ingresses", 403)
	s.answer("/apis/cert-manager.io/v1/certificates", 404)
	n := &notebook{seen: map[string]cluster.Seen{}}
	o, _ := observe(t, s.connect(t), n, cluster.Config{Watch: []cluster.Resource{{Group: "cert-manager.io", Version: "v1", Resource: "certificates"}}})
	eventually(t, "all but two, which are not listed either", func() bool {
		err := o.Ready()
		return err != nil && errors.Is(err, cluster.ErrForbidden) && errors.Is(err, cluster.ErrAbsent) &&
			strings.Count(err.Error(), "\n") == 1 && !strings.Contains(err.Error(), "watch ")
	})
	err := o.Ready()
	if !errors.Is(err, cluster.ErrForbidden) || !errors.Is(err, cluster.ErrAbsent) {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{`verb "list" on resource "ingresses.networking.k8s.io"`, "list certificates.cert-manager.io", "install its CustomResourceDefinition"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %s", err, want)
		}
	}
	if _, ok := o.Object(cluster.Ref{Kind: "Node", Name: "n1"}); !ok || o.Fresh().IsZero() {
		t.Errorf("the node is not there, or nothing is fresh: %v", o.Fresh())
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(o.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sample, err := o.Sample(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	exported := map[string]int{}
	for _, f := range families {
		exported[f.GetName()] = len(f.GetMetric())
	}
	for name, series := range sample {
		if exported[name] != len(series) {
			t.Errorf("%s: %d series in History, %d on /metrics", name, len(series), exported[name])
		}
	}
}

func node(name, ready string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Node
metadata: {name: %s, uid: uid-%s, creationTimestamp: "2026-11-01T10:00:00Z"}
status:
  conditions: [{type: Ready, status: "%s", lastTransitionTime: "2026-11-0%dT10:00:00Z"}]
  nodeInfo: {kubeletVersion: v1}
`, name, name, ready, 1+len(ready))
}

func TestTheClockOfTheServer(t *testing.T) {
	s := newServer(t)
	c := s.connect(t)
	for _, skew := range []time.Duration{0, time.Hour, -time.Minute} {
		s.mu.Lock()
		s.skew = skew
		s.mu.Unlock()
		if version, err := c.Check(t.Context()); err != nil || version != "v1.37.2" {
			t.Fatal(version, err)
		}
		if got := c.Skew(); (got - skew).Abs() > 2*time.Second {
			t.Errorf("got a skew of %s, want %s", got, skew)
		}
	}
	if c.Requests() != 3 {
		t.Errorf("counted %d requests", c.Requests())
	}
	s.Close()
	if _, err := c.Check(t.Context()); !errors.Is(err, cluster.ErrUnreachable) || !strings.Contains(err.Error(), "check the server's address") {
		t.Errorf("got %v", err)
	}
}
