//go:build e2e

package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/driftcast/driftcast/internal/proc"
	"github.com/driftcast/driftcast/internal/promtest"
)

// gitSeat is one who has a private repository and the binary.
type gitSeat struct {
	t         *testing.T
	dir, repo string
	env       []string
}

// newGitSeat makes a repository with one Deployment of two replicas.
func newGitSeat(t *testing.T) *gitSeat {
	t.Helper()
	s := &gitSeat{t: t, dir: t.TempDir()}
	s.repo = filepath.Join(s.dir, "infra")
	s.git("init", "-q", "-b", "main", s.repo)
	s.commit("web: two replicas", "replicas: 2")
	return s
}

func (s *gitSeat) git(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "git", args...)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *gitSeat) commit(subject, replicas string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.repo, "clusters/prod"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	writeFile(s.t, filepath.Join(s.repo, "clusters/prod/web.yaml"), fmt.Sprintf(driftedDeployment, replicas, "web:1"))
	s.git("-C", s.repo, "add", ".")
	s.git("-C", s.repo, "commit", "-q", "-m", subject)
}

func (s *gitSeat) head() string { return s.git("-C", s.repo, "rev-parse", "HEAD")[:10] }

// file writes a file that only its owner may read.
func (s *gitSeat) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// run runs the binary with a configuration of one baseline and wants words, an
// exit code and no secret.
func (s *gitSeat) run(baseline string, code int, command string, words ...string) {
	s.t.Helper()
	config := s.file("driftcast.yml", "baselines:\n- "+baseline+"\n")
	args := append(strings.Fields(command), "--config.file", config, "--storage.path", filepath.Join(s.dir, "storage"))
	cmd := exec.CommandContext(s.t.Context(), binary(s.t), args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.Contains(strings.ToUpper(v), "_PROXY=") || strings.HasPrefix(v, "SSH_AUTH_SOCK=")
	}), s.env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("%s: exit %d, want %d\n%s", command, got, code, out)
	}
	for _, word := range words {
		if !strings.Contains(string(out), word) {
			s.t.Errorf("%s: no %q in\n%s", command, word, out)
		}
	}
	if strings.Contains(string(out), "hunter2") {
		s.t.Errorf("%s: a secret is told:\n%s", command, out)
	}
	s.t.Logf("driftcast %s (exit %d)\n%s", command, cmd.ProcessState.ExitCode(), out)
}

// sshd is OpenSSH's own server on loopback: its host has two keys, and one deploy
// key may run git-upload-pack on the repository and nothing else.
type sshd struct {
	addr, user, config string
	process            *proc.Process
}

func startSSHD(t *testing.T, s *gitSeat) *sshd {
	t.Helper()
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd" // where it lies, and not in everybody's PATH
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("sshd is not installed: apt-get install openssh-server")
	}
	if os.Geteuid() == 0 { // it wants this folder where it has privileges to give up
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{"host_ed25519": "ed25519", "host_rsa": "rsa", "deploy": "ed25519", "stranger": "ed25519"} {
		if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", kind, "-N", "", "-f", filepath.Join(s.dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	public, err := os.ReadFile(filepath.Join(s.dir, "deploy.pub"))
	if err != nil {
		t.Fatal(err)
	}
	keys := s.file("authorized_keys", `command="git-upload-pack '`+s.repo+`'",restrict `+string(public))
	d := &sshd{addr: promtest.FreeAddr(t), user: me.Username}
	_, port, _ := net.SplitHostPort(d.addr)
	d.config = s.file("sshd_config", fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s/host_ed25519\nHostKey %s/host_rsa\nAuthorizedKeysFile %s\n"+
		"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin forced-commands-only\n", port, s.dir, s.dir, keys))
	d.start(t, program)
	return d
}

func (d *sshd) start(t *testing.T, program string) {
	t.Helper()
	var err error
	if d.process, err = proc.Start(filepath.Join(t.TempDir(), "sshd.log"), nil, program, "-D", "-e", "-f", d.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.process.Stop)
	eventually(t, 20*time.Second, "sshd answers", func() error {
		select {
		case <-d.process.Done():
			t.Fatalf("sshd ended: %s", d.process.Tail(2000))
		default:
		}
		wire, err := net.Dial("tcp", d.addr)
		if err != nil {
			return err
		}
		defer wire.Close()
		banner := make([]byte, 4)
		if _, err = io.ReadFull(wire, banner); err == nil && string(banner) != "SSH-" {
			err = fmt.Errorf("it says %q", banner)
		}
		return err
	})
}

