package declared_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/driftcast/driftcast/drift/declared"
)

// sshServer serves git-upload-pack to one key and one user, with host keys of two
// types, as servers have.
type sshServer struct {
	address string
	hosts   []ssh.Signer // ECDSA, Ed25519
	mute    atomic.Bool  // takes connections, and says nothing
	then    atomic.Value // func(ssh.Channel) uint32: instead of Git; its exit status
}

func newSSHKey(t *testing.T, old bool) (signer ssh.Signer, text string) {
	t.Helper()
	var private any
	var err error
	if old {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	if signer, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

func serveSSH(t *testing.T, user string, key ssh.PublicKey) *sshServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sshServer{address: listener.Addr().String()}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, shown ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != user || string(shown.Marshal()) != string(key.Marshal()) {
			return nil, errors.New("not this one")
		}
		return nil, nil
	}}
	for _, old := range []bool{true, false} {
		host, _ := newSSHKey(t, old)
		s.hosts = append(s.hosts, host)
		config.AddHostKey(host)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			wire, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer func() { _ = wire.Close() }()
				if s.mute.Load() {
					_, _ = io.Copy(io.Discard, wire) // until the client has had enough
					return
				}
				s.serve(wire, config)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Wait()
	})
	return s
}

func (s *sshServer) serve(wire net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(wire, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for asked := range channels {
		channel, requests, err := asked.Accept()
		if err != nil {
			return
		}
		for request := range requests {
			if request.Type != "exec" {
				_ = request.Reply(false, nil)
				continue
			}
			_ = request.Reply(true, nil)
			status := s.git(channel, string(request.Payload[4:]))
			_, _ = channel.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, status))
			_ = channel.Close()
		}
	}
}

func (s *sshServer) git(channel ssh.Channel, command string) uint32 {
	if then, ok := s.then.Load().(func(ssh.Channel) uint32); ok && then != nil {
		return then(channel)
	}
	cmd := exec.Command("sh", "-c", command) //nolint:gosec,noctx // as sshd does; it ends with its input
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 1
	}
	go func() { _, _ = io.Copy(in, channel); _ = in.Close() }()
	_ = cmd.Wait()
	return uint32(cmd.ProcessState.ExitCode()) //nolint:gosec // 0 to 255
}

// known writes a known_hosts file with one of the host's keys.
func (s *sshServer) known(t *testing.T, key ssh.PublicKey) string {
	t.Helper()
	return secretFile(t, knownhosts.Line([]string{knownhosts.Normalize(s.address)}, key)+"\n")
}

