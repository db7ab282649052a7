package declared

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// http makes a session over HTTP. Proxies are those of the environment:
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
func (a *Auth) http(endpoint *transport.Endpoint) (transport.UploadPackSession, error) {
	roots, err := a.roots()
	if err != nil {
		return nil, err
	}
	shown, secrets, err := a.shown()
	if err != nil {
		return nil, err
	}
	wire := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	session, err := githttp.NewClient(&http.Client{Transport: wire}).NewUploadPackSession(endpoint, shown)
	if err != nil {
		return nil, err
	}
	return &httpSession{session, wire, secrets}, nil
}

// shown is what the server is shown; nil: nothing. secrets are the texts of it
// that must not be told.
func (a *Auth) shown() (method transport.AuthMethod, secrets []string, err error) {
	switch {
	case a.PasswordFile != "":
		secret, err := secretOf("git.auth.password_file", a.PasswordFile)
		if err != nil {
			return nil, nil, err
		}
		user := a.user("")
		return &githttp.BasicAuth{Username: user, Password: secret}, []string{secret, base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))}, nil
	case a.TokenFile != "":
		secret, err := secretOf("git.auth.token_file", a.TokenFile)
		if err != nil {
			return nil, nil, err
		}
		return &githttp.TokenAuth{Token: secret}, []string{secret}, nil
	}
	return nil, nil, nil
}

// secretOf reads a password or token of one line.
func secretOf(key, file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	switch secret := strings.TrimSpace(string(text)); {
	case secret == "":
		return "", fmt.Errorf("%s: %s is empty (write the password or token into it)", key, file)
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("%s: %s has more than one line (write the password or token into it, and nothing else)", key, file)
	default:
		return secret, nil
	}
}

// roots are the authorities that are trusted; nil: the system's.
func (a *Auth) roots() (*x509.CertPool, error) {
	if a.CAFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(a.CAFile)
	if err != nil {
		return nil, fmt.Errorf("git.auth.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a container without any
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("git.auth.ca_file: %s holds no certificate (write the authority's, in PEM: -----BEGIN CERTIFICATE-----)", a.CAFile)
	}
	return pool, nil
}

// httpSession lets go of its connections when it is closed, and of its secrets
// never: servers may answer with what they were sent.
type httpSession struct {
	transport.UploadPackSession
	wire    *http.Transport
	secrets []string
}

// AdvertisedReferencesContext implements transport.UploadPackSession.
func (s *httpSession) AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error) {
	refs, err := s.UploadPackSession.AdvertisedReferencesContext(ctx)
	return refs, s.mask(err)
}

// UploadPack implements transport.UploadPackSession.
func (s *httpSession) UploadPack(ctx context.Context, request *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	response, err := s.UploadPackSession.UploadPack(ctx, request)
	return response, s.mask(err)
}

// Close implements io.Closer.
func (s *httpSession) Close() error {
	s.wire.CloseIdleConnections()
	return nil
}

func (s *httpSession) mask(err error) error {
	if err == nil {
		return nil
	}
	var hidden *plumbing.UnexpectedError // it does not unwrap
	if errors.As(err, &hidden) {
		err = hidden.Err
	}
	var asked *url.Error // whoever explains it names the URL
	if errors.As(err, &asked) {
		err = asked.Err
	}
	text := err.Error()
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return worded{err, text}
}

// worded is an error in other words.
type worded struct {
	error
	words string
}

// Error implements error.
func (w worded) Error() string { return w.words }

// Unwrap gives what is in other words.
func (w worded) Unwrap() error { return w.error }
