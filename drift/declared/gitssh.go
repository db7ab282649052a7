package declared

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/net/proxy"
)

// sshSession speaks with git-upload-pack at the other end of an SSH connection.
// go-git's own cannot be stopped while a server takes the connection and then says
// nothing, and takes host keys of one type only. Not safe for concurrent use.
type sshSession struct {
	address string
	command string
	config  *ssh.ClientConfig

	client  *ssh.Client // nil: not connected
	session *ssh.Session
	release func() bool // of the watch on the context
	in      io.WriteCloser
	out     io.Reader
	says    firstBytes
	asked   bool
}

// ssh makes a session over SSH. It connects with the first question.
func (a *Auth) ssh(endpoint *transport.Endpoint) (*sshSession, error) {
	port := endpoint.Port
	if port == 0 {
		port = gitssh.DefaultPort
	}
	address := net.JoinHostPort(strings.Trim(endpoint.Host, "[]"), strconv.Itoa(port))
	method, err := a.key(endpoint)
	if err != nil {
		return nil, err
	}
	var files []string
	if a.KnownHostsFile != "" {
		if _, err := os.Stat(a.KnownHostsFile); err != nil {
			return nil, fmt.Errorf("git.auth.known_hosts_file: %w", err)
		}
		files = []string{a.KnownHostsFile}
	}
	hosts, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, fmt.Errorf("git.auth.known_hosts_file: %w (write what ssh-keyscan prints of the host into it, and compare that with the server's own)", err)
	}
	return &sshSession{address: address, command: "git-upload-pack " + quoted(endpoint.Path),
		config: &ssh.ClientConfig{User: a.user(endpoint.User), Auth: []ssh.AuthMethod{method}, HostKeyCallback: hosts.HostKeyCallback(),
			HostKeyAlgorithms: hosts.HostKeyAlgorithms(address)}}, nil // of several keys, the server is to show one that is known
}

// key is the private key, or the agent's.
func (a *Auth) key(endpoint *transport.Endpoint) (ssh.AuthMethod, error) {
	if a.SSHKeyFile == "" {
		agent, err := gitssh.NewSSHAgentAuth(a.user(endpoint.User))
		if err != nil {
			return nil, fmt.Errorf("git.auth.ssh_key_file is not set and no agent has a key (name the file of a private key, or start ssh-agent): %w", err)
		}
		return ssh.PublicKeysCallback(agent.Callback), nil
	}
	text, err := os.ReadFile(a.SSHKeyFile)
	if err != nil {
		return nil, fmt.Errorf("git.auth.ssh_key_file: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, fmt.Errorf("git.auth.ssh_key_file: %s has a passphrase, which nobody is here to type (make a deploy key without: ssh-keygen -t ed25519 -N '' -f FILE)", a.SSHKeyFile)
	case err != nil:
		return nil, fmt.Errorf("git.auth.ssh_key_file: %s: %w (it must hold a private key, which begins with -----BEGIN)", a.SSHKeyFile, err)
	}
	return ssh.PublicKeys(signer), nil
}

// quoted is a path as a shell reads it, and git-shell too.
func quoted(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// AdvertisedReferencesContext implements transport.UploadPackSession. All of the
// session ends with ctx.
func (s *sshSession) AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error) {
	wire, err := proxy.Dial(ctx, "tcp", s.address) // ALL_PROXY and NO_PROXY count
	if err != nil {
		return nil, err
	}
	s.release = context.AfterFunc(ctx, func() { _ = wire.Close() })
	connection, channels, requests, err := ssh.NewClientConn(wire, s.address, s.config)
	if err != nil {
		_ = wire.Close() // the handshake's error is the one to tell
		return nil, err
	}
	s.client = ssh.NewClient(connection, channels, requests)
	if s.session, err = s.client.NewSession(); err != nil {
		return nil, err
	}
	s.session.Stderr = &s.says
	if s.in, err = s.session.StdinPipe(); err != nil {
		return nil, err
	}
	if s.out, err = s.session.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := s.session.Start(s.command); err != nil {
		return nil, err
	}
	refs := packp.NewAdvRefs()
	switch err := refs.Decode(s.out); {
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && refs.IsEmpty():
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil && errors.Is(err, packp.ErrEmptyInput):
		return nil, s.said(transport.ErrRepositoryNotFound)
	case err != nil:
		return nil, s.said(err)
	}
	transport.FilterUnsupportedCapabilities(refs.Capabilities)
	return refs, nil
}

// AdvertisedReferences implements transport.UploadPackSession.
func (s *sshSession) AdvertisedReferences() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(context.Background())
}

// UploadPack implements transport.UploadPackSession. Its context is that of the
// whole session.
func (s *sshSession) UploadPack(_ context.Context, request *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	if err := request.Validate(); err != nil {
		return nil, err
	}
	s.asked = true
	err := request.UploadRequest.Encode(s.in)
	if err == nil {
		err = pktline.NewEncoder(s.in).EncodeString("done\n")
	}
	if err == nil {
		err = s.in.Close()
	}
	if err != nil {
		return nil, s.said(err)
	}
	response := packp.NewUploadPackResponse(request)
	if err := response.Decode(io.NopCloser(s.out)); err != nil {
		return nil, s.said(err)
	}
	return response, nil
}

// said is err in the words of the server, where it said something to people.
func (s *sshSession) said(err error) error {
	_ = s.in.Close() // it is over: what it wrote last is read to its end
	_, _ = io.Copy(io.Discard, s.out)
	_ = s.session.Wait()
	if text := strings.TrimSpace(string(s.says)); text != "" {
		return worded{err, "the server says: " + text}
	}
	return err
}

// Close implements io.Closer.
func (s *sshSession) Close() error {
	if s.release != nil {
		s.release()
	}
	if s.client == nil {
		return nil
	}
	if s.in != nil && !s.asked {
		_, _ = s.in.Write(pktline.FlushPkt) // nothing is wanted; some servers log it otherwise
	}
	return s.client.Close()
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes []byte

// Write implements io.Writer.
func (f *firstBytes) Write(p []byte) (int, error) {
	*f = append(*f, p[:min(len(p), 1024-len(*f))]...)
	return len(p), nil
}
