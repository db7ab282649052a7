//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1 "k8s.io/api/core/v1"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/internal/cluster"
	"github.com/driftcast/driftcast/store"
)

// setClock is a wall clock that a test sets, beside one that nobody can set.
type setClock struct {
	mu  sync.Mutex
	at  time.Time
	ran time.Duration
}

func (k *setClock) now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at
}

func (k *setClock) elapsed() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ran
}

// pass lets time pass.
func (k *setClock) pass(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at, k.ran = k.at.Add(d), k.ran+d
}

// jump is somebody setting the wall clock.
func (k *setClock) jump(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = k.at.Add(d)
}

// clockWorld is a corrector with one policy on a node of a real control plane:
// its store and its actuators are those of the service, its clock is the test's.
type clockWorld struct {
	*corrector.Corrector
	*setClock
	world
	c        *cluster.Cluster
	node     string
	other    string // of the same pool
	policy   corrector.Policy
	log      *turning
	risk     float64
	requests *requests
	flips    func() int
}

func newClockWorld(t *testing.T, c *cluster.Cluster, p corrector.Policy) *clockWorld {
	t.Helper()
	w := &clockWorld{world: world{t: t, dir: t.TempDir()}, c: c, risk: 0.9, setClock: &setClock{at: time.Now().UTC().Truncate(time.Second)}}
	pool := "clock-" + c.Namespace(t)
	nodes := c.AddNodes(t, 2, map[string]string{"pool": pool})
	w.node, w.other, w.flips = nodes[0], nodes[1], flips(t, c, nodes[0])
	params := map[string]string{"pool": "pool"}
	for key, value := range p.Params {
		params[key] = value
	}
	p.Name, p.Targets, p.Params, p.Budget.Percent = "clock", []string{"Heat"}, params, 60
	w.policy = p
	w.restart()
	return w
}

