package forecaster_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models/shift"
)

// TestRegressionsAreFoundInTheLoop walks past a rollout that makes two of three
// services slower: one regression, told once, with the change that it follows, and
// gone after the rollback. A restart while it stands changes nothing of it.
func TestRegressionsAreFoundInTheLoop(t *testing.T) {
	registry := prometheus.NewRegistry()
	target := features.Target{Name: "Latency", Level: "latency", Interval: time.Minute, Horizons: []time.Duration{15 * time.Minute}, Scale: features.ScaleLog,
		Subject:    collector.SubjectSpec{Kind: "service", Labels: []string{"namespace", "service"}},
		Regression: &features.Regression{Changes: []string{"generation"}, MinEffect: 0.1, Hold: 15 * time.Minute, Baseline: 6 * time.Hour},
		Drift:      &features.Drift{Baseline: 18 * time.Hour, Window: time.Hour, PSI: 0.25}}
	dir := t.TempDir()
	w := openWorld(t, dir, func(o *forecaster.Options) { o.Registerer, o.Chunk = registry, 2 }, target)
	rng := rand.New(rand.NewPCG(1, 1))
	slow := func(service string, at time.Time) float64 {
		if service != "chat-c" && !at.Before(noon) && at.Before(noon.Add(2*time.Hour)) {
			return 1.6
		}
		return 1
	}
	fill := func(from, to time.Time) {
		for _, service := range []string{"chat-a", "chat-b", "chat-c"} {
			own := collector.Labels{{Name: "namespace", Value: "ai"}, {Name: "service", Value: service}}
			latency := collector.Series{Labels: own}
			generation := collector.Series{Labels: collector.Labels{{Name: "deployment", Value: service}, {Name: "namespace", Value: "ai"}}}
			for at := from; at.Before(to); at = at.Add(time.Minute) {
				latency.Times, generation.Times = append(latency.Times, at.UnixMilli()), append(generation.Times, at.UnixMilli())
				latency.Values = append(latency.Values, 0.2*(1+0.1*rng.NormFloat64())*slow(service, at))
				g := 4.0
				if at.Before(noon.Add(-2 * time.Minute)) {
					g = 3
				}
				generation.Values = append(generation.Values, g)
			}
			for name, s := range map[string]collector.Series{"Latency": latency, "generation": generation} {
				if _, err := w.history.Append(t.Context(), name, []collector.Series{s}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	fill(noon.Add(-20*time.Hour), noon.Add(4*time.Hour))
	var before []forecaster.Event
	for at := noon.Add(-20 * time.Minute); at.Before(noon.Add(4 * time.Hour)); at = at.Add(10 * time.Minute) {
		if err := w.Step(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if at.Equal(noon.Add(time.Hour)) {
			if n, err := testutil.GatherAndCount(registry, "driftcast_regression_info", "driftcast_regression_effect_ratio"); n != 4 || err != nil {
				t.Errorf("got %d series, %v, want 2 for each of two services", n, err)
			}
			found := w.Regressions()
			before = w.told.kinds(forecaster.RegressionChanged)
			w.close(t)
			w = openWorld(t, dir, nil, target)
			step(t, w, at.Add(time.Minute))
			if got := w.Regressions(); len(got) != 1 || got[0].ID != found[0].ID || !got[0].Detected.Equal(found[0].Detected) || got[0].State != shift.Standing {
				t.Errorf("after a restart got %+v, want %+v", got, found)
			}
		}
	}
	told := slices.Concat(before, w.told.kinds(forecaster.RegressionChanged))
	if len(told) != 2 || told[0].Regression.State != shift.New || told[1].Regression.State != shift.Gone {
		t.Fatalf("got %d events: %+v", len(told), told)
	}
	r := w.Regressions()
	if len(r) != 1 || len(r[0].Subjects) != 2 || r[0].Onset.Sub(noon).Abs() > 3*time.Minute || len(r[0].Follows) == 0 || r[0].Follows[0].Signal != "generation" {
		t.Errorf("got %+v", r)
	}
	if d := w.Departures(); len(d) != 2 {
		t.Errorf("got %+v, want the two services", d)
	}
}
