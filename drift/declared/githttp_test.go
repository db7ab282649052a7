package declared_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/drift/declared"
)

// gitServer is Git's own http-backend behind TLS, which wants to see what it is
// told to want.
type gitServer struct {
	*httptest.Server
	want atomic.Value // the header Authorization; empty: anything
	then atomic.Value // func(http.ResponseWriter, *http.Request) bool: true where it answered
	ca   string       // file of its certificate
}

func serveGit(t *testing.T, r *repo) *gitServer {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed: its http-backend is the server here")
	}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Dir: r.dir, Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	s := &gitServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if then, ok := s.then.Load().(func(http.ResponseWriter, *http.Request) bool); ok && then(w, req) {
			return
		}
		if want, _ := s.want.Load().(string); want != "" && req.Header.Get("Authorization") != want {
			w.Header().Set("WWW-Authenticate", "Basic")
			// As unkind as servers can be: it says what it was sent.
			http.Error(w, "you showed "+req.Header.Get("Authorization")+"\n<html>", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, req)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	s.ca = secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return s
}

// baseline is one at the server, with its certificate's authority.
func (s *gitServer) baseline(r *repo, auth declared.Auth) declared.Config {
	if auth.CAFile == "" {
		auth.CAFile = s.ca
	}
	return declared.Config{Name: "prod", Git: &declared.Git{URL: s.URL + "/" + filepath.Base(r.dir) + "/.git", Ref: "main", Auth: auth}}
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// refused polls, and wants an error that says all of the words and no secret.
func refused(t *testing.T, set *declared.Set, words ...string) {
	t.Helper()
	err := set.Poll(t.Context())
	if err == nil {
		t.Fatalf("want an error that says %q", words)
	}
	for _, text := range []string{err.Error(), set.Status()[0].Error} {
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("got %q, want it to say %q", text, word)
			}
		}
		for _, secret := range []string{"hunter2", base64.StdEncoding.EncodeToString([]byte("ada:hunter2")), "\n"} {
			if strings.Contains(text, secret) {
				t.Errorf("got %q: it must not say %q", text, secret)
			}
		}
	}
}

