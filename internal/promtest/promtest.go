// Package promtest starts the real Prometheus, Alertmanager and node_exporter
// (Debian's packages) on loopback for tests, and stops them with the test.
package promtest

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/driftcast/driftcast/internal/proc"
)

// Server is a running child process that answers HTTP.
type Server struct {
	*proc.Process
	URL  string
	Addr string
}

// Prometheus starts a Prometheus with the given configuration file's text. The
// test is skipped, saying why, where the binary is not installed.
func Prometheus(t testing.TB, config string) *Server {
	t.Helper()
	dir := t.TempDir()
	file := write(t, dir, "prometheus.yml", config)
	addr := FreeAddr(t)
	return PrometheusAt(t, addr, file, filepath.Join(dir, "tsdb"))
}

// PrometheusAt starts a Prometheus at an address on an existing folder, so
// that a test can stop it and bring it back.
func PrometheusAt(t testing.TB, addr, configFile, dir string) *Server {
	t.Helper()
	return start(t, addr, "/-/ready", "prometheus", "--config.file="+configFile, "--storage.tsdb.path="+dir,
		"--web.listen-address="+addr, "--log.level=warn")
}

// Alertmanager starts an Alertmanager without gossip.
func Alertmanager(t testing.TB) *Server {
	t.Helper()
	dir := t.TempDir()
	file := write(t, dir, "alertmanager.yml", "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n")
	addr := FreeAddr(t)
	return start(t, addr, "/-/ready", "prometheus-alertmanager", "--config.file="+file, "--storage.path="+dir,
		"--web.listen-address="+addr, "--cluster.listen-address=", "--log.level=warn")
}

// NodeExporter starts a node_exporter that also reads *.prom files in
// textfiles.
func NodeExporter(t testing.TB, textfiles string) *Server {
	t.Helper()
	addr := FreeAddr(t)
	return start(t, addr, "/metrics", "prometheus-node-exporter", "--web.listen-address="+addr,
		"--collector.textfile.directory="+textfiles, "--no-collector.systemd", "--log.level=error")
}

// Start starts any program that answers 200 at ready once it is up.
func Start(t testing.TB, addr, ready, program string, args ...string) *Server {
	t.Helper()
	return start(t, addr, ready, program, args...)
}

func start(t testing.TB, addr, ready, program string, args ...string) *Server {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: apt-get install prometheus prometheus-alertmanager prometheus-node-exporter", program)
	}
	p, err := proc.Start(filepath.Join(t.TempDir(), filepath.Base(program)+".log"), nil, path, args...)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Process: p, URL: "http://" + addr, Addr: addr}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, s.Tail(6000))
		}
	})
	s.wait(t, ready)
	return s
}

func (s *Server) wait(t testing.TB, ready string) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL+ready, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close() // only the status counts
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-s.Done():
			t.Fatalf("it ended before it was ready:\n%s", s.Tail(6000))
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("not ready after 60 s: %s%s", s.URL, ready)
}

// FreeAddr returns a loopback address whose port was free a moment ago.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := proc.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // nothing was sent
	return l.Addr().String()
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
