package declared_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift/declared"
)

var (
	noon    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	someone = object.Signature{Name: "Ada", Email: "ada@example.org", When: noon}
	webRef  = cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "default", Name: "web"}
)

// repo is a repository on disk that a test pushes to.
type repo struct {
	*git.Repository
	t        *testing.T
	dir, url string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	dir := t.TempDir()
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}})
	if err != nil {
		t.Fatal(err)
	}
	return &repo{r, t, dir, "file://" + dir}
}

// commit writes files and commits all there is.
func (r *repo) commit(message string, files map[string]string) string {
	r.t.Helper()
	write(r.t, r.dir, files)
	tree, err := r.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := tree.AddGlob("."); err != nil {
		r.t.Fatal(err)
	}
	hash, err := tree.Commit(message, &git.CommitOptions{Author: &someone, AllowEmptyCommits: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return hash.String()
}

func (r *repo) point(branch, commit string) {
	r.t.Helper()
	if err := r.Storer.SetReference(plumbing.NewHashReference(plumbing.NewBranchReferenceName(branch), plumbing.NewHash(commit))); err != nil {
		r.t.Fatal(err)
	}
}

func scaled(n string) map[string]string {
	return map[string]string{"apps/web.yaml": strings.Replace(web, "3", n, 1)}
}

func poll(t *testing.T, set *declared.Set) declared.Status {
	t.Helper()
	if err := set.Poll(context.Background()); err != nil {
		t.Fatal(err)
	}
	return set.Status()[0]
}

func replicas(t *testing.T, set *declared.Set, revision string) string {
	t.Helper()
	manifest, at, err := set.Manifest(context.Background(), webRef, revision)
	if err != nil {
		t.Fatal(err)
	}
	if revision != "" && at != revision {
		t.Errorf("got the manifest of %s, want %s", at, revision)
	}
	_, after, _ := strings.Cut(string(manifest), `"replicas":`)
	return strings.TrimRight(after, "}")
}

// TestPolls tells the life of a baseline: commits, a force-push, a revision of
// before, a remote that vanishes, and a restart without it.
func TestPolls(t *testing.T) {
	ctx := context.Background()
	r := newRepo(t)
	first := r.commit("web: three replicas\n\nbecause", scaled("3"))
	cache, now, registry := t.TempDir(), noon, prometheus.NewRegistry()
	options := declared.Options{Baselines: []declared.Config{{Name: "prod", Git: &declared.Git{URL: r.url, Ref: "main", Path: "apps"}}}, Cache: cache,
		Now: func() time.Time { return now }, Registerer: registry}
	set, err := declared.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	got := poll(t, set)
	if got.Revision != (declared.Revision{ID: first, Author: "Ada", Time: noon, Subject: "web: three replicas"}) || got.Objects != 1 || !got.Checked.Equal(noon) {
		t.Errorf("got %+v", got)
	}
	second := r.commit("four", scaled("4"))
	if got := replicas(t, set, ""); got != "3" {
		t.Errorf("before a poll: got %s replicas, want 3", got)
	}
	if got := poll(t, set); got.Revision.ID != second || replicas(t, set, "") != "4" {
		t.Errorf("after a commit: got %+v", got.Revision)
	}

	r.point("main", first) // and on from there: a force-push
	forced := r.commit("five", scaled("5"))
	if got := poll(t, set); got.Revision.ID != forced || replicas(t, set, "") != "5" {
		t.Errorf("after a force-push: got %+v", got.Revision)
	}
	if got := replicas(t, set, second); got != "4" {
		t.Errorf("what was pushed over: got %s replicas, want 4", got)
	}

	broken := r.commit("a mistake", map[string]string{"apps/web.yaml": "kind: [\n"})
	if got := poll(t, set); got.Revision.ID != broken || got.Objects != 0 || len(got.Problems) != 1 {
		t.Errorf("a mistake: got %+v", got)
	}
	if _, _, err := set.Manifest(ctx, webRef, ""); !errors.Is(err, declared.ErrUndeclared) {
		t.Errorf("a mistake: got %v, want ErrUndeclared", err)
	}
	r.point("main", forced)
	poll(t, set)

	if err := os.Rename(r.dir, r.dir+".away"); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(time.Hour)
	if err := set.Poll(ctx); err == nil {
		t.Error("a remote that is away: want an error")
	}
	if got := set.Status()[0]; got.Revision.ID != forced || !got.Checked.Equal(noon) || !strings.Contains(got.Error, "file://") || got.Failures != 1 {
		t.Errorf("a remote that is away: got %+v", got)
	}
	if got := testutil.CollectAndCount(registry, "driftcast_baseline_info", "driftcast_baseline_poll_failures_total", "driftcast_baseline_revision_timestamp_seconds"); got != 3 {
		t.Errorf("got %d of 3 series", got)
	}

	options.Registerer = nil
	again, err := declared.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Poll(ctx); err == nil {
		t.Error("after a restart: want an error")
	}
	if got := again.Status()[0]; got.Revision.ID != forced || !got.Checked.Equal(noon) || replicas(t, again, "") != "5" || replicas(t, again, second) != "4" {
		t.Errorf("after a restart: got %+v", got)
	}
	if _, _, err := again.Manifest(ctx, webRef, strings.Repeat("a", 40)); err == nil {
		t.Error("a revision that nobody has: want an error")
	}
}

func TestRefs(t *testing.T) {
	r := newRepo(t)
	first := r.commit("one", scaled("1"))
	second := r.commit("two", scaled("2"))
	if _, err := r.CreateTag("v1", plumbing.NewHash(first), &git.CreateTagOptions{Message: "first", Tagger: &someone}); err != nil {
		t.Fatal(err)
	}
	r.point("next", second)
	for ref, want := range map[string]string{"": second, "main": second, "next": second, "refs/heads/next": second, "v1": first, first: first} {
		set := open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: r.url, Ref: ref}})
		if got := poll(t, set).Revision.ID; got != want {
			t.Errorf("ref %q: got %s, want %s", ref, got, want)
		}
	}
	set := open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: r.url, Ref: "mian"}})
	if err := set.Poll(context.Background()); err == nil || !strings.Contains(err.Error(), `no branch or tag "mian" (correct git.ref; it has main, next)`) {
		t.Errorf("got %v", err)
	}
	// A revision that was never polled is asked of the server.
	set = open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: r.url}})
	if poll(t, set); replicas(t, set, first) != "1" || replicas(t, set, "") != "2" {
		t.Error("a revision before the first poll is not to be had")
	}
}

