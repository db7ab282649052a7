package declared

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/file"
	"github.com/go-git/go-git/v5/storage"
)

// conversation is one with the server of a repository: it tells what it
// has, and then sends what is wanted of that.
type conversation struct {
	session transport.UploadPackSession
	has     *packp.AdvRefs
}

// call asks the server what it has. Errors about a setting name its key; those of
// the server are explained.
func (g *repository) call(ctx context.Context) (*conversation, error) {
	endpoint, err := transport.NewEndpoint(g.URL)
	if err != nil {
		return nil, fmt.Errorf("git.url: %w (write https://…, ssh://… or git@host:path)", err)
	}
	var session transport.UploadPackSession
	switch endpoint.Protocol {
	case "ssh":
		session, err = g.Auth.ssh(endpoint)
	case "file":
		session, err = file.DefaultClient.NewUploadPackSession(endpoint, nil)
	default:
		session, err = g.Auth.http(endpoint)
	}
	if err != nil {
		return nil, fmt.Errorf("git %s: %w", redactURL(g.URL), err)
	}
	has, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		_ = session.Close() // the first error is the one to tell
		return nil, g.explain(ctx, err)
	}
	return &conversation{session, has}, nil
}

// close hangs up. All that was wanted was received by then.
func (r *conversation) close() { _ = r.session.Close() }

// resolve is the commit that a branch, a tag or HEAD is about; a full commit is
// about itself.
func (r *conversation) resolve(ref string) (id string, ok bool) {
	if fullCommit.MatchString(ref) {
		return ref, true
	}
	if ref == "" || ref == "HEAD" {
		if r.has.Head == nil {
			return "", false
		}
		return r.has.Head.String(), true
	}
	for _, name := range []string{ref, "refs/heads/" + ref, "refs/tags/" + ref} {
		if peeled, ok := r.has.Peeled[name]; ok { // what an annotated tag is about
			return peeled.String(), true
		}
		if hash, ok := r.has.References[name]; ok {
			return hash.String(), true
		}
	}
	return "", false
}

// branches names some, for those who mistyped one.
func (r *conversation) branches() string {
	var names []string
	for name := range r.has.References {
		if short, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			names = append(names, short)
		}
	}
	slices.Sort(names)
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	if len(names) == 0 {
		return "no branches at all"
	}
	return strings.Join(names, ", ")
}

// fetch receives a commit without its past. Where the server gives no commit by
// its name, all that the server has is received: the commit may be in its past.
func (r *conversation) fetch(ctx context.Context, into storage.Storer, id string) error {
	request := packp.NewUploadPackRequestFromCapabilities(r.has.Capabilities)
	if tip, ok := r.tip(plumbing.NewHash(id)); ok || r.has.Capabilities.Supports(capability.AllowReachableSHA1InWant) {
		request.Wants = []plumbing.Hash{tip}
	} else {
		request.Wants = slices.Collect(maps.Values(r.has.References))
	}
	ask := []capability.Capability{capability.NoProgress}
	if len(request.Wants) == 1 && r.has.Capabilities.Supports(capability.Shallow) {
		request.Depth, ask = packp.DepthCommits(1), append(ask, capability.Shallow)
	}
	for _, c := range ask {
		if r.has.Capabilities.Supports(c) {
			if err := request.Capabilities.Set(c); err != nil {
				return err
			}
		}
	}
	response, err := r.session.UploadPack(ctx, request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Close() }() // read to its end below
	if len(response.Shallows) > 0 {
		if err := into.SetShallow(response.Shallows); err != nil {
			return err
		}
	}
	return packfile.UpdateObjectStorage(into, unmixed(request.Capabilities, response))
}

// tip is what to ask for to be sent a commit: itself, or the tag that is about it.
// ok is false where no ref is about it.
func (r *conversation) tip(id plumbing.Hash) (want plumbing.Hash, ok bool) {
	if r.has.Head != nil && *r.has.Head == id {
		return id, true
	}
	for name, hash := range r.has.References {
		if hash == id || r.has.Peeled[name] == id {
			return hash, true
		}
	}
	return id, false
}

// unmixed is the pack without what the server says meanwhile.
func unmixed(agreed *capability.List, pack io.Reader) io.Reader {
	switch {
	case agreed.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, pack)
	case agreed.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, pack)
	}
	return pack
}