// TestPrivateSSH tells how a private repository is reached with a deploy key, and
// what an operator is told where it is not.
func TestPrivateSSH(t *testing.T) {
	r := newRepo(t)
	first := r.commit("one", scaled("1"))
	public, key := newSSHKey(t, false)
	s := serveSSH(t, "deploy", public.PublicKey())
	_, port, _ := net.SplitHostPort(s.address)
	url := "ssh://deploy@" + s.address + r.dir
	good := declared.Auth{SSHKeyFile: secretFile(t, key), KnownHostsFile: s.known(t, s.hosts[1].PublicKey())}
	stranger, strange := newSSHKey(t, false)
	block, _ := pem.Decode([]byte(key))
	parsed, err := ssh.ParseRawPrivateKey([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(parsed, "", []byte("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(a *declared.Auth)) declared.Auth {
		a := good
		change(&a)
		return a
	}
	for name, test := range map[string]struct {
		url  string // empty: url
		auth declared.Auth
		then func(ssh.Channel) uint32
		says []string // empty: it is read
	}{
		"the URL's user":                {auth: good},
		"auth.username goes first":      {url: strings.Replace(url, "deploy@", "", 1), auth: with(func(a *declared.Auth) { a.Username = "deploy" })},
		"the other host key":            {auth: with(func(a *declared.Auth) { a.KnownHostsFile = s.known(t, s.hosts[0].PublicKey()) })},
		"a key that others may read":    {auth: with(func(a *declared.Auth) { a.SSHKeyFile = mode(t, key, 0o644) })}, // as a Secret is mounted
		"the usual user":                {url: strings.Replace(url, "deploy@", "", 1), auth: good, says: []string{"unable to authenticate", "as a deploy key", "git.auth.username"}},
		"another key":                   {auth: with(func(a *declared.Auth) { a.SSHKeyFile = secretFile(t, strange) }), says: []string{"unable to authenticate", "the public half of git.auth.ssh_key_file"}},
		"an unknown host":               {auth: with(func(a *declared.Auth) { a.KnownHostsFile = secretFile(t, "") }), says: []string{"key is unknown", "add the server's key to git.auth.known_hosts_file"}},
		"another host's key":            {auth: with(func(a *declared.Auth) { a.KnownHostsFile = s.known(t, stranger.PublicKey()) }), says: []string{"key mismatch", "somebody sits between"}},
		"no known_hosts file":           {auth: with(func(a *declared.Auth) { a.KnownHostsFile = "/nowhere/hosts" }), says: []string{"git.auth.known_hosts_file: stat /nowhere/hosts"}},
		"a known_hosts file of nothing": {auth: with(func(a *declared.Auth) { a.KnownHostsFile = secretFile(t, "x y z\n") }), says: []string{"git.auth.known_hosts_file", "ssh-keyscan"}},
		"no key file":                   {auth: with(func(a *declared.Auth) { a.SSHKeyFile = "/nowhere/key" }), says: []string{"git.auth.ssh_key_file: open /nowhere/key"}},
		"a key with a passphrase": {auth: with(func(a *declared.Auth) { a.SSHKeyFile = secretFile(t, string(pem.EncodeToMemory(locked))) }),
			says: []string{"git.auth.ssh_key_file", "has a passphrase"}},
		"a public key": {auth: with(func(a *declared.Auth) {
			a.SSHKeyFile = secretFile(t, string(ssh.MarshalAuthorizedKey(public.PublicKey())))
		}),
			says: []string{"git.auth.ssh_key_file", "it must hold a private key"}},
		"a broken key": {auth: with(func(a *declared.Auth) {
			a.SSHKeyFile = secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:40]})))
		}), says: []string{"git.auth.ssh_key_file", "it must hold a private key"}},
		"no such repository": {url: url + "/nowhere", auth: good, says: []string{"the server says", "not appear to be a git repository", "correct git.url"}},
		"a server that refuses in its own words": {auth: good, then: func(c ssh.Channel) uint32 {
			_, _ = io.WriteString(c.Stderr(), "ERROR: no access to shop/infra.\n\nAsk the owner.\n")
			return 1
		}, says: []string{"the server says: ERROR: no access to shop/infra. Ask the owner.", "correct git.url"}},
		"a server that talks nonsense": {auth: good, then: func(c ssh.Channel) uint32 {
			_, _ = io.WriteString(c, "welcome to this machine")
			_, _ = io.Copy(io.Discard, c) // and waits
			return 0
		}, says: []string{"is the server of git.url"}},
		"nobody listens": {url: "ssh://deploy@127.0.0.1:1" + r.dir, auth: good, says: []string{"connection refused", "reachable from here"}},
		"the short form": {url: "deploy@127.0.0.1:" + port + ":" + r.dir, auth: good},
	} {
		t.Run(name, func(t *testing.T) {
			s.then.Store(test.then)
			c := declared.Config{Name: "prod", Git: &declared.Git{URL: test.url, Ref: "main", Auth: test.auth}}
			if test.url == "" {
				c.Git.URL = url
			}
			set := open(t, c)
			if len(test.says) > 0 {
				refused(t, set, test.says...)
				return
			}
			if got := poll(t, set); got.Revision.ID != first || got.Objects != 1 {
				t.Errorf("got %+v", got)
			}
			second := r.commit("again", nil)
			if got := poll(t, set); got.Revision.ID != second {
				t.Errorf("after a commit: got %+v", got)
			}
			r.point("main", first)
			poll(t, set)
		})
	}
}

func mode(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := errors.Join(os.WriteFile(file, []byte(text), mode), os.Chmod(file, mode)); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAnSSHServerThatHangs before its first word, and in the middle of Git's, is
// given up after git.timeout; the baseline can be polled again.
func TestAnSSHServerThatHangs(t *testing.T) {
	r := newRepo(t)
	first := r.commit("one", scaled("1"))
	public, key := newSSHKey(t, false)
	s := serveSSH(t, "git", public.PublicKey())
	set := open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: "ssh://" + s.address + r.dir, Timeout: model.Duration(300 * time.Millisecond),
		Auth: declared.Auth{SSHKeyFile: secretFile(t, key), KnownHostsFile: s.known(t, s.hosts[1].PublicKey())}}})
	s.mute.Store(true)
	refused(t, set, "no answer in 300ms", "raise git.timeout")
	s.mute.Store(false)
	s.then.Store(func(c ssh.Channel) uint32 {
		_, _ = io.WriteString(c, "0100")
		_, _ = io.Copy(io.Discard, c)
		return 0
	})
	refused(t, set, "no answer in 300ms", "raise git.timeout")
	s.then.Store((func(ssh.Channel) uint32)(nil))
	for set.Poll(t.Context()) != nil && t.Context().Err() == nil { // as slow as this machine may be
		continue
	}
	if got := set.Status()[0]; got.Revision.ID != first {
		t.Errorf("got %+v", got)
	}
}
