package declared

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// onDisk is how many revisions of a repository stay there.
const onDisk = 10

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
	Ref      string    `json:"ref"`
	Revision string    `json:"revision"`
	Checked  time.Time `json:"checked"` // when the remote last said so
}

// remembered is the last good revision of the ref; ok is false where there is none.
func (g *repository) remembered() (h head, ok bool) {
	text, err := os.ReadFile(filepath.Join(g.dir, "head.json"))
	if err != nil || json.Unmarshal(text, &h) != nil || h.Ref != g.Ref || !g.has(h.Revision) {
		return head{}, false // a cache that cannot be read is a cache that is empty
	}
	return h, true
}

func (g *repository) remember(revision string) error {
	text, err := json.Marshal(head{g.Ref, revision, g.now().UTC()})
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
	id := g.Ref
	if !g.has(id) { // a pinned commit never moves
		var err error
		if id, err = g.sync(ctx, g.Ref); err != nil {
			return Revision{}, err
		}
	}
	if err := g.remember(id); err != nil {
		return Revision{}, fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	g.prune(id)
	return Revision{ID: id}, nil
}

// sync brings the commit that a ref is about into the cache, in one conversation
// with the server.
func (g *repository) sync(ctx context.Context, ref string) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(g.Timeout))
	defer cancel()
	r, err := g.call(ctx)
	if err != nil {
		return "", err
	}
	defer r.close()
	id, ok := r.resolve(ref)
	switch {
	case !ok && ref == "":
		return "", fmt.Errorf("git %s: its HEAD leads nowhere (set git.ref; it has %s)", redactURL(g.URL), r.branches())
	case !ok:
		return "", fmt.Errorf("git %s has no branch or tag %q (correct git.ref; it has %s)", redactURL(g.URL), ref, r.branches())
	case g.has(id):
		return id, nil
	}
	return id, g.fetch(ctx, r, id)
}

// fetch receives one commit, without its past, into a folder of its own.
func (g *repository) fetch(ctx context.Context, r *conversation, id string) error {
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	temporary, err := os.MkdirTemp(g.dir, "fetch-")
	if err != nil {
		return fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // moved away where it went well
	store := filesystem.NewStorage(&quota{Filesystem: osfs.New(temporary), left: g.MaxSize}, cache.NewObjectLRU(8*cache.MiByte))
	if err := store.Init(); err != nil {
		return fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	if err := r.fetch(ctx, store, id); err != nil {
		return g.explain(ctx, err)
	}
	if _, err := gitobject.GetCommit(store, plumbing.NewHash(id)); err != nil {
		return fmt.Errorf("git %s: %s: %w (was it pushed over and cleared away?)", redactURL(g.URL), id, ErrRevision)
	}
	if err := os.Rename(temporary, filepath.Join(g.dir, id)); err != nil && !g.has(id) {
		return fmt.Errorf("cache of %s: %w", redactURL(g.URL), err)
	}
	return nil
}

// files implements origin. A revision that is not in the cache is asked for.
func (g *repository) files(ctx context.Context, id string) (tree, Revision, func(), error) {
	if !fullCommit.MatchString(id) {
		return tree{}, Revision{}, nil, fmt.Errorf("git %s: %q is no full commit: %w", redactURL(g.URL), id, ErrRevision)
	}
	if !g.has(id) {
		if _, err := g.sync(ctx, id); err != nil {
			return tree{}, Revision{}, nil, err
		}
	}
	dir := filepath.Join(g.dir, id)
	commit, err := gitobject.GetCommit(filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRU(8*cache.MiByte)), plumbing.NewHash(id))
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
		if i >= onDisk-1 {
			_ = os.RemoveAll(filepath.Join(g.dir, r.name))
		}
	}
}
