package corrector_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
)

func TestMain(m *testing.M) {
	if crashArgs() != "" {
		crashChild() // never returns: it is killed
	}
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue && !testing.Short() {
		_ = checks.Value.Set("2000") // a check takes 0.2 ms; the rare orders are the ones that matter
		_ = flag.Lookup("rapid.steps").Value.Set("60")
	}
	goleak.VerifyTestMain(m)
}

// memLog is a Log in memory.
type memLog struct {
	mu     sync.Mutex
	byID   map[string]forecaster.Correction
	order  []string
	trail  []forecaster.AuditEntry
	notes  []string // what belongs to no correction
	broken error    // what Record says instead of recording
	gone   error    // what reading says
	page   int      // default 3
}

func newMemLog() *memLog { return &memLog{byID: map[string]forecaster.Correction{}} }

func (l *memLog) Record(_ context.Context, actor, action string, c forecaster.Correction) (forecaster.AuditEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return forecaster.AuditEntry{}, l.broken
	}
	was, ok := l.byID[c.ID]
	if was.Version != c.Version {
		return forecaster.AuditEntry{}, fmt.Errorf("correction %s is version %d, not %d: %w", c.ID, was.Version, c.Version, forecaster.ErrConflict)
	}
	if !ok {
		l.order = append(l.order, c.ID)
	}
	c.Version++
	l.byID[c.ID] = c
	e := forecaster.AuditEntry{Seq: int64(len(l.trail) + 1), At: c.Changed, Actor: actor, Action: action, Correction: c}
	l.trail = append(l.trail, e)
	return e, nil
}

// Note implements corrector.Trail.
func (l *memLog) Note(_ context.Context, actor, action, reason string) (forecaster.AuditEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return forecaster.AuditEntry{}, l.broken
	}
	l.notes = append(l.notes, actor+" "+action+" "+reason)
	return forecaster.AuditEntry{}, nil
}

func (l *memLog) Correction(_ context.Context, id string) (forecaster.Correction, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone != nil {
		return forecaster.Correction{}, l.gone
	}
	c, ok := l.byID[id]
	if !ok {
		return c, fmt.Errorf("correction %s: %w", id, forecaster.ErrNotFound)
	}
	return c, nil
}

func (l *memLog) Corrections(_ context.Context, q forecaster.CorrectionQuery) ([]forecaster.Correction, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone != nil {
		return nil, "", l.gone
	}
	var all []forecaster.Correction
	for _, id := range slices.Backward(l.order) {
		c := l.byID[id]
		if (q.State == "" || c.State == q.State) && (q.Subject == "" || c.Subject.String() == q.Subject) && (q.Policy == "" || c.Policy == q.Policy) &&
			(q.Object == "" || forecaster.ObjectOf(c.Subject) == q.Object) && (!q.Acted || slices.Contains(actedStates, c.State)) && (!q.Holding || c.Holds()) && (!q.Waiting || c.AwaitsOutcome()) {
			all = append(all, c)
		}
	}
	page := cmp.Or(l.page, 3) // small, so that paging is walked
	from := 0
	if q.Cursor != "" {
		_, _ = fmt.Sscan(q.Cursor, &from)
	}
	if from+page < len(all) {
		return all[from : from+page], fmt.Sprint(from + page), nil
	}
	return all[from:], "", nil
}

var actedStates = []forecaster.CorrectionState{forecaster.Approved, forecaster.Applied, forecaster.Verified, forecaster.Reverted, forecaster.Failed}

// actions is what the trail says of one correction.
func (l *memLog) actions(id string) (all []string) {
	for _, e := range l.trail {
		if e.Correction.ID == id {
			all = append(all, e.Action+":"+string(e.Correction.State))
		}
	}
	return all
}

// cluster is an Actuator of nodes in memory.
type cluster struct {
	pool    int
	marks   map[string]string // subject → ID of the last correction; outlives an undoing by hand
	byNode  map[string]string // subject → ID of the correction in place, or "somebody"
	optOut  map[string]bool
	effects map[string]int // by correction: how often it really changed something
	before  error          // Apply fails without effect
	after   error          // Apply fails, but it was done
	cut     bool           // and then nothing can be asked any more
	revert  error
	plan    error
	domain  func(node string) string
	also    func(a corrector.Action, p *corrector.Plan) // changes what Plan says; nil: nothing
}

func newCluster(pool int) *cluster {
	return &cluster{pool: pool, marks: map[string]string{}, byNode: map[string]string{}, optOut: map[string]bool{}, effects: map[string]int{}}
}

func (f *cluster) Plan(_ context.Context, a corrector.Action) (corrector.Plan, error) {
	if f.plan != nil {
		return corrector.Plan{}, f.plan
	}
	p := corrector.Plan{Text: "cordon " + a.Subject.Name, Pool: f.pool}
	by := f.byNode[a.Subject.Name]
	if p.Unchanged = by != ""; by == a.ID {
		p.Undo = "undo " + a.ID
	}
	p.Lost = (a.Undo != "" || f.marks[a.Subject.Name] == a.ID) && by != a.ID
	if f.optOut[a.Subject.Name] {
		p.OptOut = "its owner said so"
	}
	for node := range f.byNode {
		if node != a.Subject.Name {
			p.Out++
		}
	}
	if f.domain != nil {
		p.Domain = f.domain(a.Subject.Name)
	}
	if f.also != nil {
		f.also(a, &p)
	}
	return p, nil
}

