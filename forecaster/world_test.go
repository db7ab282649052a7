package forecaster_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is on the grid of every target here.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// world is a real History, ledger and registry in a temporary folder, with a
// forecaster on top.
type world struct {
	*forecaster.Forecaster
	history  *collector.History
	ledger   *store.Store
	registry *models.Registry
	told     *told
	path     string
}

// told collects what the forecaster tells others.
type told struct {
	mu       sync.Mutex
	events   []forecaster.Event
	notified [][]forecaster.Warning
	proposed [][]forecaster.Warning
	err      error
}

func (n *told) Notify(_ context.Context, w []forecaster.Warning) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notified = append(n.notified, slices.Clone(w))
	return n.err
}

func (n *told) Propose(_ context.Context, w []forecaster.Warning) error {
	if len(w) == 0 {
		return nil // asked at every step
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.proposed = append(n.proposed, slices.Clone(w))
	return nil
}

func (n *told) event(e forecaster.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, e)
}

func (n *told) kinds(kind forecaster.EventKind) (out []forecaster.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// newWorld opens everything; edit may change the options.
func newWorld(t testing.TB, edit func(*forecaster.Options), targets ...features.Target) *world {
	t.Helper()
	return openWorld(t, t.TempDir(), edit, targets...)
}

func openWorld(t testing.TB, dir string, edit func(*forecaster.Options), targets ...features.Target) *world {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	w := &world{told: &told{}, path: dir}
	var err error
	if w.history, err = collector.OpenHistory(collector.HistoryOptions{Path: filepath.Join(dir, "history")}); err != nil {
		t.Fatal(err)
	}
	if w.ledger, err = store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "driftcast.db"), Logger: logger}); err != nil {
		t.Fatal(err)
	}
	if w.registry, err = models.OpenRegistry(filepath.Join(dir, "models")); err != nil {
		t.Fatal(err)
	}
	o := forecaster.Options{
		Targets: targets, History: w.history, Ledger: w.ledger, Registry: w.registry,
		Notifier: w.told, Proposer: w.told, Events: w.told.event,
		Catalog: quick, Now: func() time.Time { return noon }, Logger: logger, Seed: 1,
	}
	if edit != nil {
		edit(&o)
	}
	if w.Forecaster, err = forecaster.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.close(t) })
	return w
}

// quick are the models of a level that take no time to fit; of an event, all.
func quick(t *features.Target) []models.Model {
	if t.IsEvent() {
		return models.Catalog(t)
	}
	return []models.Model{models.Naive{}, models.SeasonalNaive{}, models.WindowQuantile{}}
}

func (w *world) close(t testing.TB) {
	if w.history == nil {
		return
	}
	if err := w.history.Close(); err != nil {
		t.Error(err)
	}
	if err := w.ledger.Close(); err != nil {
		t.Error(err)
	}
	w.history = nil
}

// write appends a signal sampled at every interval from one time up to and
// including another, for each of n subjects.
func (w *world) write(t testing.TB, signal, label string, n int, from, to time.Time, every time.Duration, value func(subject int, at time.Time) float64) {
	t.Helper()
	var series []collector.Series
	for s := range n {
		one := collector.Series{Labels: collector.Labels{{Name: label, Value: name(label, s)}}}
		for at := from; !at.After(to); at = at.Add(every) {
			if v := value(s, at); v == v {
				one.Times, one.Values = append(one.Times, at.UnixMilli()), append(one.Values, v)
			}
		}
		if len(one.Times) > 0 {
			series = append(series, one)
		}
	}
	if _, err := w.history.Append(t.Context(), signal, series); err != nil {
		t.Fatal(err)
	}
}

func name(label string, i int) string { return fmt.Sprintf("%s-%02d", label, i) }

// latency is a level with an objective: "< 2" s.
func latency() features.Target {
	return features.Target{
		Name: "Latency", Subject: collector.SubjectSpec{Kind: "service", Labels: []string{"service"}}, Interval: 5 * time.Minute,
		Level: "latency", Objective: &features.Objective{Op: "<", Bound: 2}, For: 5 * time.Minute,
		Horizons: []time.Duration{15 * time.Minute, time.Hour}, Scale: features.ScaleLog,
		Warn: features.Warn{Risk: 0.5}, Correction: "scale-out", Labels: map[string]string{"severity": "warning"},
		Annotations: map[string]string{"runbook_url": "https://runbooks.example/latency"},
	}
}

// down is an event: a node that is not ready.
func down() features.Target {
	return features.Target{
		Name: "NodeDown", Subject: collector.SubjectSpec{Kind: "node", Labels: []string{"node"}}, Interval: 5 * time.Minute,
		Event: "up == 0", For: 5 * time.Minute, Horizons: []time.Duration{time.Hour, 6 * time.Hour},
	}
}

// daily is a latency of about one second that follows the day.
func daily(subject int, at time.Time) float64 {
	random := rand.New(rand.NewPCG(uint64(subject), uint64(at.Unix())))
	hour := float64(at.Unix()%86400) / 3600
	return 0.8 + 0.3*math.Sin(2*math.Pi*hour/24) + 0.05*random.NormFloat64()
}

// failing is a node that is down for 20 minutes now and then.
func failing(subject int, at time.Time) float64 {
	slot := at.Unix() / 1200
	random := rand.New(rand.NewPCG(uint64(subject), uint64(slot)))
	if random.Float64() < 0.02 {
		return 1
	}
	return 0
}

func step(t testing.TB, w *world, at time.Time) {
	t.Helper()
	if err := w.Step(t.Context(), at); err != nil {
		t.Fatal(err)
	}
}

// oracle is a registry whose champion says that the risk is half of the last
// value, so that a test can say what the risk is to be.
type oracle struct{}

func (oracle) Champion(string) (string, error) { return "oracle", nil }
func (oracle) Load(string) (models.Fitted, models.Manifest, error) {
	return oracle{}, models.Manifest{}, nil
}
func (oracle) Put(context.Context, string, models.Fitted, models.Manifest) (string, error) {
	return "", nil
}
func (oracle) Promote(string, string) error                { return nil }
func (oracle) Prune(time.Time) (int, error)                { return 0, nil }
func (oracle) StartShadow(string, string, time.Time) error { return nil }
func (oracle) Shadow(string) (models.Shadow, error)        { return models.Shadow{}, models.ErrNotFound }
func (oracle) DropShadow(string) error                     { return nil }
func (oracle) MarshalBinary() ([]byte, error)              { return nil, nil }
func (oracle) Predict(f *features.Frame, row int, out *models.Forecast) error {
	past := f.Past(row)
	for i := len(past) - 1; i >= 0; i-- {
		if v := past[i]; v == v {
			out.Risks = out.Risks[:0]
			for _, h := range f.Target.Horizons {
				out.Risks = append(out.Risks, models.Risk{Horizon: h, Probability: v / 2})
			}
			return nil
		}
	}
	return models.ErrNoData
}

func withOracle(o *forecaster.Options) { o.Registry = oracle{} }

// fit fits a model of Latency on what History held at a time.
func fit(t *testing.T, w *world, m models.Model, at time.Time) (models.Fitted, time.Time) {
	t.Helper()
	target := latency()
	target.Objective = nil
	target.Horizons = append(target.Horizons, 6*time.Hour)
	window := collector.Window{Start: at.Add(-2 * 24 * time.Hour), End: at, Step: target.Interval}
	panel, err := features.Load(t.Context(), w.history, &target, window)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := features.Extract(panel, &target, features.Options{Origins: features.Origins(panel, time.Hour, window.Start, at), Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := m.Fit(t.Context(), frame, models.FitOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return fitted, at
}