// restart is another process: on the same storage and the same clock, of which
// it knows only what it says now.
func (w *clockWorld) restart() {
	w.t.Helper()
	if w.log != nil {
		w.log.Close()
	}
	db, err := store.Open(w.t.Context(), store.Options{Path: filepath.Join(w.dir, "data", "driftcast.db"), Logger: slog.New(slog.DiscardHandler), Now: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	w.log = &turning{Store: db}
	if w.requests == nil {
		w.requests = &requests{}
	}
	config := w.c.Config(w.t)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return tap{next, w.requests} })
	clients, err := actuators.ConnectTo(config)
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := actuators.Kubernetes(actuators.Options{Clients: clients, Poll: 100 * time.Millisecond, Pass: time.Second, Now: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Corrector, err = corrector.New(corrector.Options{Policies: []corrector.Policy{w.policy}, Actuators: all, Log: w.log, Risks: w,
		Interval: 10 * time.Millisecond, Now: w.now, Elapsed: w.elapsed, Logger: slog.New(slog.NewTextHandler(w.t.Output(), nil))})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Risk implements corrector.Risks: the telemetry is as old as the question.
func (w *clockWorld) Risk(context.Context, string, collector.Subject, time.Duration) (float64, time.Time, error) {
	return w.risk, w.now(), nil
}

// warn is what a warning of an episode asks for.
func (w *clockWorld) warn(episode string) (forecaster.Correction, error) {
	return w.Submit(w.t.Context(), corrector.Request{Policy: w.policy.Name, Target: "Heat", Subject: collector.Subject{Kind: "node", Name: w.node},
		Evidence: &corrector.Evidence{Risk: w.risk, Fresh: w.now()}, Horizon: time.Hour, Actor: "driftcast", Key: w.node + " " + episode})
}

// becomes warns of an episode, and wants its correction in a state with a reason
// that begins as told.
func (w *clockWorld) becomes(episode string, state forecaster.CorrectionState, reason string) forecaster.Correction {
	w.t.Helper()
	got, err := w.warn(episode)
	if err != nil {
		w.t.Fatal(err)
	}
	w.want(got, state, reason)
	return got
}

// is wants a correction to be in a state, after Run has looked at it some times.
func (w *clockWorld) is(id string, turns int, state forecaster.CorrectionState, reason string) {
	w.t.Helper()
	w.turn(turns)
	got, err := w.log.Correction(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	w.want(got, state, reason)
}

func (w *clockWorld) want(got forecaster.Correction, state forecaster.CorrectionState, reason string) {
	w.t.Helper()
	if got.State != state || !strings.HasPrefix(got.Reason, reason) {
		w.t.Fatalf("at %s, %s of real time: correction %s is %s (%s), want %s (%s…)", w.now().Format(time.DateTime), w.elapsed(), got.ID, got.State, got.Reason, state, reason)
	}
}

// does is a decision of a person, which must be taken.
func (w *clockWorld) does(what func(ctx context.Context, id, actor, reason string) (forecaster.Correction, error), id string, state forecaster.CorrectionState, reason string) {
	w.t.Helper()
	got, err := what(w.t.Context(), id, "alice", "so says the test")
	if err != nil {
		w.t.Fatal(err)
	}
	w.want(got, state, reason)
}

// turn lets Run look so often at all that is open. Time stands still meanwhile:
// who reads two clocks must not be made to see a jump that is none.
func (w *clockWorld) turn(n int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	done, until := make(chan error, 1), w.log.turns.Load()+int64(n)+1 // the turns before the last that began are over
	go func() { done <- w.Run(ctx) }()
	eventually(w.t, 60*time.Second, "Run takes its turns", func() error {
		if now := w.log.turns.Load(); now < until {
			return fmt.Errorf("%d to go", until-now)
		}
		return nil
	})
	cancel()
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
}

// ends compares what the trail, the requests and the API server itself say with
// what was to happen: the actions on each episode's correction, and how often the
// node was changed.
func (w *clockWorld) ends(changes int, trails map[string]string) {
	w.t.Helper()
	for id, want := range trails {
		if got := strings.Join(w.entries(id), " "); got != want {
			w.t.Errorf("the trail of %s says %q, want %q", id, got, want)
		}
	}
	if got := w.requests.done("PATCH /api/v1/nodes/" + w.node); got != changes {
		w.t.Errorf("the node was patched %d times, want %d: %q", got, changes, w.requests.list())
	}
	if got := w.flips(); got != changes {
		w.t.Errorf("the API server tells of %d times that the node was cordoned or opened, want %d", got, changes)
	}
	w.audit()
}

// turning is a store that counts how often Run has looked at what is open, and
// can lose what a process wanted to write.
type turning struct {
	*store.Store
	turns atomic.Int64
	lose  string // the action that cannot be written
}

func (l *turning) Corrections(ctx context.Context, q forecaster.CorrectionQuery) ([]forecaster.Correction, string, error) {
	if q.Waiting { // what a turn looks at last
		l.turns.Add(1)
	}
	return l.Store.Corrections(ctx, q)
}

func (l *turning) Record(ctx context.Context, actor, action string, c forecaster.Correction) (forecaster.AuditEntry, error) {
	if action == l.lose {
		return forecaster.AuditEntry{}, fmt.Errorf("%s: the disk is full, says the test", action)
	}
	return l.Store.Record(ctx, actor, action, c)
}

// requests are those that may have changed something, with what was answered.
type requests struct {
	mu  sync.Mutex
	all []string // METHOD path status
}

// done counts those that were done: a method and the path, or its beginning.
func (r *requests) done(prefix string) (n int) {
	for _, one := range r.list() {
		if strings.HasPrefix(one, prefix) && strings.Contains(one, " 20") {
			n++
		}
	}
	return n
}

// list is all that was asked for.
func (r *requests) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

type tap struct {
	next http.RoundTripper
	to   *requests
}

func (p tap) RoundTrip(r *http.Request) (*http.Response, error) {
	changes, err := mayChange(r)
	if err != nil {
		return nil, err
	}
	answer, err := p.next.RoundTrip(r)
	if changes && err == nil {
		p.to.mu.Lock()
		defer p.to.mu.Unlock()
		p.to.all = append(p.to.all, fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, answer.StatusCode))
	}
	return answer, err
}

// mayChange says whether a request may change what is more than an Event.
func mayChange(r *http.Request) (bool, error) {
	if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/events") || r.URL.Query().Get("dryRun") != "" {
		return false, nil
	}
	if r.Body == nil {
		return true, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false, err
	}
	_ = r.Body.Close() // it was read to its end
	r.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte(`"dryRun":["All"]`)), nil
}

// flips watches a node, and returns who counts how often it was cordoned or
// opened from now on: what the API server tells up to the node's version when
// it is called.
func flips(t *testing.T, c *cluster.Cluster, node string) func() int {
	t.Helper()
	nodes := c.Client().CoreV1().Nodes()
	read := func() *corev1.Node {
		t.Helper()
		n, err := nodes.Get(t.Context(), node, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	seen, count := read(), 0
	stream, err := nodes.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + node, ResourceVersion: seen.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Stop)
	return func() int {
		t.Helper()
		for until := read().ResourceVersion; seen.ResourceVersion != until; {
			select {
			case event := <-stream.ResultChan():
				next, ok := event.Object.(*corev1.Node)
				if !ok {
					t.Fatalf("the watch of %s ended: %+v", node, event)
				}
				if next.Spec.Unschedulable != seen.Spec.Unschedulable {
					count++
				}
				seen = next
			case <-time.After(30 * time.Second):
				t.Fatalf("the API server does not tell version %s of %s", until, node)
			}
		}
		return count
	}
}