// TestPrivateHTTPS tells how a private repository is reached, and what an
// operator is told where it is not.
func TestPrivateHTTPS(t *testing.T) {
	r := newRepo(t)
	first := r.commit("one", scaled("1"))
	s := serveGit(t, r)
	password := secretFile(t, "hunter2\n")
	var leaked atomic.Bool
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(leaked.Load() || r.Header.Get("Authorization") != "")
		http.NotFound(w, r)
	}))
	defer other.Close()
	for name, test := range map[string]struct {
		want string
		auth declared.Auth
		then func(http.ResponseWriter, *http.Request) bool
		says []string // empty: it is read
	}{
		"nothing is wanted":      {},
		"a user and a password":  {want: basic("ada", "hunter2"), auth: declared.Auth{Username: "ada", PasswordFile: password}},
		"the usual user":         {want: basic("git", "hunter2"), auth: declared.Auth{PasswordFile: password}},
		"a bearer token":         {want: "Bearer hunter2", auth: declared.Auth{TokenFile: password}},
		"no password":            {want: basic("ada", "other"), says: []string{"authentication required", "set git.auth.password_file, or git.auth.token_file"}},
		"a wrong password":       {want: basic("ada", "other"), auth: declared.Auth{Username: "ada", PasswordFile: password}, says: []string{"you showed Basic …", "correct the secret in git.auth.password_file, and git.auth.username"}},
		"a wrong token":          {want: "Bearer other", auth: declared.Auth{TokenFile: password}, says: []string{"you showed Bearer …", "git.auth.token_file"}},
		"an empty password file": {auth: declared.Auth{PasswordFile: secretFile(t, "\n")}, says: []string{"git.auth.password_file", "is empty"}},
		"a password file with more in it": {auth: declared.Auth{PasswordFile: secretFile(t, "user: ada\npassword: hunter2\n")},
			says: []string{"git.auth.password_file", "more than one line"}},
		"no password file": {auth: declared.Auth{PasswordFile: "/nowhere/password"}, says: []string{"git.auth.password_file: open /nowhere/password"}},
		"no right to read": {auth: declared.Auth{TokenFile: password}, then: func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "enable SSO for hunter2", http.StatusForbidden)
			return true
		}, says: []string{"authorization failed: enable SSO for …", "give the user or token of git.auth.token_file the right to read"}},
		"no such repository": {then: func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true }, says: []string{"repository not found", "correct git.url"}},
		"a broken server": {then: func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true },
			says: []string{"status code: 502"}},
		"no such CA file":      {auth: declared.Auth{CAFile: "/nowhere/ca"}, says: []string{"git.auth.ca_file: open /nowhere/ca"}},
		"a CA file of nothing": {auth: declared.Auth{CAFile: password}, says: []string{"git.auth.ca_file", "holds no certificate"}},
		"another CA":           {auth: declared.Auth{CAFile: otherCA(t)}, says: []string{"unknown authority", "git.auth.ca_file holds another authority"}},
		"sent to another server": {auth: declared.Auth{TokenFile: password}, then: func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusFound)
			return true
		}, says: []string{"repository not found"}},
		"sent to where all can read along": {auth: declared.Auth{TokenFile: password}, then: func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://"+r.Host+r.URL.RequestURI(), http.StatusFound)
			return true
		}, says: []string{"redirect", "scheme"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.want.Store(test.want)
			then := test.then
			if then == nil {
				then = func(http.ResponseWriter, *http.Request) bool { return false }
			}
			s.then.Store(then)
			set := open(t, s.baseline(r, test.auth))
			if len(test.says) > 0 {
				refused(t, set, test.says...)
				return
			}
			if got := poll(t, set); got.Revision.ID != first || got.Objects != 1 {
				t.Errorf("got %+v", got)
			}
		})
	}
	if leaked.Load() {
		t.Error("a server that was redirected to was shown the token")
	}
	c := s.baseline(r, declared.Auth{CAFile: s.ca})
	c.Git.Auth.CAFile = ""
	refused(t, open(t, c), "set git.auth.ca_file to the certificate")
	c = s.baseline(r, declared.Auth{})
	c.Git.URL = strings.Replace(c.Git.URL, "127.0.0.1", "localhost", 1) // the certificate is for example.com and the address
	refused(t, open(t, c), "correct the host in git.url")
}

