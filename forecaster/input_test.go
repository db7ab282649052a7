package forecaster_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// TestBadInput is what the loop answers to what it should never be given: in
// words, degraded, and never a confident wrong number.
func TestBadInput(t *testing.T) {
	day := 24 * time.Hour
	level := func(t *testing.T, w *world, value func(int, time.Time) float64) {
		w.write(t, "Latency", "service", 3, noon.Add(-4*day), noon, 5*time.Minute, value)
	}
	for name, c := range map[string]struct {
		target    features.Target
		fill      func(t *testing.T, w *world)
		problem   string // of the target after a step; "" is none
		forecasts int
		training  string // the message of a training; "" is that it promotes
	}{
		"a target with no history": {latency(), func(*testing.T, *world) {}, "waiting for history", 0, "too few rows"},
		"an empty cluster, which was not always": {latency(), func(t *testing.T, w *world) {
			w.write(t, "Latency", "service", 3, noon.Add(-4*day), noon.Add(-3*day), 5*time.Minute, daily)
		}, "the newest sample is 3d old: warnings and corrections are withheld", 0, "-"},
		"fewer rows than a model needs": {latency(), func(t *testing.T, w *world) {
			w.write(t, "Latency", "service", 1, noon.Add(-10*time.Minute), noon, 5*time.Minute, daily)
		}, "", 1, "too few rows"},
		"a covariate that is nowhere": {func() features.Target { x := down(); x.Signals = []string{"nothing"}; return x }(), func(t *testing.T, w *world) {
			w.write(t, "NodeDown", "node", 5, noon.Add(-4*day), noon, 5*time.Minute, failing)
		}, "", 5, "-"},
		"one class only: it never happens": {down(), func(t *testing.T, w *world) {
			w.write(t, "NodeDown", "node", 5, noon.Add(-4*day), noon, 5*time.Minute, func(int, time.Time) float64 { return 0 })
		}, "", 5, "-"},
		"one class only: it always happens": {down(), func(t *testing.T, w *world) {
			w.write(t, "NodeDown", "node", 5, noon.Add(-4*day), noon, 5*time.Minute, func(int, time.Time) float64 { return 1 })
		}, "waiting for history", 0, "too few rows"},
		"a unit changed overnight, from seconds to milliseconds": {latency(), func(t *testing.T, w *world) {
			level(t, w, func(s int, at time.Time) float64 {
				if at.After(noon.Add(-4 * time.Hour)) {
					return 1000 * daily(s, at)
				}
				return daily(s, at)
			})
		}, "jumped ×1000 at 10 Mar 08:05 on 3 of 3 subjects: has its unit changed?", 3, "-"},
		"a unit changed, the other way": {latency(), func(t *testing.T, w *world) {
			level(t, w, func(s int, at time.Time) float64 {
				if at.After(noon.Add(-4 * time.Hour)) {
					return daily(s, at) / 1000
				}
				return daily(s, at)
			})
		}, "jumped ÷1000", 3, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, c.target)
			c.fill(t, w)
			if err := w.Step(t.Context(), noon); err != nil && c.problem == "" {
				t.Fatal(err)
			}
			s := w.Status().Targets[0]
			if said := s.Problem + s.Error; (said == "") != (c.problem == "") || !strings.Contains(said, c.problem) {
				t.Errorf("got %q, want %q", said, c.problem)
			}
			if s.Forecasts != c.forecasts {
				t.Errorf("got %d forecasts, want %d", s.Forecasts, c.forecasts)
			}
			if len(w.told.notified) > 0 {
				t.Errorf("got warnings: %+v", w.told.notified)
			}
			if c.training == "-" { // costs seconds, and is what other tests are about
				return
			}
			if _, err := w.Train(t.Context(), c.target.Name, "cli"); !errors.Is(err, models.ErrTooFewRows) || !strings.Contains(err.Error(), c.training) {
				t.Errorf("got %v, want %q", err, c.training)
			}
		})
	}
}