func (f *cluster) Apply(_ context.Context, a corrector.Action) (string, error) {
	if f.before != nil {
		return "", f.before
	}
	if f.byNode[a.Subject.Name] != a.ID {
		f.byNode[a.Subject.Name], f.marks[a.Subject.Name] = a.ID, a.ID
		f.effects[a.ID]++
	}
	if f.after != nil && f.cut {
		f.plan = f.after
	}
	return "undo " + a.ID, f.after
}

func (f *cluster) Revert(_ context.Context, a corrector.Action) error {
	if f.revert != nil {
		return f.revert
	}
	if f.byNode[a.Subject.Name] == a.ID {
		delete(f.byNode, a.Subject.Name)
	}
	return nil
}

// risks are the current risks, by subject.
type risks struct {
	risk  map[string]float64
	fresh func() time.Time
	err   error
}

func (r *risks) Risk(_ context.Context, target string, s collector.Subject, _ time.Duration) (float64, time.Time, error) {
	if r.err != nil {
		return 0, time.Time{}, r.err
	}
	v, ok := r.risk[s.Name]
	if !ok {
		return 0, time.Time{}, fmt.Errorf("%s of %s: %w", target, s, forecaster.ErrNotFound)
	}
	return v, r.fresh(), nil
}

// world is a Corrector with everything around it in memory, at a time that the
// test moves.
type world struct {
	*corrector.Corrector
	t       testing.TB
	at      time.Time
	log     *memLog
	cluster *cluster
	risks   *risks
	policy  corrector.Policy
	others  []corrector.Policy

	ran       time.Duration // the clock that nobody can set
	watched   time.Duration // ago, that the cluster was seen
	elsewhere *switchElsewhere
	witnesses witnesses
	drifts    drifts
	truth     *truth
	follower  bool // another replica leads
	registry  *prometheus.Registry
}

// switchElsewhere is a kill switch that lives elsewhere.
type switchElsewhere struct {
	on  bool
	err error
}

func (s *switchElsewhere) Engaged(context.Context) (corrector.KillSwitch, error) {
	return corrector.KillSwitch{Engaged: s.on, Actor: "configmap", Reason: "key kill-switch is true"}, s.err
}

// witnesses are who else speaks for a subject.
type witnesses map[string][]corrector.Witness

func (w witnesses) Witnesses(_ context.Context, s collector.Subject) ([]corrector.Witness, error) {
	if _, broken := w["broken"]; broken {
		return nil, errBroken
	}
	return w[s.String()], nil
}

// drifts are the newest verdicts.
type drifts map[collector.Subject]corrector.DriftEvidence

func (d drifts) Drift(_ context.Context, s collector.Subject) (corrector.DriftEvidence, error) {
	found, ok := d[s]
	if !ok {
		return found, fmt.Errorf("drift of %s: %w", s, forecaster.ErrNotFound)
	}
	return found, nil
}

// truth is what happened to a node, by name; who is not there is not known.
type truth struct {
	happened map[string]bool
	err      error
}

func (t *truth) Happened(_ context.Context, _ string, s collector.Subject, _, _ time.Time) (bool, bool, error) {
	happened, known := t.happened[s.Name]
	return happened, known, t.err
}

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, p corrector.Policy) *world {
	t.Helper()
	w := &world{t: t, at: start, log: newMemLog(), cluster: newCluster(100), policy: p,
		elsewhere: &switchElsewhere{}, witnesses: witnesses{}, drifts: drifts{}, truth: &truth{happened: map[string]bool{}}}
	w.risks = &risks{risk: map[string]float64{}, fresh: func() time.Time { return w.at }}
	if w.policy.Name == "" {
		w.policy.Name = "cordon-at-risk"
	}
	w.policy.Actuator = "cordon"
	w.restart()
	return w
}

// restart is a new process with the same log and cluster.
func (w *world) restart() {
	w.t.Helper()
	w.registry = prometheus.NewRegistry()
	c, err := corrector.New(corrector.Options{
		Policies:  append([]corrector.Policy{w.policy}, w.others...),
		Actuators: map[string]corrector.Actuator{"cordon": w.cluster, "uncordon": w.cluster, "taint": w.cluster},
		Log:       w.log, Risks: w.risks, Witnesses: w.witnesses, Drifts: w.drifts, Truth: w.truth, Switches: []corrector.Switch{w.elsewhere},
		Fresh: w.seen, Leads: func() bool { return !w.follower },
		Now: func() time.Time { return w.at }, Elapsed: func() time.Duration { return w.ran }, Registerer: w.registry,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Corrector = c
}

func (w *world) pass(d time.Duration) { w.at, w.ran = w.at.Add(d), w.ran+d }

// never is how long ago the cluster was seen where it never was.
const never = time.Duration(math.MaxInt64)

func (w *world) seen() time.Time {
	if w.watched == never {
		return time.Time{}
	}
	return w.at.Add(-w.watched)
}

// jump is somebody setting the clock.
func (w *world) jump(d time.Duration) { w.at = w.at.Add(d) }

func (w *world) set(change func(*corrector.Policy)) {
	w.t.Helper()
	change(&w.policy)
	if err := w.SetPolicies(append([]corrector.Policy{w.policy}, w.others...)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tick() {
	w.t.Helper()
	if err := w.Tick(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func node(name string) collector.Subject { return collector.Subject{Kind: "node", Name: name} }

func (w *world) request(name string) corrector.Request {
	return corrector.Request{
		Policy: w.policy.Name, Target: "NodeNotReady", Subject: node(name), Horizon: time.Hour,
		Evidence: &corrector.Evidence{Risk: 0.9, Fresh: w.at}, Actor: "alice",
	}
}

func (w *world) submit(r corrector.Request) forecaster.Correction {
	w.t.Helper()
	c, err := w.Submit(context.Background(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

var errBroken = errors.New("broken, says the test")
