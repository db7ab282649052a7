package declared

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/driftcast/driftcast/cluster"
)

// explain adds what to do about an error of Git, in one line.
func (g *repository) explain(ctx context.Context, err error) error {
	remedy := g.remedy(ctx, err)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = context.DeadlineExceeded
	}
	words := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r < ' ' }), " ")
	return fmt.Errorf("git %s: %w (%s)", redactURL(g.URL), worded{err, cluster.Cut(words, 300)}, remedy)
}

func (g *repository) remedy(ctx context.Context, err error) string {
	var (
		unknown *knownhosts.KeyError
		foreign x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, errQuota):
		return "raise git.max_size, or keep manifests in a repository of their own"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no answer in %s; is the server well? else raise git.timeout", g.Timeout)
	case errors.Is(err, transport.ErrAuthenticationRequired) && g.Auth.secretKey() == "":
		return "set git.auth.password_file, or git.auth.token_file"
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return fmt.Sprintf("correct the secret in %s, and git.auth.username if it goes with one", g.Auth.secretKey())
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Sprintf("give the user or token of %s the right to read the repository", cmp.Or(g.Auth.secretKey(), "git.auth"))
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return "correct git.url; some servers say this where a login is missing or may not read it, then look at git.auth"
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return "push a first commit"
	case errors.As(err, &unknown) && len(unknown.Want) == 0:
		return "add the server's key to git.auth.known_hosts_file: what ssh-keyscan prints of the host, compared with the server's own"
	case errors.As(err, &unknown):
		return "the server shows another key than git.auth.known_hosts_file holds: it was renewed, or somebody sits between; ask the server's owner before you replace it"
	case strings.Contains(err.Error(), "ssh: unable to authenticate"): // it has no type
		return "the server takes no such key: add the public half of git.auth.ssh_key_file to the repository as a deploy key, and look at the user in git.url or git.auth.username"
	case errors.As(err, &foreign) && g.Auth.CAFile == "":
		return "set git.auth.ca_file to the certificate of the authority that signed the server's"
	case errors.As(err, &foreign):
		return "git.auth.ca_file holds another authority than the one that signed the server's certificate"
	case errors.As(err, &name), errors.As(err, &invalid):
		return "correct the host in git.url, or have the server's certificate renewed"
	}
	return "is the server of git.url reachable from here? with a proxy between, set HTTPS_PROXY, or ALL_PROXY for ssh"
}

// secretKey is the key of the file with the secret; empty: there is none.
func (a *Auth) secretKey() string {
	switch {
	case a.PasswordFile != "":
		return "git.auth.password_file"
	case a.TokenFile != "":
		return "git.auth.token_file"
	case a.SSHKeyFile != "":
		return "git.auth.ssh_key_file"
	}
	return ""
}

// user is the name that the server is told; that of the URL goes before git.
func (a *Auth) user(ofURL string) string { return cmp.Or(a.Username, ofURL, "git") }