func TestBounds(t *testing.T) {
	r := newRepo(t)
	r.commit("one", scaled("1"))
	set := open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: r.url, MaxSize: 100}})
	if err := set.Poll(context.Background()); err == nil || !strings.Contains(err.Error(), "raise git.max_size") {
		t.Errorf("too large: got %v", err)
	}
	set = open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: r.url, Timeout: model.Duration(1)}})
	if err := set.Poll(context.Background()); err == nil || !strings.Contains(err.Error(), "raise git.timeout") {
		t.Errorf("too slow: got %v", err)
	}
}

func TestLinksDoNotLeaveTheSource(t *testing.T) {
	outside := write(t, t.TempDir(), map[string]string{"secret.yaml": strings.ReplaceAll(web, "web", "secret")})
	r := newRepo(t)
	write(t, r.dir, map[string]string{"web.yaml": web})
	for link, to := range map[string]string{"out.yaml": filepath.Join(outside, "secret.yaml"), "up": outside} {
		if err := os.Symlink(to, filepath.Join(r.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	r.commit("links", nil)
	for _, c := range []declared.Config{{Name: "git", Git: &declared.Git{URL: r.url}}, {Name: "dir", Path: r.dir}} {
		got := poll(t, open(t, c))
		if got.Objects != 1 || len(got.Problems) == 0 || !strings.Contains(got.Problems[0].Message, "a link that leads nowhere") {
			t.Errorf("%s: got %+v", c.Name, got)
		}
	}
}

// TestWhatIsElsewhere: a submodule and a pointer of Git LFS are told as unread,
// never as clean, and lose nothing else.
func TestWhatIsElsewhere(t *testing.T) {
	r := newRepo(t)
	r.commit("files", map[string]string{"apps/web.yaml": web,
		"apps/big.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"})
	index, err := r.Storer.Index()
	if err != nil {
		t.Fatal(err)
	}
	entry := index.Add("apps/shared")
	entry.Mode, entry.Hash = filemode.Submodule, plumbing.NewHash(strings.Repeat("a", 40))
	if err := r.Storer.SetIndex(index); err != nil {
		t.Fatal(err)
	}
	tree, err := r.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Commit("a submodule", &git.CommitOptions{Author: &someone}); err != nil {
		t.Fatal(err)
	}
	got := poll(t, open(t, declared.Config{Name: "prod", Git: &declared.Git{URL: r.url, Path: "apps"}}))
	if got.Objects != 1 || len(got.Problems) != 2 || !strings.Contains(got.Problems[0].Error(), "big.yaml: a pointer of Git LFS") ||
		!strings.Contains(got.Problems[1].Error(), "shared: a submodule") {
		t.Errorf("got %+v", got)
	}
	got = poll(t, open(t, declared.Config{Name: "prod", Exclude: []string{"shared", "big.yaml"}, Git: &declared.Git{URL: r.url, Path: "apps"}}))
	if got.Objects != 1 || len(got.Problems) != 0 {
		t.Errorf("left out: got %+v", got)
	}
}

func TestKustomizeMayNotLeaveTheRepository(t *testing.T) {
	r := newRepo(t)
	r.commit("x", map[string]string{"kustomization.yaml": "resources: [../../../../../../etc/passwd]\n"})
	got := poll(t, open(t, declared.Config{Name: "git", Git: &declared.Git{URL: r.url}}))
	if got.Objects != 0 || len(got.Problems) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestRunPollsUntilItIsStopped(t *testing.T) {
	dir := write(t, t.TempDir(), scaled("1"))
	set := open(t, declared.Config{Name: "prod", Path: dir, Poll: model.Duration(time.Second)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- set.Run(ctx) }()
	for set.Status()[0].Polls == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if set.Status()[0].Revision.ID == "" {
		t.Error("nothing was read")
	}
}