// TestPrivateGitOverSSH: a deploy key at a real sshd, what is said where it is
// refused, and what is left where the server is gone.
func TestPrivateGitOverSSH(t *testing.T) {
	s := newGitSeat(t)
	d := startSSHD(t, s)
	_, port, _ := net.SplitHostPort(d.addr)
	scan := func(kind string) string {
		out, err := exec.CommandContext(t.Context(), "ssh-keyscan", "-t", kind, "-p", port, "127.0.0.1").Output()
		if err != nil || len(out) == 0 {
			t.Fatalf("ssh-keyscan: %v: %s", err, d.process.Tail(2000))
		}
		return string(out)
	}
	s.file("known_hosts", scan("rsa")) // not the kind that clients prefer
	s.file("known_ed25519", scan("ed25519"))
	baseline := func(key, hosts string) string {
		return fmt.Sprintf("{name: prod, git: {url: 'ssh://%s@%s%s', ref: main, path: clusters/prod, auth: {ssh_key_file: %s, known_hosts_file: %s}}}", d.user, d.addr, s.repo, key, hosts)
	}
	good := baseline("deploy", "known_hosts")
	first := s.head()
	s.run(good, 0, "baseline list", first, "web: two replicas (Ada")
	s.run(baseline("deploy", "known_ed25519"), 0, "baseline show prod", "Deployment/default/web", "web.yaml:1")
	s.run(good, 0, "baseline show prod Deployment/default/web", "replicas: 2")
	s.run(baseline("stranger", "known_hosts"), 2, "baseline list", "unable to authenticate", "git.auth.ssh_key_file", first)
	s.file("no_hosts", "")
	s.run(baseline("deploy", "no_hosts"), 2, "baseline list", "key is unknown", "git.auth.known_hosts_file")
	stranger, err := os.ReadFile(filepath.Join(s.dir, "stranger.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s.file("other_hosts", "[127.0.0.1]:"+port+" "+string(stranger))
	s.run(baseline("deploy", "other_hosts"), 2, "baseline list", "somebody sits between")

	s.commit("web: five replicas", "replicas: 5")
	second := s.head()
	s.run(good, 0, "baseline list", second)
	c := controlPlane(t)
	ns := c.Namespace(t)
	c.Apply(t, fmt.Sprintf(driftedDeployment, "replicas: 2", "web:1"), "-n", ns)
	in := strings.TrimSuffix(good, "}") + ", namespace: " + ns + "}"
	s.run(in, 1, "drift --kubeconfig "+c.Kubeconfig()+" -n "+ns+" --baseline prod", "/spec/replicas", "5 → 2", "git")
	s.run(in, 1, "baseline compare prod --kubeconfig "+c.Kubeconfig()+" -n "+ns, "/spec/replicas", "5 → 2")

	s.run(in, 0, "baseline record "+filepath.Join(s.dir, "recorded")+" --kubeconfig "+c.Kubeconfig()+" -n "+ns+" --kind Deployment", "deployment.apps-web.yaml", "1 objects recorded")

	d.process.Stop()
	s.run(good, 2, "baseline list", second, "connection refused", "reachable from here")
	s.run(good, 2, "baseline show prod Deployment/default/web", "replicas: 5", "connection refused")
}

// TestPrivateGitOverHTTPS: Git's own http-backend behind TLS by a private
// authority, a token, and a proxy between.
func TestPrivateGitOverHTTPS(t *testing.T) {
	s := newGitSeat(t)
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Dir: s.dir, Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
		Env: []string{"GIT_PROJECT_ROOT=" + s.dir, "GIT_HTTP_EXPORT_ALL=1"}}
	var token atomic.Value
	token.Store("hunter2")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		if want := token.Load().(string); r.Header.Get("Authorization") != "Bearer "+want && (name != "oauth2" || password != want) {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "HTTP Basic: Access denied", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{s.authority("git.example.test")}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	proxy, asked := connectProxy(t, server.Listener.Addr().String())
	s.env = []string{"HTTPS_PROXY=" + proxy}
	s.file("token", "hunter2\n")
	baseline := func(auth string) string {
		return "{name: prod, git: {url: 'https://git.example.test/infra/.git', ref: main, path: clusters/prod, auth: {ca_file: ca.pem" + auth + "}}}"
	}
	basic := baseline(", username: oauth2, password_file: token")
	first := s.head()
	s.run(basic, 0, "baseline list", first, "web: two replicas (Ada")
	s.run(baseline(", token_file: token"), 0, "baseline show prod Deployment/default/web", "replicas: 2")
	if got := asked(); len(got) == 0 || slices.ContainsFunc(got, func(host string) bool { return host != "git.example.test:443" }) {
		t.Errorf("the proxy was asked for %q", got)
	}
	s.run(baseline(""), 2, "baseline list", "HTTP Basic: Access denied", "git.auth.password_file", first)
	s.run(strings.Replace(basic, "ca_file: ca.pem, ", "", 1), 2, "baseline list", "unknown authority", "set git.auth.ca_file")

	s.commit("web: five replicas", "replicas: 5")
	token.Store("hunter2-rotated")
	s.run(basic, 2, "baseline list", first, "correct the secret in git.auth.password_file")
	s.file("token", "hunter2-rotated\n")
	s.run(basic, 0, "baseline list", s.head(), "web: five replicas")
	s.git("-C", s.repo, "reset", "-q", "--hard", "HEAD~1")
	s.commit("web: pushed over", "replicas: 6")
	s.run(basic, 0, "baseline show prod Deployment/default/web", "replicas: 6")
	s.git("-C", s.repo, "branch", "-m", "main", "trunk")
	s.run(basic, 2, "baseline list", s.head(), `no branch or tag "main"`, "it has trunk")
}

// authority makes a certificate for a host, signed by an authority of its own,
// whose certificate is the file ca.pem.
func (s *gitSeat) authority(host string) tls.Certificate {
	s.t.Helper()
	make := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			s.t.Fatal(err)
		}
		if signer == nil {
			signer = key
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			s.t.Fatal(err)
		}
		return der, key
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, signer := make(ca, ca, nil)
	s.file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	leaf, key := make(&x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{host}}, ca, signer)
	return tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key}
}

// connectProxy tunnels every host to one address, and tells which were asked for.
func connectProxy(t *testing.T, to string) (url string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var hosts []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hosts = append(hosts, r.Host)
		mu.Unlock()
		out, err := net.Dial("tcp", to)
		if err != nil || r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer out.Close()
		wire, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer wire.Close()
		_, _ = io.WriteString(wire, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(out, wire); _ = out.Close() }()
		_, _ = io.Copy(wire, out)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(hosts)
	}
}
