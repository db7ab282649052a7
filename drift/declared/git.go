package declared

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// kept is how many revisions of a repository stay on disk.
const kept = 10

// repository is an origin in Git. Each revision lies in a folder of its own, a
// bare clone of depth 1: whole or not there at all, and gone by removing it.
type repository struct {
	Git
	dir string // <cache>/<name>-<digest of the URL>
	now func() time.Time
}

func newRepository(c *Config, cacheDir string, now func() time.Time) *repository {
	sum := sha256.Sum256([]byte(c.Git.URL))
	return &repository{Git: *c.Git, dir: filepath.Join(cacheDir, c.Name+"-"+hex.EncodeToString(sum[:4])), now: now}
}

func (g *repository) kind() string { return "git" }

// head is what the cache remembers across restarts.
type head struct {
	Ref      string `json:"ref"`
	Revision string `json:"revision"`
}

// remembered is the last good revision of the ref; empty: none.
func (g *repository) remembered() string {
	var h head
	text, err := os.ReadFile(filepath.Join(g.dir, "head.json"))
	if err != nil || json.Unmarshal(text, &h) != nil || h.Ref != g.Ref || !g.has(h.Revision) {
		return "" // a cache that cannot be read is a cache that is empty
	}
	return h.Revision
}

func (g *repository) remember(revision string) error {
	text, err := json.Marshal(head{g.Ref, revision})
	if err != nil {
		return err
	}
	temporary := filepath.Join(g.dir, "head.json.new")
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(g.dir, "head.json"))
}

func (g *repository) has(revision string) bool {
	if !fullCommit.MatchString(revision) {
		return false
	}
	_, err := os.Stat(filepath.Join(g.dir, revision))
	return err == nil
}

// newest asks the remote what the ref is, and fetches that if it is new.
func (g *repository) newest(ctx context.Context) (Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(g.Timeout))
	defer cancel()
	hash, err := g.resolve(ctx)
	if err != nil {
		return Revision{}, err
	}
	if !g.has(hash.id) {
		if hash.id, err = g.fetch(ctx, hash); err != nil {
			return Revision{}, err
		}
	}
	if err := g.remember(hash.id); err != nil {
		return Revision{}, fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	g.prune(hash.id)
	return Revision{ID: hash.id}, nil
}

// wanted is a commit, and the ref it was found under; empty: by itself.
type wanted struct{ id, ref string }

func (g *repository) resolve(ctx context.Context) (wanted, error) {
	if fullCommit.MatchString(g.Ref) {
		return wanted{id: g.Ref}, nil
	}
	auth, err := g.credentials()
	if err != nil {
		return wanted{}, err
	}
	ca, err := g.Auth.ca()
	if err != nil {
		return wanted{}, err
	}
	remote := git.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: "origin", URLs: []string{g.URL}})
	refs, err := remote.ListContext(ctx, &git.ListOptions{Auth: auth, CABundle: ca, PeelingOption: git.AppendPeeled})
	if err != nil {
		return wanted{}, g.explain(ctx, err)
	}
	byName := map[string]*plumbing.Reference{}
	for _, r := range refs {
		byName[r.Name().String()] = r
	}
	names := []string{g.Ref, "refs/heads/" + g.Ref, "refs/tags/" + g.Ref}
	if g.Ref == "" {
		names = []string{"HEAD"}
	}
	for _, name := range names {
		r, ok := byName[name]
		if !ok || name == "" {
			continue
		}
		if r.Type() == plumbing.SymbolicReference {
			if name = r.Target().String(); byName[name] == nil {
				continue
			}
			r = byName[name]
		}
		if peeled, ok := byName[name+"^{}"]; ok { // what an annotated tag is about
			return wanted{id: peeled.Hash().String(), ref: name}, nil
		}
		return wanted{id: r.Hash().String(), ref: name}, nil
	}
	return wanted{}, fmt.Errorf("%s has no branch or tag %q (correct git.ref; it has %s)", redactURL(g.URL), g.Ref, listed(byName))
}