// TestUnitJump tells a change of units from what a level may well do.
func TestUnitJump(t *testing.T) {
	series := func(n int, value func(i int) float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = value(i)
		}
		return y
	}
	for name, c := range map[string]struct {
		y    []float64
		want float64
	}{
		"nothing":                     {nil, 0},
		"constant":                    {series(50, func(int) float64 { return 3 }), 0},
		"zeros, then load":            {series(50, func(i int) float64 { return float64(i / 40 * 100) }), 0},
		"an incident, thirtyfold":     {series(50, func(i int) float64 { return 1 + 29*float64(i/40) }), 0},
		"a thousandfold":              {series(50, func(i int) float64 { return (1 + 0.1*float64(i%3)) * math.Pow(1000, float64(i/40)) }), 1000},
		"per cent instead of a ratio": {series(50, func(i int) float64 { return (0.5 + 0.1*float64(i%3)) * math.Pow(100, float64(i/40)) }), 100},
		"bytes instead of GiB":        {series(50, func(i int) float64 { return (2 + float64(i%3)) / math.Pow(1<<30, float64(i/40)) }), 1.0 / 1e9},
		"spikes of a thousand":        {series(50, func(i int) float64 { return math.Pow(1000, float64(i%5/4)) }), 0},
		"with holes": {series(50, func(i int) float64 {
			return map[bool]float64{true: math.NaN(), false: math.Pow(1000, float64(i/40))}[i%3 == 0]
		}), 1000},
		"too short to tell": {[]float64{1, 1, 1000, 1000}, 0},
	} {
		if got := forecaster.UnitJump(c.y); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestClockThatJumps steps ahead by a year and back, and back within the hour:
// an origin never goes back, and no moment is issued twice.
func TestClockThatJumps(t *testing.T) {
	dir := t.TempDir()
	w := openWorld(t, dir, nil, latency())
	w.write(t, "Latency", "service", 2, noon.Add(-2*24*time.Hour), noon.Add(2*time.Hour), 5*time.Minute, daily)
	newest := func() (time.Time, int) {
		t.Helper()
		f, err := w.ledger.Forecast(t.Context(), "Latency", "service/service-00")
		if err != nil {
			t.Fatal(err)
		}
		issued, err := w.ledger.Issued(t.Context(), "Latency", "service/service-00", noon.Add(-time.Hour), 0)
		if err != nil {
			t.Fatal(err)
		}
		return f.Origin, len(issued)
	}
	step(t, w, noon.Add(time.Hour))
	at, issued := newest()
	step(t, w, noon.Add(time.Hour+2*time.Minute)) // the same origin again
	if again, n := newest(); !again.Equal(at) || n != issued {
		t.Errorf("got %d rows up to %s, want the %d up to %s", n, again, issued, at)
	}
	if err := w.Step(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "the clock has gone back") {
		t.Errorf("got %v, want it to name the clock", err)
	}
	if s := w.Status(); !s.Degraded || !strings.Contains(s.Targets[0].Problem, "2026-03-10T13:00:00Z already") {
		t.Errorf("got %+v, want it degraded by the clock", s)
	}
	w.close(t) // also after a restart, which has forgotten where it was
	w = openWorld(t, dir, nil, latency())
	step(t, w, noon)
	if back, _ := newest(); !back.Equal(at) {
		t.Errorf("the newest forecast went back from %s to %s", at, back)
	}
	_ = w.Step(t.Context(), noon.AddDate(1, 0, 0)) // nothing is known of next year
	if ahead, _ := newest(); !ahead.Equal(at) {
		t.Errorf("got a forecast at %s from samples of %s", ahead, at)
	}
	step(t, w, noon.Add(65*time.Minute))
	if on, _ := newest(); !on.Equal(noon.Add(65 * time.Minute)) {
		t.Errorf("got %s after the clock came back, want the loop to go on", on)
	}
	if s := w.Status(); s.Degraded {
		t.Errorf("got %+v, want all well again", s)
	}
}

// TestDamagedModels is what a step does with a champion that is not what it
// was.
func TestDamagedModels(t *testing.T) {
	for name, damage := range map[string]func(object []byte) []byte{
		"cut short":            func(b []byte) []byte { return b[:len(b)/2] },
		"empty":                func([]byte) []byte { return nil },
		"one bit is different": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"of another target":    func(b []byte) []byte { return append([]byte("Other"), b...) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, plain())
			w.write(t, "Latency", "service", 2, noon.Add(-8*24*time.Hour), noon, 5*time.Minute, daily)
			id := champion(t, w, models.WindowQuantile{})
			path := filepath.Join(w.path, "models", "objects", id+".model")
			object, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(object), 0o600); err != nil {
				t.Fatal(err)
			}
			step(t, w, noon)
			if s := w.Status().Targets[0]; s.Model != "naive" || s.Forecasts != 2 || !strings.Contains(s.Problem, "the champion cannot serve, a naive model does") || !strings.Contains(s.Problem, "rollback") {
				t.Errorf("got %+v, want naive forecasts and the remedy", s)
			}
		})
	}
}

// TestDuplicatedSubjects has two series that are the same subject, such as one
// scraped by two replicas: one forecast, of both together.
func TestDuplicatedSubjects(t *testing.T) {
	w := newWorld(t, nil, latency())
	for replica, shift := range map[string]float64{"a": 0, "b": 0.5} {
		one := collector.Series{Labels: collector.Labels{{Name: "replica", Value: replica}, {Name: "service", Value: "chat"}}}
		for at := noon.Add(-24 * time.Hour); !at.After(noon); at = at.Add(5 * time.Minute) {
			one.Times, one.Values = append(one.Times, at.UnixMilli()), append(one.Values, 1+shift)
		}
		if _, err := w.history.Append(t.Context(), "Latency", []collector.Series{one}); err != nil {
			t.Fatal(err)
		}
	}
	step(t, w, noon)
	got, _, err := w.ledger.Forecasts(t.Context(), forecaster.ForecastQuery{})
	if err != nil || len(got) != 1 {
		t.Fatalf("got %d forecasts, %v; want one of the subject", len(got), err)
	}
	if v := got[0].Path[models.Median]; v < 1-1e-6 || v > 1.5+1e-6 {
		t.Errorf("got %v, want between the two", v)
	}
}
