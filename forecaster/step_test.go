package forecaster_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
)

func TestStepForecastsAtOnceWithoutChampion(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	w := newWorld(t, func(o *forecaster.Options) { o.Registerer = registry }, latency(), down())
	from := noon.Add(-2 * 24 * time.Hour)
	w.write(t, "Latency", "service", 3, from, noon, 5*time.Minute, daily)
	w.write(t, "NodeDown", "node", 20, from, noon, 5*time.Minute, failing)
	step(t, w, noon.Add(30*time.Second))

	got, _, err := w.ledger.Forecasts(t.Context(), forecaster.ForecastQuery{Target: "Latency"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Fatalf("got %d forecasts of Latency, want 3", len(got))
	}
	for _, f := range got {
		if f.Model != "naive" || !f.Origin.Equal(noon) || len(f.Path) != 9*len(f.Leads) || len(f.Risks) != 2 {
			t.Errorf("got %s at %s with %d leads, a path of %d and %d risks", f.Model, f.Origin, len(f.Leads), len(f.Path), len(f.Risks))
		}
	}
	got, _, err = w.ledger.Forecasts(t.Context(), forecaster.ForecastQuery{Target: "NodeDown"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 || got[0].Model != "base-rate" || got[0].Risks[1].Probability <= 0 {
		t.Errorf("got %+v, want base rates of NodeDown", got)
	}
	status := w.Status()
	if status.Degraded || len(status.Targets) != 2 || status.Targets[0].Forecasts != 3 || status.Targets[0].Model != "naive" {
		t.Errorf("got %+v, want all well", status)
	}
	if n, err := testutil.GatherAndCount(registry, "driftcast_risk_ratio", "driftcast_forecast_quantile"); err != nil || n != 3*2+3*2*3+2*len(got) {
		t.Errorf("got %d forecast series, %v; want %d", n, err, 3*2+3*2*3+2*len(got))
	}
	if got := len(w.told.kinds(forecaster.StepDone)); got != 2 {
		t.Errorf("got %d step events, want 2", got)
	}
}

func TestStepSurvivesOneTarget(t *testing.T) {
	broken := down()
	broken.Name, broken.Interval = "Broken", 0
	w := newWorld(t, nil, broken, latency())
	w.write(t, "Latency", "service", 1, noon.Add(-24*time.Hour), noon, 5*time.Minute, daily)
	err := w.Step(t.Context(), noon)
	if err == nil || !strings.Contains(err.Error(), "Broken") {
		t.Errorf("got %v, want an error that names Broken", err)
	}
	if _, err := w.ledger.Forecast(t.Context(), "Latency", "service/service-00"); err != nil {
		t.Errorf("the other target was not forecast: %v", err)
	}
	status := w.Status()
	if !status.Degraded || !strings.Contains(status.Problems[0], "Broken") {
		t.Errorf("got %+v, want it degraded by Broken", status)
	}
}

type outage struct{}

func (outage) Collect(context.Context, time.Time) error { return errors.New("connection refused") }

func TestStepForecastsThroughAnOutage(t *testing.T) {
	w := newWorld(t, func(o *forecaster.Options) { o.Collector = outage{} }, latency())
	w.write(t, "Latency", "service", 1, noon.Add(-24*time.Hour), noon, 5*time.Minute, daily)
	if err := w.Step(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want the collector's error", err)
	}
	if _, err := w.ledger.Forecast(t.Context(), "Latency", "service/service-00"); err != nil {
		t.Error(err)
	}
	if status := w.Status(); !status.Degraded {
		t.Errorf("got %+v, want it degraded", status)
	}
}

func TestStepSaysThatThereIsNoHistory(t *testing.T) {
	w := newWorld(t, nil, latency())
	if err := w.Step(t.Context(), noon); err == nil {
		t.Error("got no error")
	}
	status := w.Status()
	if !status.Degraded || !strings.Contains(status.Problems[0], "waiting for history") {
		t.Errorf("got %+v, want it to wait for history", status)
	}
}

// TestWarningLifecycle follows one service as its risk rises, over a restart,
// until it is calm again. The risk is half of the latency.
func TestWarningLifecycle(t *testing.T) {
	w := newWorld(t, withOracle, latency())
	at := noon
	var last []forecaster.Warning
	next := func(v float64) { // the next sample of service 0, and a step
		at = at.Add(5 * time.Minute)
		w.write(t, "Latency", "service", 2, at, at, 5*time.Minute, func(s int, _ time.Time) float64 { return []float64{v, 0.1}[s] })
		before := len(w.told.notified)
		step(t, w, at)
		if last = nil; len(w.told.notified) > before {
			last = w.told.notified[before]
		}
	}
	if next(0.6); len(last) != 0 {
		t.Fatalf("got %+v while calm", last)
	}
	next(1.2)
	raised := at
	if len(last) != 1 {
		t.Fatalf("got %d warnings, want 1", len(last))
	}
	got := last[0]
	if got.Subject.Name != "service-00" || got.Risk != 0.6 || got.Threshold != 0.5 || got.Horizon != 15*time.Minute || !got.StartsAt.Equal(raised) ||
		!got.Fresh.Equal(raised) || got.Resolved || got.Labels["severity"] != "warning" || got.Correction != "scale-out" {
		t.Errorf("got %+v", got)
	}
	for key, want := range map[string]string{"risk": "60% within 15m", "summary": "Latency of service/service-00: 60% within 15m",
		"runbook_url": "https://runbooks.example/latency"} {
		if got.Annotations[key] != want {
			t.Errorf("annotation %s: got %q, want %q", key, got.Annotations[key], want)
		}
	}
	if len(w.told.proposed) != 1 || len(w.told.kinds(forecaster.WarningRaised)) != 1 {
		t.Errorf("got %d proposals and %d events, want 1 and 1", len(w.told.proposed), len(w.told.kinds(forecaster.WarningRaised)))
	}

	w.close(t) // a restart: it is the same warning
	w = openWorld(t, w.path, withOracle, latency())
	next(1.3)
	if len(last) != 1 || !last[0].StartsAt.Equal(raised) || last[0].Risk != 0.65 {
		t.Fatalf("got %+v after a restart, want the warning of %s", last, raised)
	}
	if n := len(w.told.kinds(forecaster.WarningRaised)); n != 0 {
		t.Errorf("got %d warnings raised again", n)
	}

	next(0.9) // under the threshold, not under 0.8 of it: it stays, but asks for nothing
	if len(last) != 1 || last[0].Resolved || len(w.told.proposed) != 1 {
		t.Errorf("got %+v and %d proposals, want it to stay without a proposal", last, len(w.told.proposed))
	}
	next(0.5)
	if len(last) != 1 || last[0].Resolved {
		t.Errorf("got %+v after one low step, want it to stay", last)
	}
	next(0.9)
	next(0.5)
	if len(last) != 1 || last[0].Resolved {
		t.Errorf("got %+v after one low step again, want it to stay", last)
	}
	next(0.5)
	if len(last) != 1 || !last[0].Resolved || !last[0].StartsAt.Equal(raised) {
		t.Errorf("got %+v after two low steps, want it resolved", last)
	}
	if next(0.5); len(last) != 0 {
		t.Errorf("got %+v, want a resolved warning to be sent once", last)
	}
	if active, err := w.ledger.ActiveWarnings(t.Context()); err != nil || len(active) != 0 {
		t.Errorf("got %v, %v; want none active", active, err)
	}
}

func TestWarningThatComesTrueIsResolved(t *testing.T) {
	w := newWorld(t, withOracle, latency())
	for i, v := range []float64{1.8, 2.5, 2.5} { // over the bound of 2 from the second on
		at := noon.Add(time.Duration(i) * 5 * time.Minute)
		w.write(t, "Latency", "service", 1, at, at, 5*time.Minute, func(int, time.Time) float64 { return v })
		step(t, w, at)
	}
	if got := w.told.notified; len(got) != 3 || got[0][0].Resolved || got[1][0].Resolved || !got[2][0].Resolved {
		t.Errorf("got %+v, want it raised, kept and resolved", got)
	}
}

func TestWarningOfVanishedSubjectEndsWithItsHorizon(t *testing.T) {
	w := newWorld(t, withOracle, latency())
	w.write(t, "Latency", "service", 1, noon, noon, 5*time.Minute, func(int, time.Time) float64 { return 1.8 })
	step(t, w, noon)
	step(t, w, noon.Add(20*time.Minute)) // the horizon is 15 minutes, but samples of 20 minutes ago will do
	step(t, w, noon.Add(40*time.Minute)) // no more: nobody can see
	step(t, w, noon.Add(60*time.Minute))
	var got []string
	for _, n := range w.told.notified {
		got = append(got, fmt.Sprint(n[0].Origin.Sub(noon), n[0].Resolved))
	}
	if want := []string{"0s false", "20m0s false", "20m0s true"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWarningsKeepToTheBudgetHighestFirst(t *testing.T) {
	target := latency()
	target.Warn.Budget = features.Budget{Count: 2, Per: 24 * time.Hour}
	w := newWorld(t, withOracle, target)
	rising := func(s int, _ time.Time) float64 { return 1.2 + 0.1*float64(s) }
	w.write(t, "Latency", "service", 5, noon, noon.Add(25*time.Hour), 5*time.Minute, rising)
	step(t, w, noon)
	got := w.told.notified[0]
	if len(got) != 2 || got[0].Subject.Name != "service-04" || got[1].Subject.Name != "service-03" {
		t.Errorf("got %+v, want service-04 and service-03", got)
	}
	if s := w.Status().Targets[0]; s.Suppressed != 3 || s.Warnings != 2 {
		t.Errorf("got %+v, want the other 3 suppressed", s)
	}
	step(t, w, noon.Add(5*time.Minute))
	if s := w.Status().Targets[0]; s.Suppressed != 3 || s.Warnings != 2 {
		t.Errorf("got %+v in the next step, want the same", s)
	}
	step(t, w, noon.Add(25*time.Hour))
	if s := w.Status().Targets[0]; s.Suppressed != 1 || s.Warnings != 4 {
		t.Errorf("got %+v the next day, want 2 more", s)
	}
}

func TestStaleSamplesRaiseNothing(t *testing.T) {
	w := newWorld(t, withOracle, latency())
	w.write(t, "Latency", "service", 2, noon, noon, 5*time.Minute, func(int, time.Time) float64 { return 1.8 })
	step(t, w, noon.Add(45*time.Minute))
	if len(w.told.notified)+len(w.told.proposed) != 0 {
		t.Errorf("got %v, want no warning from samples that are 45 minutes old", w.told.notified)
	}
	status := w.Status()
	if !status.Degraded || status.Targets[0].Withheld != 2 || !strings.Contains(status.Problems[0], "45m old") {
		t.Errorf("got %+v, want it degraded by stale samples", status)
	}
}

type acted struct{}

func (acted) ActedOn(_ context.Context, s collector.Subject, _, _ time.Time) (bool, error) {
	return s.Name == "node-01", nil
}

func TestOutcomesMatureAgainstHistory(t *testing.T) {
	w := newWorld(t, func(o *forecaster.Options) { o.Acted = acted{} }, latency(), down())
	from := noon.Add(-3 * 24 * time.Hour)
	w.write(t, "Latency", "service", 2, from, noon, 5*time.Minute, daily)
	fails := noon.Add(40 * time.Minute)
	up := func(s int, at time.Time) float64 {
		if at.Before(noon) {
			return failing(s, at)
		}
		if s < 2 && !at.Before(fails) && at.Before(fails.Add(time.Hour)) {
			return 1
		}
		return 0
	}
	w.write(t, "NodeDown", "node", 10, from, noon, 5*time.Minute, up)
	step(t, w, noon)
	later := noon.Add(90 * time.Minute)
	w.write(t, "Latency", "service", 2, noon.Add(5*time.Minute), later, 5*time.Minute, daily)
	w.write(t, "NodeDown", "node", 10, noon.Add(5*time.Minute), later, 5*time.Minute, up)
	step(t, w, later)

	at := func(target, subject string, horizon time.Duration) forecaster.Outcome {
		t.Helper()
		got, err := w.ledger.Issued(t.Context(), target, subject, noon.Add(-time.Minute), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got {
			if o.Origin.Equal(noon) && o.Horizon == horizon {
				return o
			}
		}
		t.Fatalf("no outcome of %s for %s at %s", target, subject, horizon)
		return forecaster.Outcome{}
	}
	for s, subject := range []string{"service/service-00", "service/service-01"} {
		o := at("Latency", subject, time.Hour)
		if want := daily(s, noon.Add(time.Hour)); o.Actual != want || o.Matured.IsZero() {
			t.Errorf("%s: got %v at %s, want %v", subject, o.Actual, o.Matured, want)
		}
		if want := daily(s, noon); o.Naive != want || o.Happened != 0 {
			t.Errorf("%s: got naive %v and happened %v, want %v and 0", subject, o.Naive, o.Happened, want)
		}
	}
	if o := at("NodeDown", "node/node-00", time.Hour); o.Happened != 1 || !o.Began.Equal(fails) || o.Naive <= 0 || o.Naive >= 1 {
		t.Errorf("got %+v, want it to have happened at %s", o, fails)
	}
	if o := at("NodeDown", "node/node-01", time.Hour); o.Happened == o.Happened || o.Matured.IsZero() {
		t.Errorf("got %+v, want it censored: we acted on it", o)
	}
	if o := at("NodeDown", "node/node-02", time.Hour); o.Happened != 0 {
		t.Errorf("got %+v, want that nothing happened", o)
	}
	if o := at("NodeDown", "node/node-00", 6*time.Hour); !o.Matured.IsZero() {
		t.Errorf("got %+v, want it not to be known yet", o)
	}
	cards, err := w.ledger.Scorecards(t.Context(), "NodeDown")
	if err != nil {
		t.Fatal(err)
	}
	if len(cards) != 1 || cards[0].Forecasts < 9 || math.IsNaN(cards[0].Skill) {
		t.Errorf("got %+v, want one scorecard", cards)
	}
}

func TestChunksMakeTheSameForecasts(t *testing.T) {
	want := map[string]float64{}
	for _, chunk := range []int{1000, 3} {
		w := newWorld(t, func(o *forecaster.Options) { o.Chunk = chunk }, latency())
		w.write(t, "Latency", "service", 10, noon.Add(-24*time.Hour), noon.Add(5*time.Minute), 5*time.Minute, daily)
		step(t, w, noon)
		step(t, w, noon.Add(5*time.Minute)) // in chunks, now that the number of subjects is known
		got, _, err := w.ledger.Forecasts(t.Context(), forecaster.ForecastQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 10 {
			t.Fatalf("chunk %d: got %d forecasts, want 10", chunk, len(got))
		}
		for _, f := range got {
			if !f.Origin.Equal(noon.Add(5 * time.Minute)) {
				t.Errorf("chunk %d: %s is of %s", chunk, f.Subject, f.Origin)
			}
			if chunk == 1000 {
				want[f.Subject.String()] = f.Path[4]
			} else if f.Path[4] != want[f.Subject.String()] {
				t.Errorf("chunk %d: got %v for %s, want %v", chunk, f.Path[4], f.Subject, want[f.Subject.String()])
			}
		}
	}
}

// TestReachChangesNoFeature compares the features of the newest origin with and
// without what a step leaves unread.
func TestReachChangesNoFeature(t *testing.T) {
	target := down()
	target.Interval = time.Minute
	target.Signals = []string{"Heat", "Load"}
	w := newWorld(t, nil, target)
	from := noon.Add(-8 * 24 * time.Hour)
	w.write(t, "NodeDown", "node", 4, from, noon, time.Minute, failing)
	w.write(t, "Heat", "node", 4, from, noon, time.Minute, daily)
	w.write(t, "Load", "node", 4, from, noon.Add(-30*time.Hour), time.Minute, daily) // gone since a day and more
	window := collector.Window{Start: noon.Add(-features.Lookback(&target)), End: noon, Step: target.Interval}
	var frames [2]*features.Frame
	read := &counter{Reader: w.history}
	var samples [2]int
	for i, r := range []features.Reader{read, forecaster.Reach(read, &target, noon)} {
		panel, err := features.Load(t.Context(), r, &target, window)
		if err != nil {
			t.Fatal(err)
		}
		if frames[i], err = features.Extract(panel, &target, features.Options{Origins: []int{panel.Len - 1}}); err != nil {
			t.Fatal(err)
		}
		samples[i], read.samples = read.samples, 0
	}
	if diff := cmp.Diff(frames[0].X, frames[1].X, cmpopts.EquateNaNs()); diff != "" || len(frames[0].X) == 0 {
		t.Errorf("%d features (-all +reach)\n%s", len(frames[0].X), diff)
	}
	if samples[1] >= samples[0]*2/3 {
		t.Errorf("read %d samples of %d: nothing much was saved", samples[1], samples[0])
	}
}

type counter struct {
	features.Reader
	samples int
}

func (c *counter) Select(ctx context.Context, signal string, w collector.Window) ([]collector.Series, error) {
	got, err := c.Reader.Select(ctx, signal, w)
	for _, s := range got {
		c.samples += len(s.Times)
	}
	return got, err
}
