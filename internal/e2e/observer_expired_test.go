//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/driftcast/driftcast/cluster"
	plane "github.com/driftcast/driftcast/internal/cluster"
)

// wire is the network between an observer and its API server, which can be cut.
type wire struct {
	to    string
	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// newWire listens on loopback and passes everything on to a server.
func newWire(t *testing.T, to string) (w *wire, address string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w = &wire{to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = listener.Close(); w.set(true) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go w.pass(conn)
		}
	}()
	return w, listener.Addr().String()
}

func (w *wire) pass(near net.Conn) {
	far, err := new(net.Dialer).DialContext(context.Background(), "tcp", w.to)
	w.mu.Lock()
	if err != nil || w.cut {
		w.mu.Unlock()
		_ = near.Close()
		if far != nil {
			_ = far.Close()
		}
		return
	}
	w.conns[near], w.conns[far] = true, true
	w.mu.Unlock()
	over := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
	}
	go over(near, far)
	over(far, near)
}

// set cuts the wire, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for conn := range w.conns {
		_ = conn.Close()
	}
	clear(w.conns)
}

// wired is the kubeconfig of an administrator who is at the other end of a wire.
func wired(t *testing.T, p *plane.Cluster) (between *wire, kubeconfig string) {
	t.Helper()
	server := strings.TrimPrefix(p.Config(t).Host, "https://")
	between, address := newWire(t, server)
	text, err := os.ReadFile(p.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(strings.ReplaceAll(string(text), server, address)), 0o600); err != nil {
		t.Fatal(err)
	}
	return between, kubeconfig
}

// TestObserverSurvivesAnExpiredWatch cuts an observer off while objects change and
// the API server restarts: what it last saw is then too old to watch from (410
// Gone). All that happened meanwhile is told all the same, once.
func TestObserverSurvivesAnExpiredWatch(t *testing.T) {
	p := plane.Start(t, plane.Options{Nodes: 1}) // its own: it loses its API server
	ns, ctx := p.Namespace(t), t.Context()
	p.Kubectl(t, "-n", ns, "create", "configmap", "kept", "--from-literal=a=0")
	p.Kubectl(t, "-n", ns, "create", "configmap", "lost", "--from-literal=a=0")
	seen, err := p.Client().CoreV1().ConfigMaps(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}

	between, kubeconfig := wired(t, p)
	w := observe(t, kubeconfig, filepath.Join(t.TempDir(), "driftcast.db"), cluster.Config{})
	w.ready(t)

	between.set(true)
	for i := range 5 {
		p.Kubectl(t, "-n", ns, "patch", "configmap", "kept", "-p", fmt.Sprintf(`{"data":{"a":"%d"}}`, i+1), "--field-manager=stranger")
	}
	p.Kubectl(t, "-n", ns, "delete", "configmap", "lost")
	p.KillAPIServer()
	p.StartAPIServer(t)
	soon(t, "the old revision has expired", func() error { return expired(ctx, p, ns, seen.ResourceVersion) })
	between.set(false)

	w.told(t, ns, "updated ConfigMap/"+ns+`/kept /data/a "0" → "5" (stranger) missed`, "deleted ConfigMap/"+ns+"/lost   →  () missed")
	p.Kubectl(t, "-n", ns, "patch", "configmap", "kept", "-p", `{"data":{"a":"6"}}`, "--field-manager=stranger")
	w.told(t, ns, "updated ConfigMap/"+ns+`/kept /data/a "5" → "6" (stranger)`)
}

// expired is nil once the API server says that a watch from a revision is.
func expired(ctx context.Context, p *plane.Cluster, namespace, revision string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	stream, err := p.Client().CoreV1().ConfigMaps(namespace).Watch(ctx, metav1.ListOptions{ResourceVersion: revision})
	if err != nil {
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			return nil
		}
		return err
	}
	defer stream.Stop()
	event, ok := <-stream.ResultChan()
	if ok && event.Type == watch.Error {
		if err := apierrors.FromObject(event.Object); apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			return nil
		}
	}
	return fmt.Errorf("the watch goes on with %s", event.Type)
}