func listed(refs map[string]*plumbing.Reference) string {
	var names []string
	for name := range refs {
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

// fetch clones one commit, without its past, into a folder of its own.
func (g *repository) fetch(ctx context.Context, w wanted) (string, error) {
	specs := []config.RefSpec{config.RefSpec("+" + w.id + ":refs/driftcast/wanted")}
	if w.ref != "" {
		specs = []config.RefSpec{config.RefSpec("+" + w.ref + ":refs/driftcast/wanted")}
	}
	id, err := g.clone(ctx, w.id, specs, 1)
	if w.ref == "" && err != nil && ctx.Err() == nil && !errors.Is(err, errQuota) {
		// The server gives no commit by its name: look in all that it has.
		id, err = g.clone(ctx, w.id, []config.RefSpec{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}, 0)
	}
	return id, err
}

func (g *repository) clone(ctx context.Context, id string, specs []config.RefSpec, depth int) (string, error) {
	auth, err := g.credentials()
	if err != nil {
		return "", err
	}
	ca, err := g.Auth.ca()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return "", fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	temporary, err := os.MkdirTemp(g.dir, "fetch-")
	if err != nil {
		return "", fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // moved away where it went well
	limited := &quota{Filesystem: osfs.New(temporary), left: g.MaxSize}
	store := filesystem.NewStorage(limited, cache.NewObjectLRU(8*cache.MiByte))
	repo, err := git.Init(store, nil)
	if err != nil {
		return "", g.explain(ctx, err)
	}
	remote, err := repo.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{g.URL}})
	if err != nil {
		return "", g.explain(ctx, err)
	}
	if err := remote.FetchContext(ctx, &git.FetchOptions{RefSpecs: specs, Depth: depth, Auth: auth, CABundle: ca, Tags: git.NoTags, Force: true}); err != nil {
		return "", g.explain(ctx, err)
	}
	if ref, err := repo.Reference("refs/driftcast/wanted", true); err == nil {
		hash := ref.Hash() // the branch may have moved since it was asked for
		if tag, err := repo.TagObject(hash); err == nil {
			hash = tag.Target
		}
		id = hash.String()
	}
	if _, err := repo.CommitObject(plumbing.NewHash(id)); err != nil {
		return "", fmt.Errorf("git %s: %s: %w (was it pushed over and cleared away?)", redactURL(g.URL), id, ErrRevision)
	}
	if err := os.Rename(temporary, filepath.Join(g.dir, id)); err != nil && !g.has(id) {
		return "", fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	return id, nil
}

// files implements origin. A revision that is not in the cache is asked for.
func (g *repository) files(ctx context.Context, id string) (tree, Revision, func(), error) {
	if !fullCommit.MatchString(id) {
		return tree{}, Revision{}, nil, fmt.Errorf("git %s: %q is no full commit: %w", redactURL(g.URL), id, ErrRevision)
	}
	if !g.has(id) {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(g.Timeout))
		defer cancel()
		if _, err := g.fetch(ctx, wanted{id: id}); err != nil {
			return tree{}, Revision{}, nil, err
		}
	}
	dir := filepath.Join(g.dir, id)
	repo, err := git.Open(filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRU(8*cache.MiByte)), nil)
	if err != nil {
		return tree{}, Revision{}, nil, fmt.Errorf("cache of %s: %w (remove %s)", redactURL(g.URL), err, dir)
	}
	commit, err := repo.CommitObject(plumbing.NewHash(id))
	if err != nil {
		return tree{}, Revision{}, nil, fmt.Errorf("cache of %s: %s: %w (remove %s)", redactURL(g.URL), id, err, dir)
	}
	root, err := commit.Tree()
	if err != nil {
		return tree{}, Revision{}, nil, fmt.Errorf("cache of %s: %s: %w (remove %s)", redactURL(g.URL), id, err, dir)
	}
	subject, _, _ := strings.Cut(strings.TrimSpace(commit.Message), "\n")
	below := strings.TrimPrefix(path.Clean("/"+g.Path), "/")
	if below == "" {
		below = "."
	}
	var files fs.FS = gitFS{root: root, at: commit.Committer.When}
	return tree{files: files, path: below, kustomize: readOnly{files}, kustomizeRoot: path.Join("/", below)},
		Revision{ID: id, Author: commit.Author.Name, Time: commit.Committer.When.UTC(), Subject: subject}, func() {}, nil
}

// prune keeps the newest revisions on disk. What cannot be removed now is
// removed another time.
func (g *repository) prune(current string) {
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		return
	}
	type aged struct {
		name string
		at   time.Time
	}
	var revisions []aged
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue
		}
		switch {
		case strings.HasPrefix(e.Name(), "fetch-") && g.now().Sub(info.ModTime()) > time.Hour: // of a process that was killed
			_ = os.RemoveAll(filepath.Join(g.dir, e.Name()))
		case fullCommit.MatchString(e.Name()) && e.Name() != current:
			revisions = append(revisions, aged{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(revisions, func(a, b aged) int { return b.at.Compare(a.at) })
	for i, r := range revisions {
		if i >= kept-1 {
			_ = os.RemoveAll(filepath.Join(g.dir, r.name))
		}
	}
}