// otherCA is the certificate of an authority that signed nothing here.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// TestASecretIsRotated: files are read at each poll. A token that no longer holds
// leaves the last good revision, and says since when it is that.
func TestASecretIsRotated(t *testing.T) {
	r := newRepo(t)
	first := r.commit("one", scaled("1"))
	s := serveGit(t, r)
	s.want.Store("Bearer old")
	token := secretFile(t, "old")
	now := noon
	set, err := declared.Open(declared.Options{Baselines: []declared.Config{s.baseline(r, declared.Auth{TokenFile: token})}, Cache: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if got := poll(t, set); got.Revision.ID != first {
		t.Fatalf("got %+v", got)
	}
	second := r.commit("two", scaled("2"))
	s.want.Store("Bearer hunter2")
	now = noon.Add(time.Hour)
	refused(t, set, "correct the secret in git.auth.token_file")
	if got := set.Status()[0]; got.Revision.ID != first || !got.Checked.Equal(noon) || replicas(t, set, "") != "1" {
		t.Errorf("with a token that no longer holds: got %+v, want the revision of before, an hour old", got)
	}
	if err := os.WriteFile(token, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := poll(t, set); got.Revision.ID != second || got.Error != "" || !got.Checked.Equal(now) || replicas(t, set, "") != "2" {
		t.Errorf("with the new token: got %+v", got)
	}
}

// TestARepositoryIsRewritten: a force-push, a branch that goes and comes back, a
// server that goes and comes back, over HTTPS.
func TestARepositoryIsRewritten(t *testing.T) {
	r := newRepo(t)
	first := r.commit("one", scaled("1"))
	second := r.commit("two", scaled("2"))
	r.point("prod", second)
	s := serveGit(t, r)
	c := s.baseline(r, declared.Auth{})
	c.Git.Ref = "prod"
	set := open(t, c)
	poll(t, set)
	stays := func(what string, words ...string) {
		t.Helper()
		refused(t, set, words...)
		if got := set.Status()[0]; got.Revision.ID != first || replicas(t, set, "") != "1" {
			t.Errorf("%s: got %+v, want the last good revision", what, got)
		}
	}
	r.point("prod", first)
	if got := poll(t, set); got.Revision.ID != first || replicas(t, set, "") != "1" || replicas(t, set, second) != "2" {
		t.Errorf("after a force-push: got %+v", got)
	}
	if err := r.Storer.RemoveReference("refs/heads/prod"); err != nil {
		t.Fatal(err)
	}
	stays("a branch that is gone", `no branch or tag "prod" (correct git.ref; it has main)`)
	r.point("prod", first)
	s.then.Store(func(w http.ResponseWriter, _ *http.Request) bool { panic(http.ErrAbortHandler) })
	stays("a server that is gone", "is the server of git.url reachable from here?")
	s.then.Store(func(http.ResponseWriter, *http.Request) bool { return false })
	r.point("prod", second)
	if got := poll(t, set); got.Revision.ID != second || got.Error != "" {
		t.Errorf("after all came back: got %+v", got)
	}
}

// TestAServerThatHangs at the refs or in the middle of a pack is given up after
// git.timeout.
func TestAServerThatHangs(t *testing.T) {
	for name, hang := range map[string]func(w http.ResponseWriter, req *http.Request) bool{
		"before the refs":         func(_ http.ResponseWriter, req *http.Request) bool { return req.Method == http.MethodGet },
		"before the pack":         func(_ http.ResponseWriter, req *http.Request) bool { return req.Method == http.MethodPost },
		"in the middle of a pack": func(w http.ResponseWriter, req *http.Request) bool { return req.Method == http.MethodPost && half(w) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			r.commit("one", scaled("1"))
			s := serveGit(t, r)
			s.then.Store(func(w http.ResponseWriter, req *http.Request) bool {
				if !hang(w, req) {
					return false
				}
				_, _ = io.Copy(io.Discard, req.Body)
				<-req.Context().Done() // until the client has had enough
				return true
			})
			c := s.baseline(r, declared.Auth{})
			c.Git.Timeout = model.Duration(300 * time.Millisecond)
			refused(t, open(t, c), "deadline exceeded", "no answer in 300ms", "raise git.timeout")
		})
	}
}

// half begins the answer with a pack and does not end it.
func half(w http.ResponseWriter) bool {
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	_, _ = io.WriteString(w, "0008NAK\n0023\x01PACK\x00\x00\x00\x02\x00\x00\x00\x03")
	return http.NewResponseController(w).Flush() == nil
}

// TestALargeRepository is refused by its size, and leaves nothing in the cache.
func TestALargeRepository(t *testing.T) {
	r := newRepo(t)
	var noise strings.Builder
	for i := range 40000 { // that does not compress to nothing
		fmt.Fprintf(&noise, "%x\n", i*i*7919)
	}
	r.commit("large", map[string]string{"apps/web.yaml": web, "other/noise.txt": noise.String()})
	s := serveGit(t, r)
	c := s.baseline(r, declared.Auth{})
	c.Git.MaxSize = 64 << 10
	cache := t.TempDir()
	set, err := declared.Open(declared.Options{Baselines: []declared.Config{c}, Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, set, "raise git.max_size")
	left, err := filepath.Glob(filepath.Join(cache, "*", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left in the cache, %v", left, err)
	}
}

// TestTLSIsNotOld: a server that speaks nothing newer than TLS 1.1 is no server.
func TestTLSIsNotOld(t *testing.T) {
	r := newRepo(t)
	r.commit("one", scaled("1"))
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10} //nolint:gosec // on purpose
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	set := open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: s.URL + "/x"}})
	if err := set.Poll(context.Background()); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v", err)
	}
}
