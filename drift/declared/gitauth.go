package declared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
)

// credentials reads what the remote is shown; nil: nothing.
func (g *repository) credentials() (transport.AuthMethod, error) {
	a := g.Auth
	switch {
	case a.PasswordFile != "":
		secret, err := os.ReadFile(a.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("git.auth.password_file: %w", err)
		}
		return &http.BasicAuth{Username: a.Username, Password: strings.TrimSpace(string(secret))}, nil
	case a.SSHKeyFile != "":
		keys, err := ssh.NewPublicKeysFromFile(a.Username, a.SSHKeyFile, "")
		if err != nil {
			return nil, fmt.Errorf("git.auth.ssh_key_file %s: %w (it must be a private key without a passphrase)", a.SSHKeyFile, err)
		}
		if a.KnownHostsFile != "" {
			if keys.HostKeyCallback, err = ssh.NewKnownHostsCallback(a.KnownHostsFile); err != nil {
				return nil, fmt.Errorf("git.auth.known_hosts_file: %w", err)
			}
		}
		return keys, nil
	}
	return nil, nil
}

func (a *Auth) ca() ([]byte, error) {
	if a.CAFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(a.CAFile)
	if err != nil {
		return nil, fmt.Errorf("git.auth.ca_file: %w", err)
	}
	return text, nil
}

// explain adds what to do about an error of Git.
func (g *repository) explain(ctx context.Context, err error) error {
	remedy := "is the server reachable from here?"
	switch {
	case errors.Is(err, errQuota):
		remedy = "raise git.max_size, or keep manifests in a repository of their own"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err, remedy = context.DeadlineExceeded, fmt.Sprintf("no answer in %s; raise git.timeout", g.Timeout)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		remedy = "set git.auth, or correct its secret"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		remedy = "correct git.url; some servers say this where a login is missing, then set git.auth"
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		remedy = "push a first commit"
	case strings.Contains(err.Error(), "knownhosts"):
		remedy = "add the server's key to git.auth.known_hosts_file (ssh-keyscan HOST, and compare it)"
	}
	return fmt.Errorf("git %s: %w (%s)", redactURL(g.URL), err, remedy)
}

// errQuota says that a clone outgrew git.max_size.
var errQuota = errors.New("the repository is larger than git.max_size")

// quota is a file system that takes so many bytes and no more. Not safe for
// concurrent use: one clone owns it.
type quota struct {
	billy.Filesystem
	left int64
}

// Create implements billy.Filesystem.
func (q *quota) Create(name string) (billy.File, error) { return q.wrap(q.Filesystem.Create(name)) }

// OpenFile implements billy.Filesystem.
func (q *quota) OpenFile(name string, flag int, mode os.FileMode) (billy.File, error) {
	return q.wrap(q.Filesystem.OpenFile(name, flag, mode))
}

// TempFile implements billy.Filesystem.
func (q *quota) TempFile(dir, prefix string) (billy.File, error) {
	return q.wrap(q.Filesystem.TempFile(dir, prefix))
}

func (q *quota) wrap(f billy.File, err error) (billy.File, error) {
	if err != nil {
		return nil, err
	}
	return &quotaFile{f, q}, nil
}

type quotaFile struct {
	billy.File
	quota *quota
}

// Write implements io.Writer.
func (f *quotaFile) Write(p []byte) (int, error) {
	if f.quota.left -= int64(len(p)); f.quota.left < 0 {
		return 0, errQuota
	}
	return f.File.Write(p)
}
